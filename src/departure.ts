/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A node's leave, in two steps where hooks have something to say before it: first they, then the engine. Until
// the second step the leave can still be undone, and then it must have no effect at all.
import type { LifeHooks } from './config/life-hooks.js';

/** What leaving needs of the node. */
export interface DepartureComponents {
  readonly engine: { leave(finished: () => void): void };
  readonly hooks: LifeHooks | undefined;
}

/** The leave of one node, if it leaves. */
export class Departure {
  readonly #components: DepartureComponents;
  /** What is called at the end of the second step, as long as that is to be done. */
  #finished: (() => void) | undefined;

  constructor(components: DepartureComponents) {
    this.#components = components;
  }

  /** Begins to leave; `finished` once that was gossiped. */
  begin(finished: () => void): void {
    const { hooks } = this.#components;
    this.#finished = finished;
    if (hooks === undefined) return this.complete();
    void hooks.leaving().then(() => {
      if (this.#finished === finished) this.complete();
    });
  }

  /** Leaves now, without waiting for the hooks any longer; nothing happens if it has left, or does not leave. */
  complete(): void {
    const finished = this.#finished;
    this.#finished = undefined;
    if (finished !== undefined) this.#components.engine.leave(finished);
  }

  /** The node comes back: what is not done yet of the leave is not done any more. */
  undo(): void {
    const finished = this.#finished;
    this.cancel();
    this.#components.hooks?.cameBack();
    finished?.();
  }

  /** Does not do what is not done yet. */
  cancel(): void {
    this.#finished = undefined;
  }
}

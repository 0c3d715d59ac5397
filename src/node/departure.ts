/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A node's leave. First the services of the node end their work. Then the node checks that the leave is about itself only: a leave is a claim about a name, and if
// another living node has the same name, all members would mark that node as left. Then the extensions prepare, then
// the engine notifies the cluster. Until that last step the leave can be undone, and then it has no effect at all.
import type { Report } from '../core/reports.js';
import type { Guard } from '../runtime/guard.js';

/** What leaving needs of the node. */
export interface DepartureComponents {
  readonly engine: {
    readonly self: { readonly name: string; leaving: boolean };
    leave(finished: () => void): void;
    findNamesake(done: (address: string | undefined) => void): void;
  };
  readonly extensions: {
    /** Settles when the extensions are ready; undefined without any. */
    leaving(): Promise<unknown> | undefined;
    leavingEnds(reason: Error): void;
    /** The leave is undone. */
    resumed(): void;
  };
  /** As extensions, and before them. */
  readonly services: DepartureComponents['extensions'];
  readonly guard: Guard;
  readonly report: (report: Report) => void;
}

/** The leave of one node, if it leaves. */
export class Departure {
  readonly #components: DepartureComponents;
  /** Called at the end of the last step; undefined when no leave is in progress. */
  #finished: (() => void) | undefined;

  constructor(components: DepartureComponents) {
    this.#components = components;
  }

  /**
   * Begins to leave; calls `finished` once the leave was gossiped. If another living node has our name, the cluster
   * is not notified, and `finished` is called as soon as that is known.
   */
  begin(finished: () => void): void {
    const { guard, services } = this.#components;
    this.#finished = finished;
    const ready = services.leaving();
    if (ready === undefined) return this.#continue(finished);
    guard.whenSettled(ready, () => {
      if (this.#finished === finished) this.#continue(finished);
    });
  }

  #continue(finished: () => void): void {
    const { engine, guard, extensions } = this.#components;
    const isStill = (): boolean => this.#finished === finished;
    engine.findNamesake((address) => {
      if (!isStill()) return;
      if (address !== undefined) return this.#withhold(address);
      const ready = extensions.leaving();
      if (ready === undefined) return this.complete();
      guard.whenSettled(ready, () => {
        if (isStill()) this.complete();
      });
    });
  }

  /** Leaves now, without waiting for the extensions. Does nothing if no leave is in progress. */
  complete(): void {
    const finished = this.#finished;
    this.cancel();
    if (finished !== undefined) this.#components.engine.leave(finished);
  }

  /** The node comes back: steps of the leave that are still to come do not happen. */
  undo(): void {
    const finished = this.#finished;
    this.cancel();
    this.#components.extensions.resumed();
    this.#components.services.resumed();
    finished?.();
  }

  /** Steps of the leave that are still to come do not happen. */
  cancel(): void {
    this.#finished = undefined;
    const { services, extensions } = this.#components;
    services.leavingEnds(new Error('the node does not wait for services any longer'));
    extensions.leavingEnds(new Error('the node does not wait for extensions any longer'));
  }

  #withhold(address: string): void {
    const { engine, report } = this.#components;
    const finished = this.#finished;
    this.#finished = undefined;
    report({ code: 'leave-withheld', peer: engine.self.name, address });
    engine.self.leaving = true;
    finished?.();
  }
}

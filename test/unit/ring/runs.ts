/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Singletons on the nodes of a simulated cluster, and which of their tasks run.
import type { Memberlist } from '../../../src/index.js';
import { runSingleton, type SingletonStoppedError } from '../../../src/ring/index.js';
import type { Singleton, SingletonOptions } from '../../../src/ring/index.js';
import type { SimulatedCluster } from '../../../src/testing/index.js';

/** The tasks of all nodes. */
export class Runs {
  /** Why tasks were aborted, in order. */
  readonly reasons: string[] = [];
  readonly #cluster: SimulatedCluster;
  readonly #endsAfterMs: number;
  readonly #options: SingletonOptions;
  readonly #running = new Map<object, string>();
  readonly #singletons = new Map<string, Singleton>();

  constructor(
    cluster: SimulatedCluster,
    init: { endsAfterMs?: number; options?: SingletonOptions } = {},
  ) {
    this.#cluster = cluster;
    this.#endsAfterMs = init.endsAfterMs ?? 0;
    this.#options = init.options ?? {};
  }

  /** Where tasks run: not aborted yet. */
  get running(): string[] {
    return [...this.#running.values()];
  }

  get all(): Singleton[] {
    return [...this.#singletons.values()];
  }

  of(name: string): Singleton {
    return this.#singletons.get(name)!;
  }

  onAll(singleton: string): void {
    for (const name of this.#cluster.names()) this.on(name, this.#cluster.node(name), singleton);
  }

  on(name: string, list: Memberlist, singleton: string): Singleton {
    const task = (signal: AbortSignal): Promise<void> =>
      new Promise((resolve, reject) => {
        this.#running.set(signal, name);
        signal.addEventListener('abort', () => {
          this.#running.delete(signal);
          const reason = signal.reason as SingletonStoppedError;
          this.reasons.push(reason.reason);
          if (this.#endsAfterMs > 0) this.#cluster.clock.setTimer(this.#endsAfterMs, resolve);
          else reject(reason);
        });
      });
    const started = runSingleton(list, singleton, task, this.#options);
    this.#singletons.set(name, started);
    return started;
  }
}

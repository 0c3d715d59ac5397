/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Looks after a cluster under attack: what must not happen is found as soon as it does.
import { setFlagsFromString } from 'node:v8';
import { inspect } from 'node:util';
import { runInNewContext } from 'node:vm';
import type { Cluster } from './cluster.js';
import { Found, type FindingKind } from './finding.js';
import type { Item } from './item-file.js';

/** No packet may keep the event loop busy for longer. */
export const longestTurnMs = 100;
/** The heap comes back to within this, in bytes. */
export const heapBound = 20 * 1024 * 1024;
const measuredAgain = 3;

/** Failures of the process that nobody handled, while it listens. */
export class FailureWatch implements Disposable {
  readonly failures: unknown[] = [];
  readonly #note = (failure: unknown): void => void this.failures.push(failure);

  constructor() {
    process.on('uncaughtExceptionMonitor', this.#note);
    process.on('unhandledRejection', this.#note);
  }

  [Symbol.dispose](): void {
    process.off('uncaughtExceptionMonitor', this.#note);
    process.off('unhandledRejection', this.#note);
  }
}

/** Checks one cluster. */
export class Guard {
  /** The longest that one packet took, in milliseconds: the least of a few measurements. */
  slowestPacketMs = 0;
  readonly #cluster: Cluster;
  readonly #watch: FailureWatch;
  readonly #view: string;

  constructor(cluster: Cluster, watch: FailureWatch) {
    this.#cluster = cluster;
    this.#watch = watch;
    this.#view = cluster.view();
  }

  /** @throws Found when something happened that must not */
  check(items: readonly Item[]): void {
    const { errors } = this.#cluster;
    const [failure] = this.#watch.failures;
    if (failure !== undefined) {
      this.found('an unhandled failure', inspect(failure), items);
    }
    if (errors[0] !== undefined) this.found('an error in the log', errors[0], items);
    const view = this.#cluster.view();
    if (view !== this.#view) {
      this.found('a change of membership', `${this.#view}, and then ${view}`, items);
    }
  }

  /**
   * Notes how long a packet took. One that took longer than all before is handled a few times more,
   * and its processor time taken: the machine may have been busy with something else.
   *
   * @throws Found when it took too long each time
   */
  timed(ms: number, again: () => void, item: Item): void {
    if (ms <= this.slowestPacketMs) return;
    let least = ms;
    for (let i = 0; i < measuredAgain && least > this.slowestPacketMs; i++) {
      const before = process.cpuUsage();
      again();
      const { user, system } = process.cpuUsage(before);
      least = Math.min(least, (user + system) / 1_000);
    }
    this.slowestPacketMs = Math.max(this.slowestPacketMs, least);
    if (least > longestTurnMs) {
      this.found('a slow packet', `${least.toFixed(1)} ms at the least`, [item]);
    }
  }

  found(kind: FindingKind, detail: string, items: readonly Item[]): never {
    throw new Found({ kind, detail, lane: this.#cluster.lane, items: [...items] });
  }
}

/** Bytes in use once what is not needed is collected: of the heap, and of buffers beside it. */
export async function collectedHeap(): Promise<number> {
  setFlagsFromString('--expose_gc');
  const collect = runInNewContext('gc') as () => void;
  for (let i = 0; i < 3; i++) {
    await new Promise(setImmediate);
    collect();
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

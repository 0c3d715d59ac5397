/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Monitors a cluster under attack, and reports findings as soon as they occur.
import { setFlagsFromString } from 'node:v8';
import { inspect } from 'node:util';
import { runInNewContext } from 'node:vm';
import type { Cluster } from './cluster.js';
import { Found, type FindingKind } from './finding.js';
import type { Item } from './item-file.js';

/** Maximum time of one packet, in milliseconds. */
export const longestTurnMs = 100;
/** Maximum growth of the heap, in bytes. */
export const heapBound = 20 * 1024 * 1024;
const measuredAgain = 3;

/** Unhandled failures of the process, while it listens. */
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
  /** The longest time of a packet, in milliseconds: the minimum of several measurements. */
  slowestPacketMs = 0;
  readonly #cluster: Cluster;
  readonly #watch: FailureWatch;
  readonly #view: string;

  constructor(cluster: Cluster, watch: FailureWatch) {
    this.#cluster = cluster;
    this.#watch = watch;
    this.#view = cluster.view();
  }

  /** @throws Found for an event that must not occur */
  check(items: readonly Item[]): void {
    const { errors } = this.#cluster;
    const [failure] = this.#watch.failures;
    if (failure !== undefined) {
      this.found('an unhandled failure', inspect(failure), items);
    }
    if (errors[0] !== undefined) this.found('an error in the log', errors[0], items);
    const view = this.#cluster.view();
    if (view !== this.#view) {
      this.found('a change of membership', `${this.#view}, then ${view}`, items);
    }
  }

  /**
   * Records the time of a packet. If it took longer than all before, it is repeated, and its processor time
   * is measured: the machine may have had other load.
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

/** Bytes in use after garbage collection: of the heap, and of external buffers. */
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

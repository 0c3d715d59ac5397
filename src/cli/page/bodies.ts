/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The bodies that wait to be taken. Those who ask at the same time share one, but each change makes another, and
// somebody who reads slowly holds the one that it asked for.
import type { Writable } from 'node:stream';
import { pageLimits } from './limits.js';

/** Counts bodies in memory, each once. */
export class Bodies {
  readonly #holders = new Map<Buffer, number>();
  #bytes = 0;

  /** Bytes of all bodies that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether there is room for it; if so it is held until the answer is over. One is always let in. */
  hold(body: Buffer, answer: Writable): boolean {
    const holders = this.#holders.get(body) ?? 0;
    const bytes = this.#bytes + (holders === 0 ? body.length : 0);
    if (bytes > pageLimits.bodyBytes && this.#bytes > 0) return false;
    this.#bytes = bytes;
    this.#holders.set(body, holders + 1);
    answer.once('close', () => this.#release(body));
    return true;
  }

  #release(body: Buffer): void {
    const holders = (this.#holders.get(body) ?? 0) - 1;
    if (holders > 0) this.#holders.set(body, holders);
    else if (this.#holders.delete(body)) this.#bytes -= body.length;
  }
}

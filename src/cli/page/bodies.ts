/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The response bodies that wait to be sent. Concurrent requests share one body, but each change creates
// another, and a slow reader keeps the one that it requested in memory.
import type { Writable } from 'node:stream';
import { pageLimits } from './limits.js';

/** Counts response bodies in memory, each once. */
export class Bodies {
  readonly #holders = new Map<Buffer, number>();
  #bytes = 0;

  /** Bytes of all waiting bodies. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Keeps a body until the response is closed, if there is room for it. One body is always accepted. */
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

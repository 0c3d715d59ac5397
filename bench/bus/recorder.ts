/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What a subscriber received of one series. It keeps the numbers until it is asked: a report per message would be part of
// the measurement.

import { nowMs, payloadBytes, stampOf } from './payload.js';
import type { Received } from './tasks.js';

/** Enough for all messages of a series. */
const most = 1 << 22;

/** Records the messages of one series. */
export class Recorder {
  #series: number | undefined;
  /** Milliseconds from the publish call, by number. */
  #ms = new Float64Array(1024);
  #count = 0;
  #duplicates = 0;
  #outOfOrder = 0;
  #next = 0;

  /** The number after the highest one received. */
  get next(): number {
    return this.#next;
  }

  get received(): Received {
    return { count: this.#count, duplicates: this.#duplicates, outOfOrder: this.#outOfOrder };
  }

  /** Forgets all messages, and records those of a series. */
  start(series: number): void {
    this.#series = series;
    this.#ms.fill(NaN);
    this.#count = this.#duplicates = this.#outOfOrder = this.#next = 0;
  }

  /** Returns whether the message belongs to the series. */
  take(payload: Uint8Array): boolean {
    const at = nowMs();
    if (payload.length !== payloadBytes) throw new Error(`${payload.length} bytes received`);
    const { series, number, publishedAt } = stampOf(payload);
    if (series !== this.#series) return false;
    if (number >= this.#ms.length) this.#grow(number);
    if (!Number.isNaN(this.#ms[number])) {
      this.#duplicates++;
      return true;
    }
    this.#ms[number] = at - publishedAt;
    this.#count++;
    if (number >= this.#next) this.#next = number + 1;
    else this.#outOfOrder++;
    return true;
  }

  /** The first `count` messages; NaN: not received. */
  latencies(count: number): Float64Array {
    if (count > this.#ms.length) this.#grow(count - 1);
    return this.#ms.slice(0, count);
  }

  #grow(number: number): void {
    if (number >= most) throw new Error(`message ${number} is too many for a series`);
    const larger = new Float64Array(2 ** Math.ceil(Math.log2(number + 1))).fill(NaN);
    larger.set(this.#ms);
    this.#ms = larger;
  }
}

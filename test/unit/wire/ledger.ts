/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Memory with a bound, which remembers what was reserved.
import assert from 'node:assert/strict';
import type { Memory } from '../../../src/wire/memory.js';

/** What a {@link Ledger} throws when the bound is reached. */
export class OutOfMemory extends Error {}

/** Counts reservations. */
export class Ledger implements Memory {
  readonly #most: number;
  /** Reserved now. */
  held = 0;
  /** The most that was reserved at a time. */
  peak = 0;

  constructor(most = Infinity) {
    this.#most = most;
  }

  reserve(bytes: number): void {
    assert.ok(Number.isInteger(bytes), `reserved ${bytes} bytes`);
    if (this.held + bytes > this.#most) throw new OutOfMemory();
    this.held += bytes;
    this.peak = Math.max(this.peak, this.held);
  }

  release(bytes: number): void {
    this.held -= bytes;
    assert.ok(this.held >= 0, 'released more than was reserved');
  }
}

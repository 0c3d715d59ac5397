/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Memory that a peer can make a node allocate is reserved before it is allocated. So a bound on all streams holds
// at every moment, also while a small message is decompressed to a large one.

/** Memory of one piece of work. All reservations end with the work; releasing earlier makes room for others. */
export interface Memory {
  /**
   * Reserves so many more bytes. Call it before each allocation whose size a peer can influence.
   *
   * @throws when the bytes are not available; the work must then end
   */
  reserve(bytes: number): void;
  /** Returns so many reserved bytes. Call it when the last reference to them is dropped. */
  release(bytes: number): void;
}

/** For work that has no bound of its own. */
export const unboundedMemory: Memory = {
  reserve: () => undefined,
  release: () => undefined,
};

/** A part of some memory, which knows how much of it is held. */
export class MemoryPart implements Memory {
  readonly #whole: Memory;
  #held = 0;

  constructor(whole: Memory) {
    this.#whole = whole;
  }

  /** Bytes that are reserved now. */
  get held(): number {
    return this.#held;
  }

  reserve(bytes: number): void {
    this.#whole.reserve(bytes);
    this.#held += bytes;
  }

  release(bytes: number): void {
    this.#held -= bytes;
    this.#whole.release(bytes);
  }

  /** Returns all of it. */
  releaseAll(): void {
    if (this.#held > 0) this.release(this.#held);
  }
}

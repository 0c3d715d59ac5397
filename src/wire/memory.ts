/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Memory that a peer can make a node allocate is reserved before it is allocated. So a bound on all streams holds at
// any time, even while a small message is decompressed to a large one.

/**
 * The memory of one piece of work. All reservations end with the work; an earlier release makes room for other work.
 */
export interface Memory {
  /**
   * Reserves this many more bytes. Call it before each allocation whose size a peer can influence.
   *
   * @throws when the bytes are not available; the work must then end
   */
  reserve(bytes: number): void;
  /** Returns this many reserved bytes. Call it when the last reference to them is dropped. */
  release(bytes: number): void;
}

/** For work without a bound. */
export const unboundedMemory: Memory = {
  reserve: () => undefined,
  release: () => undefined,
};

/** A part of some memory that counts its reserved bytes. */
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

  /** Returns all reserved bytes. */
  releaseAll(): void {
    if (this.#held > 0) this.release(this.#held);
  }
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Long work in slices. It is written as a generator that yields wherever it may be interrupted, and
// whoever drives it lets the event loop turn there; what is short never yields. How long a slice is
// is counted in work and not in time, so that a simulation does the same on every machine.

/** Work that may be interrupted where it yields. */
export type Sliced<T> = Generator<undefined, T, undefined>;

/** Does all of it at once. */
export function wholly<T>(work: Sliced<T>): T {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

/**
 * How much is done in one slice. Simulations make it less, so that small clusters are interrupted too;
 * nobody else changes it.
 *
 * @internal
 */
export const sliceSizes = {
  /**
   * Nodes of a push/pull that are read, judged, merged or written. Of all that is done to a node,
   * welcoming one that is new takes longest.
   */
  records: 256,
  /** Bytes that LZW takes or gives, and that snappy gives. */
  lzwBytes: 128 * 1024,
};

/** Whether so many records, or as many again and again, fill a slice. */
export function isEndOfSlice(records: number): boolean {
  return records % sliceSizes.records === 0;
}

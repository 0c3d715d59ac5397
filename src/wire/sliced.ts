/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Long work in slices. It is a generator that yields wherever it may be interrupted; its driver lets the event loop
// turn there. Short work never yields. The length of a slice is measured in work instead of time, so that a
// simulation does the same on every machine.

/** Work that may be interrupted where it yields. */
export type Sliced<T> = Generator<undefined, T, undefined>;

/** Runs all slices at once. */
export function runToCompletion<T>(work: Sliced<T>): T {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

/**
 * The amount of work in one slice. Simulations reduce it, so that small clusters are interrupted too; no other code
 * changes it.
 *
 * @internal
 */
export const sliceSizes = {
  /** Records of a push/pull that are read, judged, merged or written. Admitting a new member takes longest. */
  records: 256,
  /** Bytes that LZW consumes or produces, and that snappy produces. */
  lzwBytes: 128 * 1024,
};

/** Whether a slice ends after this many records. */
export function isEndOfSlice(records: number): boolean {
  return records % sliceSizes.records === 0;
}

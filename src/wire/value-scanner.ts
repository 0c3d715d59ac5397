/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The end of a message on a stream is found in its bytes; this class finds it without rescanning.
import { limits } from './limits.js';
import { scanOrMissing } from './msgpack-scan.js';
import { WireError } from './wire-error.js';

/** Detects when a MessagePack value is complete, and scans it only when it can be. */
export class ValueScanner {
  #notBefore = 0;

  /** Whether enough bytes have arrived since the last scan for a value that ends by `end`. */
  mayBeWhole(end: number): boolean {
    return end >= this.#notBefore;
  }

  /** The buffer lost this many bytes at its beginning. */
  moved(bytes: number): void {
    this.#notBefore -= bytes;
  }

  /**
   * Whether the value at `start` is complete.
   *
   * @throws WireError when it is malformed or over the bounds
   */
  isWhole(buf: Buffer, start: number, end: number): boolean {
    if (!this.mayBeWhole(end)) return false;
    const result = scanOrMissing(buf, start, end);
    this.#notBefore = result < 0 ? end - result : 0;
    if (this.#notBefore > limits.decompressedStreamBytes) {
      throw new WireError('too-large', `a value of more than ${-result} bytes`);
    }
    return result >= 0;
  }
}

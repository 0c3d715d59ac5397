/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The end of a message on a stream is seen in its bytes; this looks for it without reading anything twice.
import { limits } from './limits.js';
import { scanOrMissing } from './msgpack-scan.js';
import { WireError } from './wire-error.js';

/** Looks whether a MessagePack value has come whole, and not again before it can have. */
export class ValueWatch {
  #notBefore = 0;

  /** Whether enough has come since the last look for a value that ends by `end`. */
  isWorthALook(end: number): boolean {
    return end >= this.#notBefore;
  }

  /** Values begin, and end, so many bytes earlier. */
  moved(bytes: number): void {
    this.#notBefore -= bytes;
  }

  /**
   * Whether the value at `start` is there to its end.
   *
   * @throws WireError when it is malformed or over the bounds
   */
  isWhole(buf: Buffer, start: number, end: number): boolean {
    if (!this.isWorthALook(end)) return false;
    const behind = scanOrMissing(buf, start, end);
    this.#notBefore = behind < 0 ? end - behind : 0;
    if (this.#notBefore > limits.decompressedStreamBytes) {
      throw new WireError('too-large', `a value of over ${-behind} bytes`);
    }
    return behind >= 0;
  }
}

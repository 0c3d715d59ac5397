/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A hash of all boot ids and versions: two nodes with the same hash have the same maps. Each map has a hash of its own;
// that of all maps is their exclusive or, so a change costs the same whatever the number of maps.
import type { BootId } from './boot.js';
import { hashBytes } from './messages.js';

/** The hash of a set of maps. */
export class VersionHash {
  #low = 0;
  #high = 0;

  /** Adds a map, or removes it if it was added. */
  toggle(name: string, boot: BootId, version: number): void {
    const text = `${boot}${version} ${name}`;
    this.#low ^= hash32(text, 0x811c9dc5);
    this.#high ^= hash32(text, 0x9747b28c);
  }

  get bytes(): Buffer {
    const bytes = Buffer.alloc(hashBytes);
    bytes.writeInt32BE(this.#high, 0);
    bytes.writeInt32BE(this.#low, 4);
    return bytes;
  }
}

// FNV-1a over the UTF-16 code units, with the final mix of MurmurHash3.
function hash32(text: string, basis: number): number {
  let value = basis;
  for (let i = 0; i < text.length; i++) {
    value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  }
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return value ^ (value >>> 16);
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A hash of bytes in place, for caches: fast, and sufficient for keys that are not chosen to collide. If a peer can
// choose them, the cache must tolerate collisions.

/** Adds one byte to a hash (FNV-1a, 32 bits, starting from any number). */
export function hashWith(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, 0x01000193);
}

/** A hash whose low bits depend on all its bits. */
export function spread(hash: number): number {
  return hash ^ (hash >>> 15);
}

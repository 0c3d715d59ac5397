/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A hash of bytes where they lie, for tables of what was seen before: quick, and good enough for what nobody chose to
// fall on one place. Where somebody may, a table must bear it.

/** The hash (FNV-1a, 32 bits, from any number) of what came before, with one byte more. */
export function hashWith(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, 0x01000193);
}

/** A hash whose low bits depend on all of it. */
export function spread(hash: number): number {
  return hash ^ (hash >>> 15);
}

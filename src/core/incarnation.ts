/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Incarnation and sequence numbers are 32-bit and may wrap. Incarnations are compared as plain numbers, as in Go,
// except within a window at each end of the range, where a small number counts as newer than a large one: a node
// whose number wraps can still refute.

const RANGE = 2 ** 32;
const WRAP_WINDOW = 2 ** 24;

/** The next number; 0 after the largest. */
export function nextNumber(value: number): number {
  return (value + 1) >>> 0;
}

/** Whether `claimed` is a later incarnation than `known`. */
export function isNewer(claimed: number, known: number): boolean {
  if (hasWrapped(known, claimed)) return true;
  if (hasWrapped(claimed, known)) return false;
  return claimed > known;
}

/** Whether `claimed` is an earlier incarnation than `known`. */
export function isOlder(claimed: number, known: number): boolean {
  return claimed !== known && !isNewer(claimed, known);
}

/** The incarnation that overrides a claim about ourselves: above both the claim's and our own. */
export function incarnationAbove(own: number, claimed: number): number {
  return nextNumber(isNewer(claimed, own) ? claimed : own);
}

function hasWrapped(before: number, after: number): boolean {
  return before >= RANGE - WRAP_WINDOW && after < WRAP_WINDOW;
}

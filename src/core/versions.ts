/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The version bytes of a member: protocol min, max, current, delegate min, max, current.
import { noBytes } from '../wire/messages.js';

/** A range of versions that a node understands, and the version that it speaks. */
export interface VersionRange {
  readonly min: number;
  readonly max: number;
  readonly current: number;
}

/** Bytes of a full set of versions: protocol min, max, current, delegate min, max, current. */
export const VERSION_BYTES = 6;

/** Whether these are at least six bytes, a full set of versions. */
export function hasVersions(vsn: Buffer): boolean {
  return vsn.length >= VERSION_BYTES;
}

type VersionRanges = readonly [protocol: VersionRange, delegate: VersionRange];

/** The last result: almost always, all members have the same versions. */
let lastVersions = { vsn: noBytes, ranges: rangesIn(noBytes) };

/** The two ranges in a set of version bytes; zeros if the set is not full, as in Go. */
export function versionRanges(vsn: Buffer): VersionRanges {
  if (lastVersions.vsn === vsn) return lastVersions.ranges;
  const ranges = rangesIn(vsn);
  lastVersions = { vsn, ranges };
  return ranges;
}

function rangesIn(vsn: Buffer): VersionRanges {
  const full = hasVersions(vsn);
  const range = (at: number): VersionRange =>
    Object.freeze({
      min: full ? (vsn[at] as number) : 0,
      max: full ? (vsn[at + 1] as number) : 0,
      current: full ? (vsn[at + 2] as number) : 0,
    });
  return [range(0), range(3)];
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// memberlist's guard against mixing clusters that do not understand each other (behaviour, 4.3).
import { hasVersions } from '../member.js';

/** What is known of one member's versions. */
export interface VersionedMember {
  readonly name: string;
  readonly isAlive: boolean;
  /** As in a claim; fewer than six bytes count as six zeros, as Go has it. */
  readonly vsn: Buffer;
}

/** Where min, max and current are in the version bytes. */
const kinds = [
  { min: 0, max: 1, current: 2, what: 'protocol version' },
  { min: 3, max: 4, current: 5, what: 'delegate protocol version' },
] as const;

/**
 * Why these two tables may not be merged: a member speaks a version that not every living member
 * understands. Undefined when they may.
 */
export function versionProblem(
  theirs: readonly VersionedMember[],
  ours: readonly VersionedMember[],
): string | undefined {
  for (const kind of kinds) {
    let min = 0;
    let max = 255;
    for (const members of [theirs, ours]) {
      for (const member of members) {
        if (!member.isAlive || version(member, 1) === 0) continue;
        min = Math.max(min, version(member, kind.min));
        max = Math.min(max, version(member, kind.max));
      }
    }
    const isOutside = (member: VersionedMember): boolean => {
      const current = version(member, kind.current);
      return current < min || current > max;
    };
    const outside = theirs.find(isOutside) ?? ours.find(isOutside);
    if (outside !== undefined) {
      const speaks = `${outside.name} speaks ${kind.what} ${version(outside, kind.current)}`;
      return min > max
        ? `${speaks}, and no ${kind.what} is understood by all (at least ${min}, at most ${max})`
        : `${speaks}, the cluster understands ${min} to ${max}`;
    }
  }
  return undefined;
}

function version({ vsn }: VersionedMember, at: number): number {
  return hasVersions(vsn) ? (vsn[at] as number) : 0;
}

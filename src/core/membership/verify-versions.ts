/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// memberlist's guard against mixing clusters that do not understand each other (behaviour, 4.3).
import type { VersionRange } from '../member.js';

/** What is known of one member's versions; `ranges` of zeros where it did not say. */
export interface VersionedMember {
  readonly name: string;
  readonly isAlive: boolean;
  readonly protocol: VersionRange;
  readonly delegateProtocol: VersionRange;
}

/**
 * Why these two tables may not be merged: a member speaks a version that not every living member
 * understands. Undefined when they may.
 */
export function versionProblem(
  theirs: readonly VersionedMember[],
  ours: readonly VersionedMember[],
): string | undefined {
  const everybody = [...theirs, ...ours];
  const living = everybody.filter(({ isAlive, protocol }) => isAlive && protocol.max > 0);
  for (const [kind, what] of [
    ['protocol', 'protocol version'],
    ['delegateProtocol', 'delegate protocol version'],
  ] as const) {
    const min = living.reduce((highest, member) => Math.max(highest, member[kind].min), 0);
    const max = living.reduce((lowest, member) => Math.min(lowest, member[kind].max), 255);
    const outside = everybody.find((member) => {
      const { current } = member[kind];
      return current < min || current > max;
    });
    if (outside !== undefined) {
      const speaks = `${outside.name} speaks ${what} ${outside[kind].current}`;
      return min > max
        ? `${speaks}, and no ${what} is understood by all (at least ${min}, at most ${max})`
        : `${speaks}, the cluster understands ${min} to ${max}`;
    }
  }
  return undefined;
}

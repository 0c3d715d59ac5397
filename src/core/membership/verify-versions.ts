/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// memberlist's guard against mixing clusters that do not understand each other (behaviour, 4.3).
import { hasVersions, VERSION_BYTES } from '../member.js';

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
 * The versions that the members of two tables have. Members of one cluster have but a few
 * different sets, so it remembers the first member of each.
 */
export class VersionCensus {
  readonly #sets = new Map<number, VersionedMember>();
  #last: VersionedMember | undefined;

  /** Counts one member in. */
  add(name: string, isAlive: boolean, vsn: Buffer): void {
    // Mostly as the one before.
    if (vsn === this.#last?.vsn && isAlive === this.#last.isAlive) return;
    this.#last = { name, isAlive, vsn };
    // 48 bits of versions and one for being alive: a number holds 53.
    let key = isAlive ? 1 : 0;
    if (hasVersions(vsn))
      for (let at = 0; at < VERSION_BYTES; at++) key = key * 256 + byteAt(vsn, at);
    if (!this.#sets.has(key)) this.#sets.set(key, { name, isAlive, vsn });
  }

  /**
   * Why these tables may not be merged: a member speaks a version that not every living member
   * understands. Undefined when they may.
   */
  problem(): string | undefined {
    const members = [...this.#sets.values()];
    for (const kind of kinds) {
      let min = 0;
      let max = 255;
      for (const member of members) {
        if (!member.isAlive || version(member, 1) === 0) continue;
        min = Math.max(min, version(member, kind.min));
        max = Math.min(max, version(member, kind.max));
      }
      const outside = members.find((member) => {
        const current = version(member, kind.current);
        return current < min || current > max;
      });
      if (outside !== undefined) {
        const speaks = `${outside.name} speaks ${kind.what} ${version(outside, kind.current)}`;
        return min > max
          ? `${speaks}, and no ${kind.what} is understood by all (at least ${min}, at most ${max})`
          : `${speaks}, the cluster understands ${min} to ${max}`;
      }
    }
    return undefined;
  }
}

/** {@link VersionCensus.problem} of two tables. */
export function versionProblem(
  theirs: Iterable<VersionedMember>,
  ours: Iterable<VersionedMember>,
): string | undefined {
  const census = new VersionCensus();
  for (const members of [theirs, ours]) {
    for (const { name, isAlive, vsn } of members) census.add(name, isAlive, vsn);
  }
  return census.problem();
}

function version({ vsn }: VersionedMember, at: number): number {
  return hasVersions(vsn) ? byteAt(vsn, at) : 0;
}

function byteAt(vsn: Buffer, at: number): number {
  return vsn[at] as number;
}

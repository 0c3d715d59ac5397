/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// memberlist's protection against mixing incompatible clusters (behavior, 4.3). Go memberlist refuses a push/pull if
// the versions of any two members of both tables are incompatible, so one forged member stops all push/pulls. Here
// only verified members define the range, and a record outside of it is left out.
import { hasSameBytes } from '../../wire/shared-bytes.js';
import { hasVersions, VERSION_BYTES } from '../versions.js';

/** The positions of min, max and current in the version bytes. */
const kinds = [
  { min: 0, max: 1, current: 2, what: 'protocol version' },
  { min: 3, max: 4, current: 5, what: 'delegate protocol version' },
] as const;
type Kind = (typeof kinds)[number];

/** The version that a member speaks. */
interface SpokenVersion {
  readonly name: string;
  readonly version: number;
}

/**
 * The versions that all counted members understand, and the lowest and the highest version that one of them speaks.
 */
class Range {
  readonly #kind: Kind;
  #min = 0;
  #max = 255;
  #lowest: SpokenVersion | undefined;
  #highest: SpokenVersion | undefined;

  constructor(kind: Kind) {
    this.#kind = kind;
  }

  add(name: string, vsn: Buffer): void {
    this.#min = Math.max(this.#min, byteAt(vsn, this.#kind.min));
    this.#max = Math.min(this.#max, byteAt(vsn, this.#kind.max));
    const version = byteAt(vsn, this.#kind.current);
    if (this.#lowest === undefined || version < this.#lowest.version) {
      this.#lowest = { name, version };
    }
    if (this.#highest === undefined || version > this.#highest.version) {
      this.#highest = { name, version };
    }
  }

  problemWith(name: string, vsn: Buffer): string | undefined {
    const full = hasVersions(vsn);
    const own = { name, version: full ? byteAt(vsn, this.#kind.current) : 0 };
    const min = full ? Math.max(this.#min, byteAt(vsn, this.#kind.min)) : this.#min;
    const max = full ? Math.min(this.#max, byteAt(vsn, this.#kind.max)) : this.#max;
    for (const spoken of [own, this.#lowest, this.#highest]) {
      if (spoken === undefined || (spoken.version >= min && spoken.version <= max)) continue;
      const speaks = `${spoken.name} speaks ${this.#kind.what} ${spoken.version}`;
      return min > max
        ? `${speaks}, and no ${this.#kind.what} is understood by all (at least ${min}, at most ${max})`
        : `${speaks}, the cluster understands ${min} to ${max}`;
    }
    return undefined;
  }
}

/** The versions of verified members, with which those of other members must be compatible. */
export class VersionCensus {
  readonly #ranges = kinds.map((kind) => new Range(kind));
  /**
   * The last versions that were compatible: nearly all members have the same. A copy, because the argument is part of
   * a message.
   */
  #fit: Buffer | undefined;

  /** Counts one alive member. An incomplete set of versions is ignored. */
  add(name: string, vsn: Buffer): void {
    if (!hasVersions(vsn)) return;
    this.#fit = undefined;
    for (const range of this.#ranges) range.add(name, vsn);
  }

  /**
   * Why a member with these versions is incompatible: it speaks a version that a counted member does not understand,
   * or the other way round. Fewer than six bytes count as speaking 0, as in Go. Undefined if it is compatible.
   */
  problemWith(name: string, vsn: Buffer): string | undefined {
    if (this.#fit !== undefined && hasSameBytes(vsn, this.#fit)) return undefined;
    for (const range of this.#ranges) {
      const problem = range.problemWith(name, vsn);
      if (problem !== undefined) return problem;
    }
    this.#fit = Buffer.from(vsn.subarray(0, VERSION_BYTES));
    return undefined;
  }
}

function byteAt(vsn: Buffer, at: number): number {
  return vsn[at] as number;
}

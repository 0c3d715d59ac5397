/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// memberlist's guard against mixing clusters that do not understand each other (behaviour, 4.3). Go memberlist refuses
// a push/pull when the versions of any two members of both tables do not fit, so one forged member stops all of them.
// Here only members that are known to be real set the range, and a record that is outside of it is left out.
import { hasSameBytes } from '../../wire/shared-bytes.js';
import { hasVersions, VERSION_BYTES } from '../member.js';

/** Where min, max and current are in the version bytes. */
const kinds = [
  { min: 0, max: 1, current: 2, what: 'protocol version' },
  { min: 3, max: 4, current: 5, what: 'delegate protocol version' },
] as const;
type Kind = (typeof kinds)[number];

/** A version that a member speaks. */
interface Spoken {
  readonly name: string;
  readonly version: number;
}

/** What all members that were counted in understand, and the lowest and the highest version that one of them speaks. */
class Range {
  readonly #kind: Kind;
  #min = 0;
  #max = 255;
  #lowest: Spoken | undefined;
  #highest: Spoken | undefined;

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

/** The versions of members that are known to be real, and that others have to fit. */
export class VersionCensus {
  readonly #ranges = kinds.map((kind) => new Range(kind));
  /** The last versions that did fit: nearly all members have the same. A copy, as those are part of a message. */
  #fit: Buffer | undefined;

  /** Counts one living member in. One without a full set of versions says nothing of what it understands. */
  add(name: string, vsn: Buffer): void {
    if (!hasVersions(vsn)) return;
    this.#fit = undefined;
    for (const range of this.#ranges) range.add(name, vsn);
  }

  /**
   * Why a member with these versions does not fit: it speaks a version that one of those counted in does not
   * understand, or the other way round. Fewer than six bytes count as speaking 0, as in Go. Undefined when it fits.
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

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import { ipFromBytes, joinHostPort, type Address } from '../wire/address.js';
import { noBytes } from '../wire/messages.js';
import { hasSameBytes, keptBytes, keptCopy } from '../wire/shared-bytes.js';
import { hostOf } from '../wire/source.js';

/**
 * What is believed of a member: `dead` is what others found out, `left` what it said itself.
 */
export type MemberState = 'alive' | 'suspect' | 'dead' | 'left';

/** A range of versions that a node understands, and the one that it speaks. */
export interface VersionRange {
  readonly min: number;
  readonly max: number;
  readonly current: number;
}

/** A frozen snapshot of one member of the cluster. */
export interface Node {
  readonly name: string;
  /** The IP as text. */
  readonly addr: string;
  readonly port: number;
  /** `'ip:port'`, `'[v6]:port'`. */
  readonly address: string;
  /** At most 512 bytes; what they mean is the application's affair. */
  readonly meta: Buffer;
  readonly state: MemberState;
  /** Raised by the member itself, to refute and to update. */
  readonly incarnation: number;
  readonly protocol: VersionRange;
  readonly delegateProtocol: VersionRange;
}

/** Protocol min, max, current, delegate min, max, current: as many as a full set has. */
export const VERSION_BYTES = 6;

/** What an alive claim says about a member, its address understood. */
export interface MemberFacts {
  /** Address bytes exactly as they came: peers compare them byte by byte. */
  readonly addr: Buffer;
  readonly port: number;
  /** The two as text: `'ip:port'`, `'[v6]:port'`. */
  readonly address: string;
  readonly meta: Buffer | null;
  readonly vsn: Buffer;
  readonly incarnation: number;
}

/**
 * One row of the member table. Only `membership/apply` changes one. It holds the facts itself: with
 * thousands of rows, an object more for each is felt.
 */
export class Member implements MemberFacts {
  readonly name: string;
  #addr: Buffer;
  #port: number;
  #address: string;
  #meta: Buffer | null;
  #vsn: Buffer;
  #incarnation: number;
  #state: MemberState;
  #stateChangedAt: number;
  #snapshot: Node | undefined;

  constructor(name: string, facts: MemberFacts, state: MemberState, now: number) {
    this.name = name;
    this.#addr = facts.addr;
    this.#port = facts.port;
    this.#address = facts.address;
    this.#meta = facts.meta;
    this.#vsn = facts.vsn;
    this.#incarnation = facts.incarnation;
    this.#state = state;
    this.#stateChangedAt = now;
  }

  get addr(): Buffer {
    return this.#addr;
  }
  get port(): number {
    return this.#port;
  }
  get address(): string {
    return this.#address;
  }
  get meta(): Buffer | null {
    return this.#meta;
  }
  get vsn(): Buffer {
    return this.#vsn;
  }
  get incarnation(): number {
    return this.#incarnation;
  }
  get state(): MemberState {
    return this.#state;
  }
  /** Clock time of the last change of state. */
  get stateChangedAt(): number {
    return this.#stateChangedAt;
  }
  /** Where packets for it go. */
  get destination(): Address {
    return { addr: this.#address, name: this.name };
  }
  get protocolMax(): number {
    return hasVersions(this.#vsn) ? (this.#vsn[1] as number) : 0;
  }
  /** Dead or left. */
  get isGone(): boolean {
    return this.#state === 'dead' || this.#state === 'left';
  }

  setFacts(facts: MemberFacts): void {
    this.#addr = facts.addr;
    this.#port = facts.port;
    this.#address = facts.address;
    this.#meta = facts.meta;
    this.#vsn = facts.vsn;
    this.#incarnation = facts.incarnation;
    this.#snapshot = undefined;
  }

  setIncarnation(incarnation: number): void {
    this.#incarnation = incarnation;
    this.#snapshot = undefined;
  }

  setState(state: MemberState, now: number): void {
    this.#state = state;
    this.#stateChangedAt = now;
    this.#snapshot = undefined;
  }

  /** The public view; the same object until something changes. */
  snapshot(): Node {
    this.#snapshot ??= this.describe();
    return this.#snapshot;
  }

  /** The public view, which is not kept: in a large cluster most are shown once and never asked for. */
  describe(): Node {
    return this.#snapshot ?? nodeFrom(this.name, this, this.#state);
  }
}

/** A public view of a member, or of what a claim says about one. */
export function nodeFrom(name: string, facts: MemberFacts, state: MemberState): Node {
  const [protocol, delegateProtocol] = versionRanges(facts.vsn);
  return Object.freeze({
    name,
    addr: hostOf(facts.address),
    port: facts.port,
    address: facts.address,
    meta: facts.meta ?? noBytes,
    state,
    incarnation: facts.incarnation,
    protocol,
    delegateProtocol,
  });
}

/** Whether a full set of versions came. */
export function hasVersions(vsn: Buffer): boolean {
  return vsn.length >= VERSION_BYTES;
}

type VersionRanges = readonly [protocol: VersionRange, delegate: VersionRange];

/** The last that were asked for: nearly always, all members have the same. */
let lastVersions = { vsn: noBytes, ranges: rangesIn(noBytes) };

/** The two ranges in a set of version bytes; zeros when the set is not full, as Go has it. */
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

/**
 * The facts of a claim; undefined when its address is none. They are views of nothing that came and
 * may be kept; what is as it was is shared with the facts that are known.
 */
export function factsFrom(
  claim: {
    addr: Buffer;
    port: number;
    meta: Buffer | null;
    vsn: Buffer;
    incarnation: number;
  },
  known?: MemberFacts,
): MemberFacts | undefined {
  const { port, incarnation } = claim;
  const isThere = known?.port === port && hasSameBytes(known.addr, claim.addr);
  const address = isThere ? known.address : addressFrom(claim.addr, port);
  if (address === undefined) return undefined;
  const addr = isThere ? known.addr : keptBytes(claim.addr);
  const vsn = known?.vsn === claim.vsn ? claim.vsn : keptBytes(claim.vsn);
  return { addr, port, address, meta: keptMeta(claim.meta, known?.meta), vsn, incarnation };
}

/**
 * Versions that were told in full are not forgotten for a set that is not: nobody could exchange state with us
 * any more.
 */
export function withVersionsOf(known: Member | undefined, facts: MemberFacts): MemberFacts {
  if (known === undefined || hasVersions(facts.vsn)) return facts;
  return { ...facts, vsn: known.vsn };
}

function addressFrom(addr: Buffer, port: number): string | undefined {
  const ip = ipFromBytes(addr);
  return ip === undefined ? undefined : flat(joinHostPort(ip, port));
}

// What is put together out of pieces is kept by the engine as a tree of them, which takes twice the memory
// and is slow to compare.
function flat(ascii: string): string {
  return Buffer.from(ascii, 'latin1').toString('latin1');
}

function keptMeta(meta: Buffer | null, known: Buffer | null | undefined): Buffer | null {
  if (meta === null) return null;
  return known && hasSameBytes(known, meta) ? known : keptCopy(meta);
}

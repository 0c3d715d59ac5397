/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import { ipFromBytes, joinHostPort, type Address } from '../wire/address.js';
import { noBytes } from '../wire/messages.js';

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
  readonly ip: string;
  readonly port: number;
  readonly meta: Buffer | null;
  readonly vsn: Buffer;
  readonly incarnation: number;
}

/** One row of the member table. Only `membership/apply` changes one. */
export class Member {
  readonly name: string;
  #facts: MemberFacts;
  #incarnation: number;
  #state: MemberState;
  #stateChangedAt: number;
  #address: Address;
  #snapshot: Node | undefined;

  constructor(name: string, facts: MemberFacts, state: MemberState, now: number) {
    this.name = name;
    this.#facts = facts;
    this.#incarnation = facts.incarnation;
    this.#state = state;
    this.#stateChangedAt = now;
    this.#address = { addr: joinHostPort(facts.ip, facts.port), name };
  }

  get facts(): MemberFacts {
    return this.#facts;
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
  get address(): Address {
    return this.#address;
  }
  get protocolMax(): number {
    return hasVersions(this.#facts.vsn) ? (this.#facts.vsn[1] as number) : 0;
  }
  /** Dead or left. */
  get isGone(): boolean {
    return this.#state === 'dead' || this.#state === 'left';
  }

  setFacts(facts: MemberFacts): void {
    const moved = facts.ip !== this.#facts.ip || facts.port !== this.#facts.port;
    this.#facts = facts;
    this.#incarnation = facts.incarnation;
    if (moved) this.#address = { addr: joinHostPort(facts.ip, facts.port), name: this.name };
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
    this.#snapshot ??= nodeFrom(this.name, this.#facts, this.#state, this.#incarnation);
    return this.#snapshot;
  }
}

/** A public view of a member, or of what a claim says about one. */
export function nodeFrom(
  name: string,
  facts: MemberFacts,
  state: MemberState,
  incarnation = facts.incarnation,
): Node {
  const [protocol, delegateProtocol] = versionRanges(facts.vsn);
  return Object.freeze({
    name,
    addr: facts.ip,
    port: facts.port,
    address: joinHostPort(facts.ip, facts.port),
    meta: facts.meta ?? noBytes,
    state,
    incarnation,
    protocol,
    delegateProtocol,
  });
}

/** Whether a full set of versions came. */
export function hasVersions(vsn: Buffer): boolean {
  return vsn.length >= VERSION_BYTES;
}

/** The two ranges in a set of version bytes; zeros when the set is not full, as Go has it. */
export function versionRanges(vsn: Buffer): [protocol: VersionRange, delegate: VersionRange] {
  const full = hasVersions(vsn);
  const range = (at: number): VersionRange =>
    Object.freeze({
      min: full ? (vsn[at] as number) : 0,
      max: full ? (vsn[at + 1] as number) : 0,
      current: full ? (vsn[at + 2] as number) : 0,
    });
  return [range(0), range(3)];
}

/** The facts of a claim; undefined when its address is none. */
export function factsFrom(claim: {
  addr: Buffer;
  port: number;
  meta: Buffer | null;
  vsn: Buffer;
  incarnation: number;
}): MemberFacts | undefined {
  const ip = ipFromBytes(claim.addr);
  if (ip === undefined) return undefined;
  const { addr, port, meta, vsn, incarnation } = claim;
  return { addr, ip, port, meta, vsn, incarnation };
}

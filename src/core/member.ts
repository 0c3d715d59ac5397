/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import { ipFromBytes, joinHostPort, type Address } from '../wire/address.js';
import { noBytes } from '../wire/messages.js';
import { isPackedAt, packIp, unpackIp, type PackedIp } from '../wire/packed-ip.js';
import type { PackedRecord } from '../wire/packed-record.js';
import {
  copyForUsers,
  hasBytesAt,
  paddedLength,
  storeBytes,
  storedBytes,
} from '../wire/shared-bytes.js';
import {
  announces,
  extensionsIn,
  trailerStart,
  type ExtensionVersions,
} from '../wire/extension-trailer.js';
import { hostOf } from '../wire/source.js';
import { hasVersions, versionRanges, type VersionRange } from './versions.js';

/**
 * The believed state of a member: `dead` is what other members concluded, `left` what the member itself announced.
 */
export type MemberState = 'alive' | 'suspect' | 'dead' | 'left';

/** The index of each state is its number on the wire. */
export const memberStates: readonly MemberState[] = ['alive', 'suspect', 'dead', 'left'];

/** A frozen snapshot of one member of the cluster. */
export interface Node {
  readonly name: string;
  /** The IP as text. */
  readonly addr: string;
  readonly port: number;
  /** `'ip:port'`, `'[v6]:port'`. */
  readonly address: string;
  /** At most 512 bytes; their meaning is up to the application. */
  readonly meta: Buffer;
  /** The extensions that the node announces, by name, with their versions. */
  readonly extensions: ExtensionVersions;
  readonly state: MemberState;
  /** Raised by the member itself, to refute and to update. */
  readonly incarnation: number;
  readonly protocol: VersionRange;
  readonly delegateProtocol: VersionRange;
}

/** The content of an alive claim, with its address as text. Buffers may be views of the received packet. */
export interface MemberFacts {
  /** Address bytes exactly as received: peers compare them byte by byte. */
  readonly addr: Buffer;
  readonly port: number;
  /** Address and port as text: `'ip:port'`, `'[v6]:port'`. */
  readonly address: string;
  readonly meta: Buffer | null;
  readonly vsn: Buffer;
  readonly incarnation: number;
}

/**
 * One row of the member table. Only `membership/apply` changes it. It stores the facts packed, with as few objects as
 * possible: with thousands of rows, each object costs memory, and time in every walk over the table.
 */
export class Member implements PackedRecord {
  readonly name: string;
  // The fields that a push/pull compares come first, so that they are adjacent in memory.
  #addr: PackedIp;
  #port: number;
  #incarnation: number;
  #state: MemberState;
  #vsn: Buffer;
  #metaBuf: Buffer = noBytes;
  #metaStart = 0;
  #metaEnd = -1;
  #address: string;
  #stateChangedAt: number;
  #snapshot: Node | undefined;

  constructor(name: string, facts: MemberFacts, state: MemberState, now: number) {
    this.name = name;
    this.#addr = packIp(facts.addr);
    this.#port = facts.port;
    this.#incarnation = facts.incarnation;
    this.#state = state;
    this.#vsn = storedBytes(facts.vsn);
    this.#setMeta(facts.meta);
    this.#address = facts.address;
    this.#stateChangedAt = now;
  }

  /** Address bytes as received: a copy. */
  get addr(): Buffer {
    return unpackIp(this.#addr);
  }
  get packedAddr(): PackedIp {
    return this.#addr;
  }
  get port(): number {
    return this.#port;
  }
  get address(): string {
    return this.#address;
  }
  /**
   * Metadata as received: a new view of a buffer that the next change overwrites. Null if the claim contained none,
   * which differs from empty on the wire.
   */
  get meta(): Buffer | null {
    if (this.#metaEnd < this.#metaStart) return null;
    return this.#metaBuf.subarray(this.#metaStart, this.#metaEnd);
  }
  get metaBuf(): Buffer {
    return this.#metaBuf;
  }
  get metaStart(): number {
    return this.#metaStart;
  }
  get metaEnd(): number {
    return this.#metaEnd;
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
  get stateCode(): number {
    return memberStates.indexOf(this.#state);
  }
  /** Clock time of the last state change. */
  get stateChangedAt(): number {
    return this.#stateChangedAt;
  }
  /** The address for packets to this member. */
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

  /** Whether this is the member's metadata; users cannot tell none from empty. */
  hasMeta(meta: Buffer | null): boolean {
    const length = Math.max(0, this.#metaEnd - this.#metaStart);
    return hasBytesAt(this.#metaBuf, this.#metaStart, this.#metaStart + length, meta ?? noBytes);
  }

  /** Whether the member announces an extension. */
  announces(extension: string): boolean {
    return announces(this.#metaBuf, this.#metaStart, this.#metaEnd, extension);
  }

  setFacts(facts: MemberFacts): void {
    const { addr } = facts;
    if (!isPackedAt(this.#addr, addr, 0, addr.length)) this.#addr = packIp(addr);
    this.#port = facts.port;
    this.#address = facts.address;
    this.#setMeta(facts.meta);
    this.#vsn = this.#vsn === facts.vsn ? facts.vsn : storedBytes(facts.vsn);
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

  #setMeta(meta: Buffer | null): void {
    const length = meta?.length ?? -1;
    const lengthBefore = this.#metaEnd - this.#metaStart;
    if (length === lengthBefore && this.hasMeta(meta)) return;
    if (meta === null || length === 0) {
      this.#metaBuf = noBytes;
      this.#metaStart = 0;
    } else if (paddedLength(length) <= paddedLength(lengthBefore)) {
      // Metadata that changes often (a load, for example) must not use up chunk after chunk, each kept alive by other
      // entries.
      this.#metaBuf.set(meta, this.#metaStart);
    } else {
      const { buf, start } = storeBytes(meta);
      this.#metaBuf = buf;
      this.#metaStart = start;
    }
    this.#metaEnd = this.#metaStart + length;
  }

  /** The public view; the same object until something changes. */
  snapshot(): Node {
    this.#snapshot ??= this.describe();
    return this.#snapshot;
  }

  /** The public view, without caching it: in a large cluster most are shown once and never again. */
  describe(): Node {
    return this.#snapshot ?? nodeFrom(this.name, this, this.#state);
  }
}

/** The public view of a member, or of a claim about one. Users may keep it, including its metadata. */
export function nodeFrom(name: string, facts: Omit<MemberFacts, 'addr'>, state: MemberState): Node {
  const [protocol, delegateProtocol] = versionRanges(facts.vsn);
  return Object.freeze({
    name,
    addr: hostOf(facts.address),
    port: facts.port,
    address: facts.address,
    meta: copyForUsers(userMeta(facts.meta ?? noBytes)),
    extensions: extensionsIn(facts.meta ?? noBytes),
    state,
    incarnation: facts.incarnation,
    protocol,
    delegateProtocol,
  });
}

/** Metadata without the announcement of extensions: a view. */
export function userMeta(meta: Buffer): Buffer {
  const end = trailerStart(meta, 0, meta.length);
  return end === meta.length ? meta : meta.subarray(0, end);
}

/** The facts of a claim; undefined if its address is invalid. Unchanged values are shared with the known member. */
export function factsFrom(
  claim: Omit<MemberFacts, 'address'>,
  known?: Member,
): MemberFacts | undefined {
  const { addr, port, meta, vsn, incarnation } = claim;
  const isThere = known?.port === port && isPackedAt(known.packedAddr, addr, 0, addr.length);
  const address = isThere ? known.address : addressFrom(addr, port);
  return address === undefined ? undefined : { addr, port, address, meta, vsn, incarnation };
}

/**
 * A full set of versions that is already known is not replaced by an incomplete one: no node could then exchange
 * state with us.
 */
export function withKnownVersions(known: Member | undefined, facts: MemberFacts): MemberFacts {
  if (known === undefined || hasVersions(facts.vsn)) return facts;
  return { ...facts, vsn: known.vsn };
}

function addressFrom(addr: Buffer, port: number): string | undefined {
  const ip = ipFromBytes(addr);
  return ip === undefined ? undefined : flattened(joinHostPort(ip, port));
}

// The engine stores a concatenated string as a tree of its parts, which takes twice the memory and is slow to
// compare.
function flattened(ascii: string): string {
  return Buffer.from(ascii, 'latin1').toString('latin1');
}

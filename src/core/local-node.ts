/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import { limits } from '../wire/limits.js';
import { MessageType } from '../wire/message-type.js';
import type { AliveClaim, Ping } from '../wire/messages.js';
import { VersionCensus } from './membership/verify-versions.js';
import { incarnationAbove, nextNumber } from './incarnation.js';
import type { Random } from './ports.js';

/** What this node announces about itself in addition to its name and metadata. */
export interface Identity {
  /** 4 or 16 address bytes. */
  readonly addr: Buffer;
  readonly port: number;
  /** Protocol min, max, current, delegate min, max, current. */
  readonly vsn: Buffer;
}

/** What a node knows about itself in addition to its row in the table. */
export class LocalNode {
  readonly name: string;
  /** Our versions; the versions of all other members must be compatible with them. */
  readonly versions = new VersionCensus();
  readonly #identity: Identity;
  /** Set when the user asked to leave; the node does not refute from then on. */
  leaving = false;
  /** Other addresses at which our name was claimed recently, newest last. */
  readonly #claimedAt = new Set<string>();
  #incarnation = 0;
  #sequence: number;

  constructor(init: { name: string; identity: Identity; random: Random }) {
    this.name = init.name;
    this.#identity = init.identity;
    this.versions.add(init.name, init.identity.vsn);
    // A random start: an ack that was meant for an earlier process at our address matches no ping.
    this.#sequence = Math.floor(init.random.next() * 2 ** 32);
  }

  get incarnation(): number {
    return this.#incarnation;
  }

  /** Addresses at which another node may use our name. */
  get claimedAt(): ReadonlySet<string> {
    return this.#claimedAt;
  }

  /** Records that our name was claimed at another address. */
  ownNameClaimed(address: string): void {
    this.#claimedAt.delete(address);
    this.#claimedAt.add(address);
    for (const oldest of this.#claimedAt) {
      if (this.#claimedAt.size <= limits.ownNameClaims) return;
      this.#claimedAt.delete(oldest);
    }
  }

  nextSequence(): number {
    this.#sequence = nextNumber(this.#sequence);
    return this.#sequence;
  }

  nextIncarnation(): number {
    this.#incarnation = nextNumber(this.#incarnation);
    return this.#incarnation;
  }

  /** Sets an incarnation that overrides a claim about us. */
  incarnationAbove(claimed: number): number {
    this.#incarnation = incarnationAbove(this.#incarnation, claimed);
    return this.#incarnation;
  }

  /** The claim that we are alive, under our incarnation. */
  aliveClaim(meta: Buffer | null): AliveClaim {
    const { addr, port, vsn } = this.#identity;
    const { name: node, incarnation } = this;
    return { type: MessageType.alive, node, incarnation, addr, port, meta, vsn };
  }

  /** A ping from this node to the node of this name. */
  ping(seqNo: number, node: string): Ping {
    const { addr: sourceAddr, port: sourcePort } = this.#identity;
    const { name: sourceNode } = this;
    return { type: MessageType.ping, seqNo, node, sourceAddr, sourcePort, sourceNode };
  }
}

/** The version bytes that we announce. */
export function versionBytes(settings: {
  protocolVersion: number;
  delegateProtocolMin: number;
  delegateProtocolMax: number;
  delegateProtocolVersion: number;
}): Buffer {
  return Buffer.of(
    limits.protocolMin,
    limits.protocolMax,
    settings.protocolVersion,
    settings.delegateProtocolMin,
    settings.delegateProtocolMax,
    settings.delegateProtocolVersion,
  );
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Sends to peers, and chooses random ones.
import type { ExtensionContext, Node } from '../index.js';
import { stateLimits } from './limits.js';
import { Packing } from './packing.js';
import type { Meters } from './meters.js';
import { PeerAllowances } from './peer-allowance.js';
import type { Replica } from './replica.js';

/** A map that a peer lacks, and what it has of it. */
export interface Lacking {
  readonly replica: Replica;
  /** Up to which version the peer has it; 0 if it has nothing. */
  readonly version: number;
  /** It has an earlier map of the node, or has missed deletes: it needs the whole map at once. */
  readonly needsWhole: boolean;
}

/** The peers of one node. */
export class Peers {
  readonly #context: ExtensionContext;
  readonly #meters: Meters;
  readonly #allowances: PeerAllowances;

  constructor(context: ExtensionContext, meters: Meters) {
    this.#context = context;
    this.#meters = meters;
    this.#allowances = new PeerAllowances(context.clock);
  }

  /** Peers that can be sent to. */
  all(): Node[] {
    return this.#context.peers();
  }

  /** Up to `count` random peers. */
  random(count: number, except?: string): Node[] {
    const peers = this.all();
    const chosen: Node[] = [];
    // A partial Fisher-Yates shuffle.
    for (let i = 0; i < peers.length && chosen.length < count; i++) {
      const j = i + Math.floor(this.#context.random.next() * (peers.length - i));
      const [peer, other] = [peers[j], peers[i]];
      if (peer === undefined || other === undefined) break;
      peers[j] = other;
      if (peer.name !== except) chosen.push(peer);
    }
    return chosen;
  }

  /** A member is gone. */
  forget(name: string): void {
    this.#allowances.forget(name);
  }

  /** Sends a packet. It may be lost, and the peer may be gone: reconciliation repairs both. */
  send(to: Node | string, message: Buffer): void {
    this.#context.send(to, message).catch(() => undefined);
  }

  /** Sends a packet to each of these peers. It is encrypted once for all. */
  sendToAll(to: readonly Node[], message: Buffer): void {
    this.#context.sendToAll(to, message).catch(() => undefined);
  }

  /** Sends packets that a peer has asked for, as far as it may ask. */
  answer(to: string, messages: readonly Buffer[]): void {
    const granted = this.#allowances.takePackets(to, messages.length);
    this.#meters.count('throttled', messages.length - granted);
    for (const message of messages.slice(0, granted)) this.send(to, message);
  }

  /** Sends a message over a stream, if none to this peer is open. Returns whether it was sent. */
  stream(to: string, message: Buffer): boolean {
    if (!this.#allowances.mayStream(to)) return false;
    const sent = this.#context.sendReliable(to, message);
    this.#allowances.streaming(to, sent);
    this.#meters.count('streams');
    return true;
  }

  /** Sends a peer what it lacks: in some packets, or over a stream if it is more. */
  bring(to: string, lacking: readonly Lacking[]): void {
    if (lacking.length === 0) return;
    const budget = this.#context.packetBudget;
    const packets = this.#pack(lacking, budget, stateLimits.deltaPackets);
    if (!packets.isComplete && this.#allowances.mayStream(to)) {
      const [message] = this.#pack(lacking, stateLimits.streamBytes, 1).finish();
      if (message !== undefined && this.stream(to, message)) return;
    }
    const messages = packets.finish();
    this.#meters.count('answers', messages.length);
    this.answer(to, messages);
  }

  #pack(lacking: readonly Lacking[], budget: number, most: number): Packing {
    const now = this.#context.clock.now();
    const packing = new Packing({ budget, most, mayForward: false, now });
    for (const { replica, version, needsWhole } of lacking) {
      if (needsWhole) packing.addWhole(replica);
      else packing.addAfter(replica, version);
    }
    return packing;
  }
}

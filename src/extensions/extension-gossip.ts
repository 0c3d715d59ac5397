/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Gossip of the extensions of one node. The receiver of each packet is known, and only members that announce an
// extension receive its messages: a member of another implementation never does.
import type { Member } from '../core/member.js';
import type { Random } from '../core/ports.js';

/** One extension, as gossip sees it. */
export interface GossipingExtension {
  readonly numQueued: number;
  /** Whether this member is one of its peers. */
  hasPeer(member: Member): boolean;
  /** Its current peers. */
  readonly peerMembers: readonly Member[];
  /** Takes messages for one packet; each counts as sent. */
  take(overhead: number, limit: number): Uint8Array[];
}

/** The broadcasts of all extensions of a node. */
export class ExtensionGossip {
  readonly #extensions: readonly GossipingExtension[];
  readonly #random: Random;
  readonly #fanOut: number;
  /** The extension that fills the next packet first; they take turns. */
  #first = 0;

  /** @param init.fanOut - peers that each round is sent to */
  constructor(
    components: { extensions: readonly GossipingExtension[]; random: Random },
    init: { fanOut: number },
  ) {
    this.#extensions = components.extensions;
    this.#random = components.random;
    this.#fanOut = init.fanOut;
  }

  /** Whether an extension has queued messages. */
  get hasBroadcasts(): boolean {
    return this.#extensions.some(({ numQueued }) => numQueued > 0);
  }

  /**
   * Messages for a packet to this member.
   *
   * @param overhead - additional bytes of each message
   * @param limit - bytes for all messages together
   */
  broadcasts(to: Member, overhead: number, limit: number): Uint8Array[] {
    const messages: Uint8Array[] = [];
    const count = this.#extensions.length;
    let left = limit;
    for (let i = 0; i < count; i++) {
      const extension = this.#extensions[(this.#first + i) % count] as GossipingExtension;
      if (extension.numQueued === 0 || !extension.hasPeer(to)) continue;
      for (const message of extension.take(overhead, left)) {
        left -= overhead + message.length;
        messages.push(message);
      }
    }
    if (messages.length > 0) this.#first = (this.#first + 1) % count;
    return messages;
  }

  /** Random peers for this round: `fanOut` of each extension that has queued messages. */
  targets(): Set<Member> {
    const targets = new Set<Member>();
    for (const extension of this.#extensions) {
      if (extension.numQueued === 0) continue;
      const eligible = [...extension.peerMembers];
      for (let k = 0; k < this.#fanOut && eligible.length > 0; k++) {
        const place = Math.floor(this.#random.next() * eligible.length);
        targets.add(eligible[place] as Member);
        eligible[place] = eligible[eligible.length - 1] as Member;
        eligible.pop();
      }
    }
    return targets;
  }
}

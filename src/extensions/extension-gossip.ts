/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What the extensions of one node send by gossip. The receiver of each packet is known, and only members that announce
// an extension get its messages: a member of another implementation never receives one.
import type { Member } from '../core/member.js';
import type { Random } from '../core/ports.js';

/** One extension, as far as its gossip goes. */
export interface GossipingExtension {
  readonly numQueued: number;
  /** Whether this member is one of its peers. */
  hasPeer(member: Member): boolean;
  /** Its peers now. */
  readonly peerMembers: readonly Member[];
  /** Takes messages for one packet; each counts as sent. */
  take(overhead: number, limit: number): Uint8Array[];
}

/** The broadcasts of all extensions of a node. */
export class ExtensionGossip {
  readonly #extensions: readonly GossipingExtension[];
  readonly #random: Random;
  readonly #fanOut: number;
  /** Which extension fills a packet first; each in its turn. */
  #first = 0;

  /** @param init.fanOut - peers that each round goes to */
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
   * @param overhead - bytes that each message costs beside its own
   * @param limit - bytes that there are in all
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

  /** Random peers for this round, so many of each extension that has something queued. */
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

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// In a large cluster messages spread over a tree, as in Plumtree (Leitão, Pereira, Rodrigues: Epidemic Broadcast Trees,
// 2007): a node passes new messages on to its eager neighbors and offers them to its lazy ones. A duplicate makes a link
// lazy, an offer that had to be used makes it eager.
import type { Timer } from '../index.js';
import type { BusNode } from './bus-node.js';
import { encodeFrame, relayHead } from './encode.js';
import type { DigestEntry } from './frames.js';
import { busLimits } from './limits.js';
import { packRecords, recordBytes, type BusRecord } from './records.js';

/** Milliseconds in which offers are collected. */
const OFFER_EVERY_MS = 50;
/** Milliseconds until an offered message is fetched if it does not arrive. */
export const OFFERED_MS = 150;
/** Milliseconds in which a link is pruned at most once. */
const PRUNE_EVERY_MS = 100;

interface Neighbor {
  isEager: boolean;
  /** Whether this node chose it. */
  readonly isOwn: boolean;
  prunedAt: number;
}

/** A publisher whose messages spread. */
export interface Spread {
  readonly publisher: string;
  readonly boot: string;
}

/** The neighbors of one node. */
export class Overlay {
  readonly #node: BusNode;
  /** Sends offers or announcements. */
  readonly #tell: (
    names: readonly string[],
    entries: Iterable<DigestEntry>,
    isOffer: boolean,
  ) => void;
  readonly #neighbors = new Map<string, Neighbor>();
  /** Publishers to offer, with their highest numbers. */
  readonly #offers = new Map<string, DigestEntry>();
  #offering: Timer | undefined;
  #isStale = true;

  constructor(
    node: BusNode,
    tell: (names: readonly string[], entries: Iterable<DigestEntry>, isOffer: boolean) => void,
  ) {
    this.#node = node;
    this.#tell = tell;
  }

  /** Whether messages are passed on, since there are too many members to send to each. */
  get isActive(): boolean {
    return this.#node.peers.size > this.#node.options.directPeers;
  }

  /** The neighbors that receive new messages at once. */
  eager(except?: string): string[] {
    this.#redraw();
    const names: string[] = [];
    for (const [name, { isEager }] of this.#neighbors) {
      if (isEager && name !== except) names.push(name);
    }
    return names;
  }

  peersChanged(): void {
    this.#isStale = true;
  }

  peerLeft(name: string): void {
    this.#neighbors.delete(name);
    this.#isStale = true;
  }

  /** Passes new messages on. */
  forward(spread: Spread, records: readonly BusRecord[], from: string | undefined): void {
    const { link, meters } = this.#node;
    const head = relayHead(spread);
    const to = this.eager(from);
    const maxBytes = link.packetBytes;
    const small = records.filter((record) => head.length + recordBytes(record) <= maxBytes);
    for (let start = 0; start < small.length && to.length > 0;) {
      const { frame, end } = packRecords(head, small, { start, maxBytes });
      void link.sendToAll(to, frame);
      start = end;
    }
    meters.relayed.inc(small.length * to.length);
  }

  /** Offers messages up to a number to lazy neighbors, and announces large ones to eager neighbors. */
  offer(entry: DigestEntry, { hasLarge, from }: { hasLarge: boolean; from?: string }): void {
    if (hasLarge) this.#tell(this.eager(from), [entry], false);
    this.#offers.set(`${entry.boot}${entry.publisher}`, entry);
    this.#offering ??= this.#node.context.clock.setTimer(OFFER_EVERY_MS, () => {
      this.#offering = undefined;
      const lazy = [...this.#neighbors].filter(([, { isEager }]) => !isEager);
      const names = lazy.map(([name]) => name);
      if (names.length > 0) this.#tell(names, this.#offers.values(), true);
      this.#offers.clear();
    });
  }

  /** A neighbor sent a message at once: the link exists in both directions. */
  received(from: string): void {
    this.#add(from, { isEager: true, isOwn: false });
  }

  /** A neighbor sent messages that were all known. */
  duplicate(from: string): void {
    const neighbor = this.#neighbors.get(from);
    const now = this.#node.context.clock.now();
    if (neighbor !== undefined) {
      if (now - neighbor.prunedAt < PRUNE_EVERY_MS) return;
      neighbor.isEager = false;
      neighbor.prunedAt = now;
    }
    this.#node.link.send(from, encodeFrame({ type: 'prune' }));
  }

  /** A neighbor wants offers only. */
  pruned(from: string): void {
    const neighbor = this.#neighbors.get(from);
    if (neighbor !== undefined) neighbor.isEager = false;
    else this.#add(from, { isEager: false, isOwn: false });
  }

  /** A neighbor wants messages at once. */
  grafted(from: string): void {
    const neighbor = this.#neighbors.get(from);
    if (neighbor !== undefined) neighbor.isEager = true;
    else this.#add(from, { isEager: true, isOwn: false });
  }

  /** An offer had to be used: the link becomes eager. */
  graft(to: string): void {
    this.grafted(to);
    this.#node.link.send(to, encodeFrame({ type: 'graft' }));
  }

  #add(name: string, { isEager, isOwn }: Pick<Neighbor, 'isEager' | 'isOwn'>): void {
    if (this.#neighbors.has(name) || this.#neighbors.size >= busLimits.neighbors) return;
    if (this.#node.peers.has(name)) {
      this.#neighbors.set(name, { isEager, isOwn, prunedAt: -Infinity });
    }
  }

  #redraw(): void {
    if (!this.#isStale) return;
    this.#isStale = false;
    const { peers } = this.#node;
    const wanted = Math.ceil(Math.log2(peers.size + 1)) + 2;
    let own = 0;
    for (const { isOwn } of this.#neighbors.values()) if (isOwn) own++;
    for (const name of peers.sample(wanted - own, (each) => this.#neighbors.has(each))) {
      this.#add(name, { isEager: true, isOwn: true });
      this.#node.link.send(name, encodeFrame({ type: 'graft' }));
    }
  }
}

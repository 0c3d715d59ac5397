/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Digests contain how far a node is with each publisher, so that a member notices what it lost even if no
// later message follows. They are sent while messages are published, more rarely while any are retained, to members that
// join or return, and never on an idle bus.
import type { Timer } from '../index.js';
import type { BusNode } from './bus-node.js';
import { digestEntry, digestOf } from './encode.js';
import type { DigestEntry, DigestFrame } from './frames.js';

/** Milliseconds between digests after recent messages, and how many members get each. */
const BUSY = { everyMs: 200, fanOut: 3, forMs: 3_000 } as const;
/** The same while messages are retained. */
const QUIET = { everyMs: 2_000, fanOut: 1 } as const;
/** Milliseconds until a node sends its digest to a member that joined; repeated until the member answers. */
const ANNOUNCE_MS = [200, 500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000];
/** Milliseconds in which a member gets at most one answer to its digests. */
const REPLY_MS = 100;

/** What digests are made of, and what they cause. */
export interface DigestSource {
  /** This node as a publisher; undefined before its first message. */
  own(): DigestEntry | undefined;
  /** The publishers that it receives from. */
  others(): Iterable<DigestEntry>;
  /** Whether messages are retained; removes those that are too old. */
  isRetaining(): boolean;
}

/** The digests of one node. */
export class Digests {
  readonly #node: BusNode;
  readonly #source: DigestSource;
  readonly #announcing = new Map<string, { attempts: number; timer: Timer }>();
  readonly #repliedAt = new Map<string, number>();
  #timer: Timer | undefined;
  #timerAt = 0;
  #busyUntil = -Infinity;
  /** Where the next digest begins, if not all publishers fit into a packet. */
  #position = 0;

  constructor(node: BusNode, source: DigestSource) {
    this.#node = node;
    this.#source = source;
  }

  /** Messages were published or received. */
  wake(): void {
    const now = this.#node.context.clock.now();
    this.#busyUntil = now + BUSY.forMs;
    if (this.#timer !== undefined && this.#timerAt <= now + BUSY.everyMs) return;
    this.#schedule(BUSY.everyMs);
  }

  /** A member joined or is back: it learns what this node has, and this node asks until it knows how far it is. */
  peerJoined(name: string): void {
    this.peerLeft(name);
    if (this.#source.own() === undefined && !this.#source.isRetaining()) return;
    this.#announce(name, 0);
  }

  /** A member has answered. */
  heard(name: string): void {
    this.#announcing.get(name)?.timer.cancel();
    this.#announcing.delete(name);
  }

  peerLeft(name: string): void {
    this.heard(name);
    this.#repliedAt.delete(name);
  }

  /** Asks members how far they are with this node's messages. */
  ask(names: readonly string[]): void {
    const own = this.#source.own();
    if (own === undefined) return;
    const flags = { wantsAck: true, isReply: false, isOffer: false };
    this.#send(names, digestOf(flags, [digestEntry(own)]));
  }

  /** Sends entries to members: as offers in a large cluster, or because they are behind. */
  send(
    names: readonly string[],
    entries: Iterable<DigestEntry>,
    flags: Pick<DigestFrame, 'isReply' | 'isOffer'>,
  ): void {
    const all = { ...flags, wantsAck: false };
    let encoded: Buffer[] = [];
    let bytes = digestOf(all, []).length;
    for (const entry of entries) {
      const next = digestEntry(entry);
      if (encoded.length > 0 && bytes + next.length > this.#node.link.packetBytes) {
        this.#send(names, digestOf(all, encoded));
        encoded = [];
        bytes = digestOf(all, []).length;
      }
      encoded.push(next);
      bytes += next.length;
    }
    if (encoded.length > 0) this.#send(names, digestOf(all, encoded));
  }

  /** Whether a member may get an answer to its digest now. */
  mayReply(name: string): boolean {
    const now = this.#node.context.clock.now();
    if (now - (this.#repliedAt.get(name) ?? -Infinity) < REPLY_MS) return false;
    this.#repliedAt.set(name, now);
    return true;
  }

  #announce(name: string, attempts: number): void {
    const delay = ANNOUNCE_MS[attempts];
    if (delay === undefined) return this.heard(name);
    const timer = this.#node.context.clock.setTimer(delay, () => {
      if (this.#source.own() !== undefined) this.ask([name]);
      if (attempts < 2) this.#sendTo([name]);
      if (this.#source.own() === undefined && attempts >= 1) this.heard(name);
      else this.#announce(name, attempts + 1);
    });
    this.#announcing.set(name, { attempts, timer });
  }

  #schedule(delayMs: number): void {
    const { clock } = this.#node.context;
    this.#timer?.cancel();
    this.#timerAt = clock.now() + delayMs;
    this.#timer = clock.setTimer(delayMs, () => this.#tick());
  }

  #tick(): void {
    this.#timer = undefined;
    const isBusy = this.#node.context.clock.now() < this.#busyUntil;
    if (!this.#source.isRetaining() && !isBusy) return;
    const { everyMs, fanOut } = isBusy ? BUSY : QUIET;
    this.#schedule(everyMs);
    this.#sendTo(this.#node.peers.sample(fanOut));
  }

  /** One packet with this node's own entry and as many others as fit, in turn. */
  #sendTo(names: readonly string[]): void {
    if (names.length === 0) return;
    const flags = { wantsAck: false, isReply: false, isOffer: false };
    const others = [...this.#source.others()];
    const own = this.#source.own();
    const entries = own === undefined ? [] : [digestEntry(own)];
    let left = this.#node.link.packetBytes - digestOf(flags, entries).length;
    for (let i = 0; i < others.length; i++) {
      const at = (this.#position + i) % others.length;
      const entry = digestEntry(others[at] as DigestEntry);
      if (entry.length > left) {
        this.#position = at;
        break;
      }
      left -= entry.length;
      entries.push(entry);
    }
    if (entries.length > 0) this.#send(names, digestOf(flags, entries));
  }

  #send(names: readonly string[], frame: Buffer): void {
    this.#node.meters.digests.inc(names.length);
    void this.#node.link.sendToAll(names, frame);
  }
}

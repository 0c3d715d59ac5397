/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The transmit-limited queue (SWIM, section 4.1; Go memberlist's TransmitLimitedQueue): each message
// is sent a number of times that grows with the logarithm of the cluster, the freshest first.
import { limits } from '../../wire/limits.js';
import { retransmitLimit } from '../lifeguard/formulas.js';
import { BroadcastTier } from './broadcast-tier.js';

/** A message to be gossiped. */
export interface Broadcast {
  /** A broadcast replaces an older one of the same name. */
  readonly name?: string;
  readonly message: Uint8Array;
  /** For broadcasts without a name: whether this one makes `other` pointless. */
  readonly invalidates?: (other: Broadcast) => boolean;
  /** Called once: when it was sent as often as it should be, was replaced, or the queue was emptied. */
  readonly finished?: () => void;
}

/** What a {@link TransmitLimitedQueue} is made with. */
export interface BroadcastQueueInit {
  /** The size of the cluster now. */
  readonly numNodes: () => number;
  /** The multiplier of the transmit limit. */
  readonly retransmitMult: number;
  /** Broadcasts that the queue holds at most: 1 or more. Default: 65,536. */
  readonly maxEntries?: number;
  /** Bytes of messages that it holds at most: 1 or more. Default: 16 MiB. */
  readonly maxBytes?: number;
  /** Called after a broadcast was added. */
  readonly queued?: () => void;
  /** Whether a broadcast stays however full the queue is. Default: none does. */
  readonly keeps?: (broadcast: Broadcast) => boolean;
  /** Called after so many broadcasts were pushed out by others. */
  readonly evicted?: (count: number) => void;
}

/** One in so many is pushed out at a time: to search for each single one would cost more than all the rest. */
const evictedShare = 16;

interface Entry {
  readonly broadcast: Broadcast;
  readonly length: number;
  readonly id: number;
  transmits: number;
  isRemoved: boolean;
}

/**
 * A queue of broadcasts that are each sent `retransmitMult` × ⌈log10(n + 1)⌉ times.
 *
 * Those sent least come first; among equals the longest that still fits, then the newest.
 *
 * It is bounded, in entries and in bytes. A queue that holds more pushes out those that were sent most, and among
 * equals the oldest, a sixteenth of what it holds at a time. What is pushed out is finished.
 */
export class TransmitLimitedQueue {
  readonly #numNodes: () => number;
  readonly #retransmitMult: number;
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  readonly #queued: () => void;
  readonly #keeps: (broadcast: Broadcast) => boolean;
  readonly #evicted: (count: number) => void;
  /** By number of transmissions. */
  readonly #tiers: BroadcastTier<Entry>[] = [];
  readonly #byName = new Map<string, Entry>();
  #size = 0;
  #bytes = 0;
  #nextId = 1;

  constructor(init: BroadcastQueueInit) {
    this.#numNodes = init.numNodes;
    this.#retransmitMult = init.retransmitMult;
    this.#maxEntries = init.maxEntries ?? limits.queuedBroadcasts;
    this.#maxBytes = init.maxBytes ?? limits.queuedBroadcastBytes;
    this.#queued = init.queued ?? (() => undefined);
    this.#keeps = init.keeps ?? (() => false);
    this.#evicted = init.evicted ?? (() => undefined);
  }

  /** Messages that are queued now. */
  get numQueued(): number {
    return this.#size;
  }

  /** Bytes of the messages that are queued now. */
  get numBytes(): number {
    return this.#bytes;
  }

  /** Adds a broadcast; what it replaces, and what it pushes out, is finished. */
  queueBroadcast(broadcast: Broadcast): void {
    const entry: Entry = {
      broadcast,
      length: broadcast.message.length,
      id: this.#nextId++,
      transmits: 0,
      isRemoved: false,
    };
    const { name } = broadcast;
    if (name === undefined) this.#queueUnnamed(entry);
    else this.#queueNamed(name, entry);
    if (this.#isOver()) this.#evict();
    this.#queued();
  }

  /**
   * Takes messages for one packet; each counts as sent.
   *
   * @param overhead - bytes that each message costs beside its own
   * @param limit - bytes that there are in all
   */
  getBroadcasts(overhead: number, limit: number): Uint8Array[] {
    if (this.#size === 0) return [];
    const transmitLimit = retransmitLimit(this.#retransmitMult, this.#numNodes());
    const taken: Entry[] = [];
    let used = 0;
    const messages: Uint8Array[] = [];
    for (const tier of this.#tiers) {
      for (;;) {
        const entry = tier.takeLongest(limit - used - overhead);
        if (entry === undefined) break;
        used += overhead + entry.length;
        taken.push(entry);
        messages.push(entry.broadcast.message);
      }
    }
    for (const { broadcast } of this.#putBack(taken, transmitLimit)) broadcast.finished?.();
    return messages;
  }

  /** Keeps the `maxRetain` broadcasts that were sent least; the rest are finished. */
  prune(maxRetain: number): void {
    const dropped: Entry[] = [];
    for (const tier of [...this.#tiers].reverse()) {
      for (const entry of tier.takeLast(Math.max(0, this.#size - maxRetain))) {
        this.#uncount(entry);
        this.#forgetName(entry);
        dropped.push(entry);
      }
    }
    for (const { broadcast } of dropped) broadcast.finished?.();
  }

  /** Empties the queue; everything in it is finished. */
  reset(): void {
    this.prune(0);
  }

  // Puts back what is to be sent again; gives what is done.
  #putBack(taken: readonly Entry[], transmitLimit: number): Entry[] {
    const done: Entry[] = [];
    for (const entry of taken) {
      this.#uncount(entry);
      entry.transmits++;
      if (entry.transmits < transmitLimit) this.#insert(entry);
      else {
        this.#forgetName(entry);
        done.push(entry);
      }
    }
    return done;
  }

  #queueNamed(name: string, entry: Entry): void {
    const old = this.#byName.get(name);
    if (old !== undefined) this.#takeOut(old);
    this.#insert(entry);
    this.#byName.set(name, entry);
    old?.broadcast.finished?.();
  }

  // Only those without a name are asked, and may be replaced.
  #queueUnnamed(entry: Entry): void {
    const { invalidates } = entry.broadcast;
    const replaced: Entry[] = [];
    if (invalidates !== undefined) {
      for (const old of this.#tiers.flatMap((tier) => [...tier])) {
        if (old.broadcast.name === undefined && invalidates(old.broadcast)) replaced.push(old);
      }
    }
    for (const old of replaced) this.#takeOut(old);
    this.#insert(entry);
    for (const old of replaced) old.broadcast.finished?.();
  }

  #insert(entry: Entry): void {
    while (this.#tiers.length <= entry.transmits) this.#tiers.push(new BroadcastTier());
    (this.#tiers[entry.transmits] as BroadcastTier<Entry>).add(entry);
    this.#size++;
    this.#bytes += entry.length;
  }

  #uncount({ length }: Entry): void {
    this.#size--;
    this.#bytes -= length;
  }

  #isOver(): boolean {
    return this.#size > this.#maxEntries || this.#bytes > this.#maxBytes;
  }

  #evict(): void {
    const kept: Entry[] = [];
    const dropped: Entry[] = [];
    const atOnce = Math.ceil(this.#size / evictedShare);
    for (const tier of [...this.#tiers].reverse()) {
      while (tier.size > 0 && this.#isOver()) {
        for (const entry of tier.takeOldest(atOnce)) {
          if (this.#keeps(entry.broadcast)) kept.push(entry);
          else {
            this.#uncount(entry);
            dropped.push(entry);
          }
        }
      }
    }
    for (const entry of kept) (this.#tiers[entry.transmits] as BroadcastTier<Entry>).add(entry);
    for (const entry of dropped) this.#forgetName(entry);
    for (const { broadcast } of dropped) broadcast.finished?.();
    if (dropped.length > 0) this.#evicted(dropped.length);
  }

  /** Its name is left to what replaces it. */
  #takeOut(entry: Entry): void {
    (this.#tiers[entry.transmits] as BroadcastTier<Entry>).remove(entry);
    this.#uncount(entry);
  }

  #forgetName({ broadcast: { name } }: Entry): void {
    if (name !== undefined) this.#byName.delete(name);
  }
}

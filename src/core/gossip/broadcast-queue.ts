/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The transmit-limited queue (SWIM, section 4.1; Go memberlist's TransmitLimitedQueue): each message is sent a number
// of times that grows with the logarithm of the cluster size, the least sent messages first.
import { limits } from '../../wire/limits.js';
import { retransmitLimit } from '../lifeguard/formulas.js';
import { BroadcastTier } from './broadcast-tier.js';

/** A message to be gossiped. */
export interface Broadcast {
  /** A broadcast replaces an older one with the same name. */
  readonly name?: string;
  readonly message: Uint8Array;
  /** For broadcasts without a name: whether this one makes `other` obsolete. */
  readonly invalidates?: (other: Broadcast) => boolean;
  /**
   * Called once: when the broadcast reached its number of transmissions, was replaced or evicted, or the queue was
   * emptied.
   */
  readonly finished?: () => void;
}

/** Options of a {@link TransmitLimitedQueue}. */
export interface BroadcastQueueInit {
  /** The current size of the cluster. */
  readonly numNodes: () => number;
  /** The multiplier of the transmit limit. */
  readonly retransmitMult: number;
  /** Maximum number of broadcasts in the queue: 1 or more. Default: 65,536. */
  readonly maxEntries?: number;
  /** Maximum bytes of messages in the queue: 1 or more. Default: 16 MiB. */
  readonly maxBytes?: number;
  /** Called after a broadcast was added. */
  readonly queued?: () => void;
  /** Whether a broadcast is never evicted. Default: all can be evicted. */
  readonly keeps?: (broadcast: Broadcast) => boolean;
  /** Called after an eviction, with the number of evicted broadcasts. */
  readonly evicted?: (count: number) => void;
}

/**
 * One in this many entries is evicted at a time: to search for each one separately would cost more than everything
 * else.
 */
const evictionFraction = 16;

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
 * The broadcasts with the fewest transmissions come first; among those the longest that still fits, then the newest.
 *
 * The queue is bounded in entries and in bytes. Beyond a bound it evicts a sixteenth of its entries at a time: those
 * with the most transmissions first, and among those the oldest. Evicted broadcasts are finished.
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

  /** Number of queued messages. */
  get numQueued(): number {
    return this.#size;
  }

  /** Bytes of the queued messages. */
  get numBytes(): number {
    return this.#bytes;
  }

  /** Adds a broadcast; broadcasts that it replaces or evicts are finished. */
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
    if (this.#exceedsBounds()) this.#evict();
    this.#queued();
  }

  /**
   * Takes messages for one packet; each counts as sent once.
   *
   * @param overhead - additional bytes that each message takes in the packet
   * @param limit - bytes available in the packet
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

  /** Keeps the `maxRetain` broadcasts with the fewest transmissions; the rest are finished. */
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

  /** Empties the queue; all its broadcasts are finished. */
  reset(): void {
    this.prune(0);
  }

  // Puts back the entries that have transmissions left; returns the others.
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
    if (old !== undefined) this.#remove(old);
    this.#insert(entry);
    this.#byName.set(name, entry);
    old?.broadcast.finished?.();
  }

  // Only broadcasts without a name are compared, and can be replaced.
  #queueUnnamed(entry: Entry): void {
    const { invalidates } = entry.broadcast;
    const replaced: Entry[] = [];
    if (invalidates !== undefined) {
      for (const old of this.#tiers.flatMap((tier) => [...tier])) {
        if (old.broadcast.name === undefined && invalidates(old.broadcast)) replaced.push(old);
      }
    }
    for (const old of replaced) this.#remove(old);
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

  #exceedsBounds(): boolean {
    return this.#size > this.#maxEntries || this.#bytes > this.#maxBytes;
  }

  #evict(): void {
    const kept: Entry[] = [];
    const dropped: Entry[] = [];
    const atOnce = Math.ceil(this.#size / evictionFraction);
    for (const tier of [...this.#tiers].reverse()) {
      while (tier.size > 0 && this.#exceedsBounds()) {
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

  /** Its name stays in the map for its replacement. */
  #remove(entry: Entry): void {
    (this.#tiers[entry.transmits] as BroadcastTier<Entry>).remove(entry);
    this.#uncount(entry);
  }

  #forgetName({ broadcast: { name } }: Entry): void {
    if (name !== undefined) this.#byName.delete(name);
  }
}

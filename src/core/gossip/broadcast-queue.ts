/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The transmit-limited queue (SWIM, section 4.1; Go memberlist's TransmitLimitedQueue): each message
// is sent a number of times that grows with the logarithm of the cluster, the freshest first.
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
 */
export class TransmitLimitedQueue {
  readonly #numNodes: () => number;
  readonly #retransmitMult: number;
  readonly #queued: () => void;
  /** By number of transmissions. */
  readonly #tiers: BroadcastTier<Entry>[] = [];
  readonly #byName = new Map<string, Entry>();
  #size = 0;
  #nextId = 1;

  /**
   * @param init.numNodes - the size of the cluster now
   * @param init.retransmitMult - the multiplier of the transmit limit
   * @param init.queued - called after a broadcast was added
   */
  constructor(init: { numNodes: () => number; retransmitMult: number; queued?: () => void }) {
    this.#numNodes = init.numNodes;
    this.#retransmitMult = init.retransmitMult;
    this.#queued = init.queued ?? (() => undefined);
  }

  /** Messages that are queued now. */
  get numQueued(): number {
    return this.#size;
  }

  /** Adds a broadcast; what it replaces is finished. */
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
        this.#size--;
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
    this.#size -= taken.length;
    const done: Entry[] = [];
    for (const entry of taken) {
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
  }

  /** Its name is left to what replaces it. */
  #takeOut(entry: Entry): void {
    (this.#tiers[entry.transmits] as BroadcastTier<Entry>).remove(entry);
    this.#size--;
  }

  #forgetName({ broadcast: { name } }: Entry): void {
    if (name !== undefined) this.#byName.delete(name);
  }
}

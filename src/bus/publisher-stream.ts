/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What one node has of one publisher: messages are delivered strictly by sequence number, so that each is delivered at
// most once and in order. Messages that arrive early wait until the hole before them is repaired or given up.
import type { SeqRange } from './frames.js';
import { busLimits } from './limits.js';
import type { BusRecord } from './records.js';
import type { Retained } from './retained.js';

/** What a stream calls. */
export interface StreamSink {
  deliver(stream: PublisherStream, record: BusRecord): void;
  /** `missed` messages cannot be recovered. */
  gap(stream: PublisherStream, missed: number): void;
  duplicate(count: number): void;
  /** A message was dropped, as too many wait already. */
  full(): void;
}

/** One publisher, as one other node sees it. */
export class PublisherStream {
  readonly publisher: string;
  readonly boot: string;
  readonly retained: Retained;
  /** Whether the publisher has answered the first contact. */
  isVerified = false;
  /** Other members that have messages that this node lacks: the highest number, by name. */
  readonly offers = new Map<string, number>();
  readonly #sink: StreamSink;
  readonly #early = new Map<number, BusRecord>();
  #earlyBytes = 0;
  #next: number;
  #high: number;
  /** The number after the last gap. */
  #unbrokenFrom: number;
  #final: number | undefined;

  constructor(init: {
    publisher: string;
    boot: string;
    next: number;
    retained: Retained;
    sink: StreamSink;
  }) {
    this.publisher = init.publisher;
    this.boot = init.boot;
    this.retained = init.retained;
    this.#sink = init.sink;
    this.#next = init.next;
    this.#high = init.next - 1;
    this.#unbrokenFrom = init.next;
  }

  /** The number of the next message to deliver. */
  get next(): number {
    return this.#next;
  }

  /** The highest number that was published for certain: the publisher said so, or the message arrived. */
  get high(): number {
    return this.#high;
  }

  /** All messages from here on, before `next`, were delivered. */
  get unbrokenFrom(): number {
    return this.#unbrokenFrom;
  }

  /** The number of the last message, if the publisher has left. */
  get final(): number | undefined {
    return this.#final;
  }

  /** Whether a message is missing that was published for certain. */
  get isBehind(): boolean {
    return this.#next <= this.#high;
  }

  /** Whether the publisher has left and all its messages were delivered. */
  get isComplete(): boolean {
    return this.#final !== undefined && this.#next > this.#final;
  }

  /** The publisher said how far it is, and whether that is the end. */
  raise(high: number, isFinal = false): void {
    if (high > this.#high) this.#high = high;
    if (isFinal) this.#final = high;
    else if (this.#final !== undefined && high > this.#final) this.#final = undefined;
  }

  /** The publisher is back after it left. */
  reopen(): void {
    this.#final = undefined;
  }

  /**
   * Receives messages in ascending order. Delivers what is next.
   *
   * @returns those that are new
   */
  receive(records: readonly BusRecord[]): readonly BusRecord[] {
    let fresh: BusRecord[] | undefined;
    for (const [i, record] of records.entries()) {
      const isNew = this.#receive(record);
      if (isNew) fresh?.push(record);
      else fresh ??= records.slice(0, i);
    }
    return fresh ?? records;
  }

  /** Gives up what is missing before `next`, with gap events. */
  skipTo(next: number): void {
    if (next <= this.#next) return;
    const early = [...this.#early.keys()].filter((seq) => seq < next).sort((a, b) => a - b);
    for (const seq of [...early, next]) {
      if (seq > this.#next) {
        const missed = seq - this.#next;
        this.#next = seq;
        this.#unbrokenFrom = seq;
        if (seq - 1 > this.#high) this.#high = seq - 1;
        this.#sink.gap(this, missed);
      }
      this.#deliverEarly();
    }
  }

  /** Gives up the first hole. */
  skipHole(): void {
    let end = this.#high + 1;
    for (const seq of this.#early.keys()) if (seq < end) end = seq;
    this.skipTo(end);
  }

  /** Missing numbers up to `high`, within the limits of one fetch. */
  missing(high: number): SeqRange[] {
    const ranges: SeqRange[] = [];
    const end = Math.min(high, this.#next + busLimits.fetchMessages - 1);
    let from = this.#next;
    for (let seq = this.#next; seq <= end && ranges.length < busLimits.fetchRanges; seq++) {
      if (!this.#early.has(seq)) continue;
      if (seq > from) ranges.push({ from, to: seq - 1 });
      from = seq + 1;
    }
    if (from <= end && ranges.length < busLimits.fetchRanges) ranges.push({ from, to: end });
    return ranges;
  }

  /** The highest number that another member has, or offers. */
  get highestOffer(): number {
    let highest = 0;
    for (const high of this.offers.values()) if (high > highest) highest = high;
    return highest;
  }

  /** Another member has messages up to `high`. */
  offer(name: string, high: number): void {
    if (this.offers.size >= busLimits.offers && !this.offers.has(name)) return;
    this.offers.set(name, high);
  }

  #receive(record: BusRecord): boolean {
    const { seq } = record;
    if (seq < this.#next || this.#early.has(seq)) {
      this.#sink.duplicate(1);
      return false;
    }
    if (seq === this.#next) {
      this.#deliver(record);
      if (this.#early.size > 0) this.#deliverEarly();
      return true;
    }
    const { length } = record.body;
    const isFull =
      this.#early.size >= busLimits.earlyMessages ||
      this.#earlyBytes + length > busLimits.earlyBytes;
    if (seq > this.#high) this.#high = seq;
    if (isFull) {
      this.#sink.full();
      return false;
    }
    this.#early.set(seq, record);
    this.#earlyBytes += length;
    return true;
  }

  #deliverEarly(): void {
    for (;;) {
      const record = this.#early.get(this.#next);
      if (record === undefined) return;
      this.#early.delete(this.#next);
      this.#earlyBytes -= record.body.length;
      this.#deliver(record);
    }
  }

  #deliver(record: BusRecord): void {
    this.#next = record.seq + 1;
    if (record.seq > this.#high) this.#high = record.seq;
    if (this.#final !== undefined && record.seq > this.#final) this.#final = undefined;
    this.#sink.deliver(this, record);
  }
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// This node as a publisher. Messages that are published in one turn of the event loop share packets; while packets are
// being sent, further messages wait, which makes the next packets fuller.
import { BusyError, ShutdownError } from '../index.js';
import type { BusNode } from './bus-node.js';
import { dataHead, relayHead } from './encode.js';
import { busLimits } from './limits.js';
import { createRecord, packRecords, recordBytes, type BusRecord } from './records.js';
import type { Retained } from './retained.js';
import { SendWindow } from './send-window.js';

/** What sending needs. */
export interface OutgoingSink {
  /** This node's own subscribers receive a message. */
  deliver(record: BusRecord): void;
  /** In a large cluster: the neighbors that receive messages at once. Undefined: all members receive them directly. */
  neighbors(): readonly string[] | undefined;
  /** In a large cluster: announces messages that are too large for a packet to the neighbors. */
  announce(): void;
  /** Messages were sent. */
  sent(): void;
}

interface Batch {
  readonly records: BusRecord[];
  bytes: number;
  readonly done: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (reason: Error) => void;
}

/** The messages that one node publishes. */
export class Outgoing {
  readonly retained: Retained;
  readonly window: SendWindow;
  readonly #node: BusNode;
  readonly #sink: OutgoingSink;
  readonly #batches: Batch[] = [];
  readonly #streams: (() => Promise<void>)[] = [];
  #activeStreams = 0;
  #high = 0;
  #queuedMessages = 0;
  #queuedBytes = 0;
  #isSending = false;
  #isStopped = false;
  #idle: (() => void)[] = [];

  constructor(node: BusNode, retained: Retained, sink: OutgoingSink) {
    this.#node = node;
    this.retained = retained;
    this.#sink = sink;
    this.window = new SendWindow(node.context.clock);
  }

  /** The sequence number of the last message. */
  get high(): number {
    return this.#high;
  }

  get queuedMessages(): number {
    return this.#queuedMessages;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /**
   * Queues a message.
   *
   * @returns its number, and a promise that resolves when it was handed to the network
   * @throws BusyError
   */
  publish(message: { topic: string; payload: Uint8Array; confirm: boolean }): {
    seq: number;
    done: Promise<void>;
  } {
    const isFull =
      this.#queuedMessages >= busLimits.queueMessages ||
      this.#queuedBytes + message.payload.length > busLimits.queueBytes;
    if (isFull && this.#queuedMessages > 0) {
      throw new BusyError(this.#queuedMessages, this.#queuedBytes);
    }
    const { context, meters } = this.#node;
    const record = createRecord(++this.#high, message);
    this.retained.add(record, context.clock.now());
    meters.published.inc();
    const bytes = recordBytes(record);
    this.#queuedMessages++;
    this.#queuedBytes += bytes;
    const batch = this.#openBatch();
    batch.records.push(record);
    batch.bytes += bytes;
    if (!this.#isSending) {
      this.#isSending = true;
      context.clock.afterTurn(() => void this.#send());
    }
    return { seq: record.seq, done: batch.done };
  }

  /** Resolves when everything was handed to the network. */
  flushed(): Promise<void> {
    if (!this.#isSending && this.#activeStreams === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Sends what waits now, as far as it fits into packets and the window: the node is about to shut down. */
  flush(): void {
    const { peers, link, boot } = this.#node;
    const to = this.#sink.neighbors() ?? peers.names;
    const head = dataHead({ boot, isDirect: this.#sink.neighbors() === undefined });
    const maxBytes = link.packetBytes;
    let left = busLimits.windowBytes;
    for (let batch = this.#batches[0]; batch !== undefined; batch = this.#batches[0]) {
      const { records, bytes } = batch;
      const isLarge = records.some((record) => head.length + recordBytes(record) > maxBytes);
      left -= bytes;
      if (isLarge || left < 0) return;
      for (let start = 0; start < records.length;) {
        const { frame, end } = packRecords(head, records, { start, maxBytes });
        void link.sendToAll(to, frame);
        start = end;
      }
      this.#batches.shift();
      for (const record of records) this.#dequeue(record);
      batch.resolve();
    }
  }

  /** Rejects what waits. */
  stop(): void {
    this.#isStopped = true;
    this.window.stop();
    for (const { reject } of this.#batches.splice(0)) reject(new ShutdownError('publish'));
    this.#streams.length = 0;
    this.#whenIdle();
  }

  #openBatch(): Batch {
    const last = this.#batches.at(-1);
    if (last !== undefined && last.bytes < busLimits.turnBytes) return last;
    const batch: Batch = { records: [], bytes: 0, ...deferred() };
    // The rejection at the shutdown is that of `publish`, if the application waits for it.
    batch.done.catch(() => undefined);
    this.#batches.push(batch);
    return batch;
  }

  async #send(): Promise<void> {
    for (let batch = this.#batches[0]; batch !== undefined; batch = this.#batches[0]) {
      const names = (): readonly string[] =>
        this.#sink.neighbors() === undefined ? this.#node.peers.names : [];
      if (!this.window.hasRoom(names())) await this.window.room(names);
      if (this.#isStopped) return;
      this.#batches.shift();
      for (const record of batch.records) this.#sink.deliver(record);
      this.window.sent(batch.records.at(-1)?.seq ?? 0, batch.bytes);
      this.#sink.sent();
      await this.#sendBatch(batch.records);
      batch.resolve();
      if (this.#hasStopped()) return;
    }
    this.#isSending = false;
    this.#whenIdle();
  }

  /** A call, because the field changes while a batch is sent. */
  #hasStopped(): boolean {
    return this.#isStopped;
  }

  async #sendBatch(records: readonly BusRecord[]): Promise<void> {
    const { peers, link, boot, name } = this.#node;
    const neighbors = this.#sink.neighbors();
    const to = neighbors ?? peers.names;
    const head = dataHead({ boot, isDirect: neighbors === undefined });
    // A message that is passed on needs a longer head.
    const reserve = neighbors === undefined ? 0 : relayHead({ publisher: name, boot }).length;
    const maxBytes = link.packetBytes - Math.max(0, reserve - head.length);
    const pending: Promise<void>[] = [];
    let hasLarge = false;
    let small: BusRecord[] = [];
    const flush = (): void => {
      for (let start = 0; start < small.length;) {
        const { frame, end } = packRecords(head, small, { start, maxBytes });
        pending.push(link.sendToAll(to, frame));
        start = end;
      }
      small = [];
    };
    for (const record of records) {
      const bytes = recordBytes(record);
      if (head.length + bytes <= maxBytes) {
        small.push(record);
        continue;
      }
      flush();
      hasLarge = true;
      if (neighbors === undefined) this.#stream(head, record, to);
    }
    flush();
    if (hasLarge && neighbors !== undefined) this.#sink.announce();
    await Promise.all(pending);
    for (const record of records) {
      if (neighbors === undefined && head.length + recordBytes(record) > maxBytes) continue;
      this.#dequeue(record);
    }
  }

  /** Sends a large message to each member, a few at a time. It counts as queued until then. */
  #stream(head: Buffer, record: BusRecord, to: readonly string[]): void {
    const { frame } = packRecords(head, [record], { start: 0, maxBytes: Infinity });
    let left = to.length;
    if (left === 0) return this.#dequeue(record);
    for (const name of to) {
      this.#streams.push(async () => {
        await this.#node.link.stream(name, frame);
        if (--left === 0) this.#dequeue(record);
      });
    }
    this.#startStreams();
  }

  #startStreams(): void {
    while (this.#activeStreams < busLimits.streams) {
      const start = this.#streams.shift();
      if (start === undefined) return this.#whenIdle();
      this.#activeStreams++;
      void start().then(() => {
        this.#activeStreams--;
        this.#startStreams();
      });
    }
  }

  #dequeue(record: BusRecord): void {
    this.#queuedMessages--;
    this.#queuedBytes -= recordBytes(record);
  }

  #whenIdle(): void {
    const isIdle = !this.#isSending && this.#activeStreams === 0;
    if (!isIdle && !this.#isStopped) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}

function deferred(): Pick<Batch, 'done' | 'resolve' | 'reject'> {
  let settle: Pick<Batch, 'resolve' | 'reject'> | undefined;
  const done = new Promise<void>((resolve, reject) => (settle = { resolve, reject }));
  return { done, ...(settle as unknown as Pick<Batch, 'resolve' | 'reject'>) };
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// All publishers that a node receives from. A publisher ends when its member fails or leaves, or when another incarnation
// of it attaches. It is kept for a while in which members help each other to its last messages, then it is dropped; what
// may be missing by then is a gap.
import type { Timer } from '../index.js';
import type { BusNode } from './bus-node.js';
import type { BusGap } from './bus.js';
import { busLimits } from './limits.js';
import { PublisherStream } from './publisher-stream.js';
import type { BusRecord } from './records.js';
import { dropOldest, Retained } from './retained.js';

/** What happens with messages of publishers. */
export interface PublishersSink {
  deliver(stream: PublisherStream, record: BusRecord): void;
  gap(gap: BusGap): void;
  /** A publisher ended, or its state was dropped. */
  ended(stream: PublisherStream): void;
  dropped(stream: PublisherStream): void;
}

/** What remains of the total after it was exceeded. */
const TRIMMED = 0.9;

/** The publishers of one bus. */
export class Publishers {
  readonly #node: BusNode;
  readonly #sink: PublishersSink;
  readonly #byName = new Map<string, Map<string, PublisherStream>>();
  /** Ended publishers, with the timers that drop them. */
  readonly #ended = new Map<PublisherStream, Timer>();
  /** Members that are gone and of which this node received nothing, with the end of their grace period. */
  readonly #gone = new Map<string, number>();
  /** Those that may have published something. */
  readonly #unheard = new Map<string, Timer>();
  /** Dropped publishers: the next number to deliver, by name and boot id. */
  readonly #tombstones = new Map<string, number>();
  #retainedBytes = 0;

  constructor(node: BusNode, sink: PublishersSink) {
    this.#node = node;
    this.#sink = sink;
  }

  get retainedBytes(): number {
    return this.#retainedBytes;
  }

  /** How many there are, including those that ended recently. */
  get size(): number {
    let size = 0;
    for (const boots of this.#byName.values()) size += boots.size;
    return size;
  }

  *all(): Generator<PublisherStream> {
    for (const boots of this.#byName.values()) yield* boots.values();
  }

  get(name: string, boot: string): PublisherStream | undefined {
    return this.#byName.get(name)?.get(boot);
  }

  isEnded(stream: PublisherStream): boolean {
    return this.#ended.has(stream);
  }

  /** Whether it was dropped. */
  isTombstone(name: string, boot: string): boolean {
    return this.#tombstones.has(`${boot}${name}`);
  }

  /** Whether an earlier incarnation is still remembered, or one failed before this node received anything from it. */
  remembers(name: string): boolean {
    if (this.#unheard.has(name)) return true;
    for (const stream of this.#byName.get(name)?.values() ?? []) {
      if (this.#ended.has(stream)) return true;
    }
    return false;
  }

  /** Whether no incarnation of this member is known but this one. */
  isOnly(name: string, stream: PublisherStream | undefined): boolean {
    for (const each of this.#byName.get(name)?.values() ?? []) if (each !== stream) return false;
    return true;
  }

  /** A place for retained messages that counts toward the total. */
  retained(): Retained {
    const { messages: count, bytes, age: ageMs } = this.#node.options.retention;
    return new Retained({ count, bytes, ageMs }, (change) => void (this.#retainedBytes += change));
  }

  /** Begins to receive from a publisher; `next` unless it was dropped earlier. Other incarnations end. */
  open(name: string, boot: string, next: number): PublisherStream {
    const boots = this.#byName.get(name) ?? new Map<string, PublisherStream>();
    this.#byName.set(name, boots);
    for (const other of boots.values()) this.end(other);
    for (const other of boots.values()) {
      if (boots.size < busLimits.bootsPerName) break;
      this.#drop(other);
    }
    const key = `${boot}${name}`;
    const stream = new PublisherStream({
      publisher: name,
      boot,
      next: this.#tombstones.get(key) ?? next,
      retained: this.retained(),
      sink: this.#streamSink,
    });
    this.#tombstones.delete(key);
    // `#drop` may have removed the last other incarnation, and the name with it.
    this.#byName.set(name, boots.set(boot, stream));
    return stream;
  }

  /** A publisher is gone: it is dropped after the grace period. */
  end(stream: PublisherStream): void {
    if (this.#ended.has(stream)) return;
    const { context, options } = this.#node;
    const timer = context.clock.setTimer(options.grace, () => this.#drop(stream));
    this.#ended.set(stream, timer);
    this.#sink.ended(stream);
  }

  /** The publisher is back. */
  revive(stream: PublisherStream): void {
    if (!this.#ended.has(stream)) return;
    this.#unend(stream);
    stream.reopen();
  }

  /** Whether no later incarnation of the publisher is known. */
  isLatest(stream: PublisherStream): boolean {
    let latest: PublisherStream | undefined;
    for (const each of this.#byName.get(stream.publisher)?.values() ?? []) latest = each;
    return latest === stream;
  }

  /** A member is gone. */
  peerLeft(name: string, reason: 'left' | 'failed'): void {
    const streams = this.#byName.get(name);
    for (const stream of streams?.values() ?? []) this.end(stream);
    if (streams !== undefined) return;
    const { context, options } = this.#node;
    this.#gone.delete(name);
    this.#gone.set(name, context.clock.now() + options.grace);
    for (const oldest of this.#gone.keys()) {
      if (this.#gone.size <= busLimits.tombstones) break;
      this.#gone.delete(oldest);
    }
    if (reason === 'failed') this.mentioned(name);
  }

  /** A member that is gone may have published what this node lacks: it failed, or others mention its messages. */
  mentioned(name: string): void {
    const { context, options } = this.#node;
    const until = this.#gone.get(name) ?? -Infinity;
    if (context.clock.now() > until || this.#unheard.has(name)) return;
    const timer = context.clock.setTimer(options.grace, () => this.unheard(name));
    this.#unheard.set(name, timer);
  }

  /** The member that failed is back as the same incarnation: its digest shows what is missing. */
  heardAgain(name: string): void {
    this.#unheard.get(name)?.cancel();
    this.#unheard.delete(name);
    this.#gone.delete(name);
  }

  /** An incarnation ended of which nothing was received: what it published is unknown. */
  unheard(name: string): void {
    this.heardAgain(name);
    this.#gap({ publisher: name, bootId: undefined, missed: undefined });
  }

  /** Removes what is retained for too long, or beyond the total. */
  trim(own: Retained): void {
    const { context, options } = this.#node;
    const now = context.clock.now();
    own.expire(now);
    for (const { retained } of this.all()) retained.expire(now);
    this.trimTotal(own, options.retention.totalBytes);
  }

  /** Beyond the total, removes the oldest messages of all publishers, some more at once so that it happens rarely. */
  trimTotal(own: Retained, totalBytes: number): void {
    if (this.#retainedBytes <= totalBytes) return;
    const all = [own];
    for (const { retained } of this.all()) all.push(retained);
    dropOldest(all, () => this.#retainedBytes > totalBytes * TRIMMED);
  }

  #drop(stream: PublisherStream): void {
    const { publisher, boot } = stream;
    const { final } = stream;
    stream.skipTo(stream.high + 1);
    // How far a publisher got that did not say goodbye is unknown.
    if (final === undefined || stream.next <= final) {
      this.#gap({ publisher, bootId: boot, missed: undefined });
    }
    this.#unend(stream);
    stream.retained.clear();
    const boots = this.#byName.get(publisher);
    boots?.delete(boot);
    if (boots?.size === 0) this.#byName.delete(publisher);
    this.#tombstones.set(`${boot}${publisher}`, stream.next);
    for (const oldest of this.#tombstones.keys()) {
      if (this.#tombstones.size <= busLimits.tombstones) break;
      this.#tombstones.delete(oldest);
    }
    this.#sink.dropped(stream);
  }

  #unend(stream: PublisherStream): void {
    this.#ended.get(stream)?.cancel();
    this.#ended.delete(stream);
  }

  #gap(gap: BusGap): void {
    const { meters } = this.#node;
    meters.gaps.inc();
    if (gap.missed !== undefined) meters.missed.inc(gap.missed);
    this.#sink.gap(gap);
  }

  readonly #streamSink = {
    deliver: (stream: PublisherStream, record: BusRecord): void => {
      stream.retained.add(record, this.#node.context.clock.now());
      this.#sink.deliver(stream, record);
    },
    gap: ({ publisher, boot }: PublisherStream, missed: number): void => {
      this.#gap({ publisher, bootId: boot, missed });
    },
    duplicate: (count: number): void => this.#node.meters.duplicates.inc(count),
    full: (): void => this.#node.meters.drop('early-full'),
  };
}

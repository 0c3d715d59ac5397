/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Messages and digests of other members: what each frame means for the publishers that this node receives from.
import type { BusNode } from './bus-node.js';
import type { Attachments } from './attachments.js';
import type { Digests } from './digests.js';
import { encodeFrame } from './encode.js';
import type { DataFrame, DigestEntry, DigestFrame, RelayFrame, RepairFrame } from './frames.js';
import { busLimits } from './limits.js';
import { OFFERED_MS, type Overlay } from './overlay.js';
import type { PublisherStream } from './publisher-stream.js';
import type { Publishers } from './publishers.js';
import { detached, recordBytes, type BusRecord } from './records.js';
import type { Repair } from './repair.js';
import type { Origin } from './subscriptions.js';

/** The parts that messages go to. */
export interface IncomingParts {
  readonly publishers: Publishers;
  readonly attachments: Attachments;
  readonly repair: Repair;
  readonly overlay: Overlay;
  readonly digests: Digests;
  readonly ownEntry: () => DigestEntry | undefined;
}

/** Receives for one node. */
export class Incoming {
  readonly #node: BusNode;
  readonly #parts: IncomingParts;
  /** Publishers that wait for an acknowledgment. */
  readonly #unacknowledged = new Set<PublisherStream>();

  constructor(node: BusNode, parts: IncomingParts) {
    this.#node = node;
    this.#parts = parts;
  }

  /** Messages from their publisher. */
  data(from: string, { boot, isDirect, records }: DataFrame, bytes: number): void {
    const own = bytes > 16_384 ? records.map((record) => detached(record, bytes)) : records;
    const { publishers, attachments } = this.#parts;
    let stream = publishers.get(from, boot);
    if (stream === undefined) {
      const isFirst = records[0]?.seq === 1 && publishers.isOnly(from, undefined);
      attachments.contact(from, boot, { isDirect: true, ...(!isFirst && { records: own }) });
      if (!isFirst || publishers.isTombstone(from, boot)) return;
      // It sends its first message to the members that it lists, so this node receives all of them.
      stream = publishers.open(from, boot, 1);
    }
    // It was believed to be gone.
    if (publishers.isEnded(stream) && publishers.isLatest(stream)) publishers.revive(stream);
    this.#receive(stream, own, isDirect ? undefined : from);
  }

  /** Messages that a neighbor passes on. */
  relay(from: string, { publisher, boot, records }: RelayFrame, bytes: number): void {
    const { publishers, attachments } = this.#parts;
    const { meters, name } = this.#node;
    // Its own messages come back.
    if (publisher === name) return this.#parts.overlay.duplicate(from);
    const stream = publishers.get(publisher, boot);
    const own = bytes > 16_384 ? records.map((record) => detached(record, bytes)) : records;
    if (stream === undefined) {
      if (publishers.isTombstone(publisher, boot)) return meters.duplicates.inc(records.length);
      return attachments.contact(publisher, boot, { isDirect: false, records: own });
    }
    this.#receive(stream, this.#withinWindow(stream, own), from);
  }

  /** The answer to a fetch. */
  repair(from: string, frame: RepairFrame, bytes: number): void {
    const { publishers, repair, overlay } = this.#parts;
    const { meters } = this.#node;
    const isPublisher = frame.publisher === '';
    const publisher = isPublisher ? from : frame.publisher;
    const stream = publishers.get(publisher, frame.boot);
    if (stream === undefined || !repair.isExpected(stream, from)) return meters.drop('unexpected');
    const all = bytes > 16_384 ? frame.records.map((each) => detached(each, bytes)) : frame.records;
    const fresh = stream.receive(isPublisher ? all : this.#withinWindow(stream, all));
    meters.repaired.inc(fresh.length);
    repair.answered(stream, from, frame, fresh.length);
    if (overlay.isActive && fresh.length > 0) this.#passOn(stream, fresh, from);
  }

  /** What another member has. */
  digest(from: string, frame: DigestFrame): void {
    const behind: DigestEntry[] = [];
    for (const entry of frame.entries) {
      if (entry.publisher === '') this.#own(from, entry, frame);
      else this.#claim(from, entry, frame, behind);
    }
    if (behind.length === 0 || frame.isReply || frame.isOffer) return;
    const { digests } = this.#parts;
    if (digests.mayReply(from)) digests.send([from], behind, { isReply: true, isOffer: false });
  }

  /** A publisher has sent where to begin, or has returned. */
  attached(stream: PublisherStream): void {
    this.#parts.repair.check(stream);
    this.#parts.digests.wake();
  }

  /** A message was received in order. */
  delivered(
    stream: PublisherStream,
    record: BusRecord,
    sink: { deliver(origin: Origin, record: BusRecord, isOwn: boolean): void },
  ): void {
    this.#node.meters.delivered.inc();
    stream.unacknowledged += record.body.length;
    const isDue = record.confirm || stream.unacknowledged >= busLimits.acknowledgeBytes;
    if (isDue) this.#acknowledgeLater(stream);
    sink.deliver(stream, record, false);
  }

  #receive(stream: PublisherStream, records: readonly BusRecord[], from: string | undefined): void {
    const { repair, overlay, digests } = this.#parts;
    const fresh = stream.receive(records);
    repair.check(stream);
    if (fresh.length > 0) digests.wake();
    if (from === undefined) return;
    if (fresh.length > 0) {
      overlay.received(from);
      this.#passOn(stream, fresh, from);
    } else if (records.length > 0) overlay.duplicate(from);
  }

  #passOn(stream: PublisherStream, fresh: readonly BusRecord[], from: string): void {
    const { overlay } = this.#parts;
    const { publisher, boot, next, retained } = stream;
    overlay.forward(stream, fresh, from);
    const most = this.#node.link.packetBytes - 100;
    const hasLarge = fresh.some((record) => recordBytes(record) > most);
    const lowest = retained.lowest ?? next;
    const entry = { publisher, boot, lowest, high: next - 1, isFinal: false };
    if (next > 1) overlay.offer(entry, { hasLarge, from });
  }

  /** The digest of the publisher itself. */
  #own(from: string, { boot, high, isFinal }: DigestEntry, frame: DigestFrame): void {
    const { publishers, attachments, repair } = this.#parts;
    const stream = publishers.get(from, boot);
    if (stream === undefined) {
      return attachments.contact(from, boot, { isDirect: true });
    }
    if (publishers.isEnded(stream) && publishers.isLatest(stream)) publishers.revive(stream);
    stream.raise(high, isFinal);
    repair.check(stream, frame.isOffer ? OFFERED_MS : undefined);
    if (frame.wantsAck) this.#acknowledge(stream);
  }

  /** The digest of another member about a publisher. */
  #claim(from: string, entry: DigestEntry, frame: DigestFrame, behind: DigestEntry[]): void {
    const { publishers, attachments, repair, overlay, ownEntry } = this.#parts;
    const { publisher, boot, high } = entry;
    if (publisher === this.#node.name) {
      const own = ownEntry();
      if (own?.boot === boot && high < own.high) behind.push(own);
      return;
    }
    const stream = publishers.get(publisher, boot);
    if (stream === undefined) {
      if (!publishers.isTombstone(publisher, boot)) {
        attachments.contact(publisher, boot, { isDirect: false });
      }
      return;
    }
    if (high < stream.next) {
      if (high < stream.next - 1) behind.push(this.#entryOf(stream));
      return;
    }
    stream.offer(from, high);
    if (!frame.isOffer || !overlay.isActive) return repair.check(stream);
    // One timer for each publisher, however many offers come.
    if (stream.isOffered) return;
    stream.isOffered = true;
    this.#node.context.clock.setTimer(OFFERED_MS, () => {
      stream.isOffered = false;
      if (high >= stream.next) overlay.graft(from);
      repair.check(stream, 0);
    });
  }

  #entryOf({ publisher, boot, next, retained, isComplete }: PublisherStream): DigestEntry {
    const lowest = retained.lowest ?? next;
    return { publisher, boot, lowest, high: next - 1, isFinal: isComplete };
  }

  #withinWindow(stream: PublisherStream, records: readonly BusRecord[]): readonly BusRecord[] {
    const end = stream.next + busLimits.relayWindow;
    const within = records.filter(({ seq }) => seq < end);
    const dropped = records.length - within.length;
    if (dropped > 0) this.#node.meters.drop('beyond-window', dropped);
    return within;
  }

  #acknowledgeLater(stream: PublisherStream): void {
    if (this.#unacknowledged.size === 0) {
      this.#node.context.clock.afterTurn(() => {
        for (const each of this.#unacknowledged) this.#acknowledge(each);
        this.#unacknowledged.clear();
      });
    }
    stream.unacknowledged = 0;
    this.#unacknowledged.add(stream);
  }

  #acknowledge({ publisher, boot, unbrokenFrom: from, next }: PublisherStream): void {
    const frame = encodeFrame({ type: 'ack', boot, from, through: next - 1 });
    this.#node.link.send(publisher, frame);
  }
}

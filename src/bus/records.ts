/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Messages on the wire: a frame that carries messages ends with the sequence number of the first one and then, for each,
//
//     flags, [skipped numbers], [topic length, topic], [payload length, payload]
import type { Reader } from './bytes.js';
import { putVarint, varintBytes } from './bytes.js';
import { busLimits } from './limits.js';
import { MalformedFrame } from './malformed-frame.js';

/** One message of a publisher. */
export interface BusRecord {
  /** Its sequence number: 1 for the first message of a publisher. */
  readonly seq: number;
  readonly topic: string;
  /** A view of `body`. */
  readonly payload: Buffer;
  /** Whether its publisher waits for acknowledgments. */
  readonly confirm: boolean;
  /** Topic and payload as they are on the wire. */
  readonly body: Buffer;
}

const CONFIRM = 1;
const SKIP = 2;
/** Bytes of a record in addition to `body`, if no number is skipped. */
const FLAGS_BYTES = 1;

/** Creates a message to publish; the payload is copied. */
export function createRecord(
  seq: number,
  message: { topic: string; payload: Uint8Array; confirm: boolean },
): BusRecord {
  const { topic, payload, confirm } = message;
  const topicBytes = Buffer.byteLength(topic);
  const head = varintBytes(topicBytes) + topicBytes + varintBytes(payload.length);
  const body = Buffer.allocUnsafe(head + payload.length);
  let at = putVarint(body, topicBytes, 0);
  at += body.write(topic, at);
  at = putVarint(body, payload.length, at);
  body.set(payload, at);
  return { seq, topic, payload: body.subarray(at), confirm, body };
}

/** Bytes that a message takes in a frame of its own, in addition to the head of the frame. */
export function recordBytes({ seq, body }: BusRecord): number {
  return varintBytes(seq) + FLAGS_BYTES + body.length;
}

/**
 * A frame with this head and as many of the messages from `start` on as fit, at least one.
 *
 * @param records - in ascending order
 * @returns the frame, and the index after the last message in it
 */
export function packRecords(
  head: Uint8Array,
  records: readonly BusRecord[],
  { start, maxBytes }: { start: number; maxBytes: number },
): { frame: Buffer; end: number } {
  const first = records[start];
  if (first === undefined) return { frame: Buffer.from(head), end: start };
  let bytes = head.length + recordBytes(first);
  let end = start + 1;
  let previous = first.seq;
  for (; end < records.length && end - start < busLimits.recordsPerFrame; end++) {
    const { seq, body } = records[end] as BusRecord;
    const skipped = seq - previous - 1;
    const more = FLAGS_BYTES + body.length + (skipped > 0 ? varintBytes(skipped) : 0);
    if (bytes + more > maxBytes) break;
    bytes += more;
    previous = seq;
  }
  const frame = Buffer.allocUnsafe(bytes);
  frame.set(head, 0);
  let at = putVarint(frame, first.seq, head.length);
  previous = first.seq - 1;
  for (let i = start; i < end; i++) {
    const { seq, body, confirm } = records[i] as BusRecord;
    const skipped = seq - previous - 1;
    frame[at++] = (confirm ? CONFIRM : 0) | (skipped > 0 ? SKIP : 0);
    if (skipped > 0) at = putVarint(frame, skipped, at);
    at += body.copy(frame, at);
    previous = seq;
  }
  return { frame, end };
}

/**
 * Reads the messages at the end of a frame; none if the frame ends here.
 *
 * @throws MalformedFrame
 */
export function readRecords(reader: Reader): BusRecord[] {
  const records: BusRecord[] = [];
  if (reader.isAtEnd()) return records;
  let seq = reader.varint();
  if (seq === 0) throw new MalformedFrame('the sequence number 0');
  let topic = '';
  let topicBytes: Buffer = Buffer.alloc(0);
  for (;;) {
    if (records.length >= busLimits.recordsPerFrame) throw new MalformedFrame('too many messages');
    const flags = reader.byte();
    if (flags > (CONFIRM | SKIP)) throw new MalformedFrame(`unknown flags ${flags}`);
    if ((flags & SKIP) !== 0) seq += reader.varint();
    if (seq > Number.MAX_SAFE_INTEGER) throw new MalformedFrame('a sequence number over 2^53');
    const start = reader.pos;
    const bytes = topicIn(reader);
    // Most messages of a frame have the same topic.
    if (!bytes.equals(topicBytes)) {
      topic = bytes.toString();
      topicBytes = bytes;
    }
    const payload = reader.bytes(reader.varint());
    const body = reader.buf.subarray(start, reader.pos);
    records.push({ seq, topic, payload, confirm: (flags & CONFIRM) !== 0, body });
    if (reader.isAtEnd()) return records;
    seq++;
  }
}

function topicIn(reader: Reader): Buffer {
  const length = reader.varint();
  if (length === 0 || length > busLimits.topicBytes)
    throw new MalformedFrame(`a topic of ${length} bytes`);
  return reader.bytes(length);
}

/** A copy, if the message is a small part of a large frame, which it would keep in memory. */
export function detached(record: BusRecord, frameBytes: number): BusRecord {
  const { body, payload } = record;
  if (frameBytes <= 16 * 1024 || body.length * 2 > frameBytes) return record;
  const own = Buffer.from(body);
  return { ...record, body: own, payload: own.subarray(body.length - payload.length) };
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The frames of the bus: one byte for the version, one for the type, then the fields. A frame is one message of the
// extension, in a packet or over a stream.
import { Reader, Writer } from './bytes.js';
import { busLimits } from './limits.js';
import { MalformedFrame } from './malformed-frame.js';
import { readRecords, type BusRecord } from './records.js';

/** The version of this format. */
export const FRAME_VERSION = 1;
/** The longest name of a member in a frame; member names have at most 64 KiB minus their message. */
const NAME_BYTES = 64 * 1024;

const types = {
  data: 1,
  relay: 2,
  repair: 3,
  fetch: 4,
  digest: 5,
  hello: 6,
  welcome: 7,
  ack: 8,
  prune: 9,
  graft: 10,
  request: 11,
  response: 12,
  cancel: 13,
} as const;

/** Messages from their publisher. */
export interface DataFrame {
  readonly type: 'data';
  readonly boot: string;
  /** Whether the publisher sends them to every member itself, so that nobody passes them on. */
  readonly isDirect: boolean;
  readonly records: readonly BusRecord[];
}

/** Messages that another member passes on. */
export interface RelayFrame {
  readonly type: 'relay';
  readonly publisher: string;
  readonly boot: string;
  readonly records: readonly BusRecord[];
}

/** A part of the answer to a fetch. */
export interface RepairFrame {
  readonly type: 'repair';
  /** Empty: the sender. */
  readonly publisher: string;
  readonly boot: string;
  /** Whether it is the last part. */
  readonly isLast: boolean;
  /** The lowest sequence number that the sender retains. */
  readonly lowest: number;
  /** The highest sequence number that it has. */
  readonly high: number;
  readonly records: readonly BusRecord[];
}

/** Sequence numbers, both inclusive. */
export interface SeqRange {
  readonly from: number;
  readonly to: number;
}

/** Asks for messages. */
export interface FetchFrame {
  readonly type: 'fetch';
  /** Empty: the receiver. */
  readonly publisher: string;
  readonly boot: string;
  /** Ascending, without overlaps. */
  readonly ranges: readonly SeqRange[];
}

/** What a node has of one publisher. */
export interface DigestEntry {
  /** Empty: the sender. */
  readonly publisher: string;
  readonly boot: string;
  /** The lowest sequence number that it retains. */
  readonly lowest: number;
  /** The highest sequence number that it has without a hole before it. */
  readonly high: number;
  /** Whether the publisher has left, and `high` is its last message. */
  readonly isFinal: boolean;
}

/** What a node has. */
export interface DigestFrame {
  readonly type: 'digest';
  /** Whether the sender waits for an acknowledgment of its own messages. */
  readonly wantsAck: boolean;
  /** Whether it answers a digest; it is not answered itself. */
  readonly isReply: boolean;
  /** Whether it lists messages that the receiver may not have yet, in a large cluster. */
  readonly isOffer: boolean;
  readonly entries: readonly DigestEntry[];
}

/** A member asks a publisher where to begin. */
export interface HelloFrame {
  readonly type: 'hello';
  readonly boot: string;
  /** Milliseconds since this incarnation of the member started. */
  readonly ageMs: number;
  /** Whether it wants the messages that the publisher retains. */
  readonly wantsRetained: boolean;
}

/** The answer of the publisher. */
export interface WelcomeFrame {
  readonly type: 'welcome';
  readonly boot: string;
  /** The boot id of the `hello`. */
  readonly to: string;
  /** The member is owed the messages after this number. */
  readonly base: number;
  readonly high: number;
  /** Milliseconds since this incarnation of the publisher started. */
  readonly ageMs: number;
}

/** A member has delivered messages of the receiver. */
export interface AckFrame {
  readonly type: 'ack';
  /** The publisher's. */
  readonly boot: string;
  /** All messages from this number … */
  readonly from: number;
  /** … through this one were delivered. */
  readonly through: number;
}

/** The sender of a message that was known already need not send further ones. */
export interface PruneFrame {
  readonly type: 'prune';
}

/** The receiver shall send new messages at once. */
export interface GraftFrame {
  readonly type: 'graft';
}

export interface RequestFrame {
  readonly type: 'request';
  /** The requester's. */
  readonly boot: string;
  readonly id: number;
  readonly timeoutMs: number;
  readonly topic: string;
  readonly payload: Buffer;
}

/** How a member answers a request. */
export const answerKinds = ['answer', 'none', 'failed', 'accepted', 'busy'] as const;
export type AnswerKind = (typeof answerKinds)[number];

export interface ResponseFrame {
  readonly type: 'response';
  /** The requester's. */
  readonly boot: string;
  readonly id: number;
  readonly kind: AnswerKind;
  readonly payload: Buffer;
}

export interface CancelFrame {
  readonly type: 'cancel';
  /** The requester's. */
  readonly boot: string;
  readonly id: number;
}

export type Frame =
  | DataFrame
  | RelayFrame
  | RepairFrame
  | FetchFrame
  | DigestFrame
  | HelloFrame
  | WelcomeFrame
  | AckFrame
  | PruneFrame
  | GraftFrame
  | RequestFrame
  | ResponseFrame
  | CancelFrame;

const start = (type: keyof typeof types): Writer =>
  new Writer().byte(FRAME_VERSION).byte(types[type]);

/** The frame without its messages. */
export function dataHead({ boot, isDirect }: Omit<DataFrame, 'type' | 'records'>): Buffer {
  return start('data')
    .boot(boot)
    .byte(isDirect ? 1 : 0)
    .done();
}

/** The frame without its messages. */
export function relayHead({ publisher, boot }: Omit<RelayFrame, 'type' | 'records'>): Buffer {
  return start('relay').text(publisher).boot(boot).done();
}

/** The frame without its messages. */
export function repairHead(frame: Omit<RepairFrame, 'type' | 'records'>): Buffer {
  const { publisher, boot, isLast, lowest, high } = frame;
  const head = start('repair').text(publisher).boot(boot);
  return head
    .byte(isLast ? 1 : 0)
    .varint(lowest)
    .varint(high)
    .done();
}

/** Bytes of an entry of a digest. */
export function digestEntry(entry: DigestEntry): Buffer {
  const { publisher, boot, lowest, high, isFinal } = entry;
  const writer = new Writer().text(publisher).boot(boot).varint(lowest).varint(high);
  return writer.byte(isFinal ? 1 : 0).done();
}

/** A digest of encoded entries. */
export function digestOf(
  flags: Omit<DigestFrame, 'type' | 'entries'>,
  entries: readonly Uint8Array[],
): Buffer {
  const bits = [flags.wantsAck, flags.isReply, flags.isOffer];
  const writer = start('digest').byte(bits.reduce((all, bit, i) => all | (bit ? 1 << i : 0), 0));
  for (const entry of entries) writer.bytes(entry);
  return writer.done();
}

/** Encodes a frame that carries no messages. */
export function encodeFrame(
  frame: Exclude<Frame, DataFrame | RelayFrame | RepairFrame | DigestFrame>,
): Buffer {
  const writer = start(frame.type);
  switch (frame.type) {
    case 'fetch': {
      writer.text(frame.publisher).boot(frame.boot);
      let previous = 0;
      for (const { from, to } of frame.ranges) {
        writer.varint(from - previous).varint(to - from);
        previous = to;
      }
      return writer.done();
    }
    case 'hello':
      writer.boot(frame.boot).varint(Math.floor(frame.ageMs));
      return writer.byte(frame.wantsRetained ? 1 : 0).done();
    case 'welcome':
      writer.boot(frame.boot).boot(frame.to).varint(frame.base).varint(frame.high);
      return writer.varint(Math.floor(frame.ageMs)).done();
    case 'ack':
      return writer.boot(frame.boot).varint(frame.from).varint(frame.through).done();
    case 'prune':
    case 'graft':
      return writer.done();
    case 'request':
      writer.boot(frame.boot).varint(frame.id).varint(Math.ceil(frame.timeoutMs));
      return writer.text(frame.topic).bytes(frame.payload).done();
    case 'response':
      writer.boot(frame.boot).varint(frame.id).byte(answerKinds.indexOf(frame.kind));
      return writer.bytes(frame.payload).done();
    case 'cancel':
      return writer.boot(frame.boot).varint(frame.id).done();
  }
}

/**
 * Decodes a frame. Payloads are views.
 *
 * @returns undefined for a frame of another version, or of a type that is not known
 * @throws MalformedFrame
 */
export function decodeFrame(bytes: Buffer): Frame | undefined {
  const reader = new Reader(bytes);
  if (reader.byte() !== FRAME_VERSION) return undefined;
  const type = reader.byte();
  if (type === types.data) {
    const boot = reader.boot();
    return { type: 'data', boot, isDirect: bit(reader), records: readRecords(reader) };
  }
  const read = readers[type];
  if (read === undefined) return undefined;
  const frame = read(reader);
  reader.end();
  return frame;
}

const readers: Readonly<Record<number, (reader: Reader) => Frame>> = {
  [types.relay]: (reader) => ({
    type: 'relay',
    publisher: reader.text(NAME_BYTES),
    boot: reader.boot(),
    records: readRecords(reader),
  }),
  [types.repair]: (reader) => ({
    type: 'repair',
    publisher: reader.text(NAME_BYTES),
    boot: reader.boot(),
    isLast: bit(reader),
    lowest: reader.varint(),
    high: reader.varint(),
    records: readRecords(reader),
  }),
  [types.fetch]: (reader) => ({
    type: 'fetch',
    publisher: reader.text(NAME_BYTES),
    boot: reader.boot(),
    ranges: readRanges(reader),
  }),
  [types.digest]: readDigest,
  [types.hello]: (reader) => ({
    type: 'hello',
    boot: reader.boot(),
    ageMs: reader.varint(),
    wantsRetained: bit(reader),
  }),
  [types.welcome]: (reader) => ({
    type: 'welcome',
    boot: reader.boot(),
    to: reader.boot(),
    base: reader.varint(),
    high: reader.varint(),
    ageMs: reader.varint(),
  }),
  [types.ack]: (reader) => ({
    type: 'ack',
    boot: reader.boot(),
    from: reader.varint(),
    through: reader.varint(),
  }),
  [types.prune]: () => ({ type: 'prune' }),
  [types.graft]: () => ({ type: 'graft' }),
  [types.request]: (reader) => ({
    type: 'request',
    boot: reader.boot(),
    id: reader.varint(),
    timeoutMs: reader.varint(),
    topic: reader.text(busLimits.topicBytes),
    payload: reader.rest(),
  }),
  [types.response]: (reader) => ({
    type: 'response',
    boot: reader.boot(),
    id: reader.varint(),
    kind: answerKind(reader.byte()),
    payload: reader.rest(),
  }),
  [types.cancel]: (reader) => ({ type: 'cancel', boot: reader.boot(), id: reader.varint() }),
};

function readRanges(reader: Reader): SeqRange[] {
  const ranges: SeqRange[] = [];
  let previous = 0;
  while (!reader.isAtEnd) {
    const step = reader.varint();
    const from = previous + step;
    const to = from + reader.varint();
    if (step === 0 || !Number.isSafeInteger(to)) throw new MalformedFrame('a range of no numbers');
    if (ranges.length >= busLimits.fetchRanges) throw new MalformedFrame('too many ranges');
    ranges.push({ from, to });
    previous = to;
  }
  return ranges;
}

function readDigest(reader: Reader): DigestFrame {
  const bits = reader.byte();
  if (bits > 7) throw new MalformedFrame(`unknown flags ${bits}`);
  const entries: DigestEntry[] = [];
  while (!reader.isAtEnd) {
    if (entries.length >= busLimits.digestEntries) throw new MalformedFrame('too many publishers');
    const publisher = reader.text(NAME_BYTES);
    const boot = reader.boot();
    const [lowest, high] = [reader.varint(), reader.varint()];
    entries.push({ publisher, boot, lowest, high, isFinal: bit(reader) });
  }
  const [wantsAck, isReply, isOffer] = [(bits & 1) !== 0, (bits & 2) !== 0, (bits & 4) !== 0];
  return { type: 'digest', wantsAck, isReply, isOffer, entries };
}

function bit(reader: Reader): boolean {
  const value = reader.byte();
  if (value > 1) throw new MalformedFrame(`the flag ${value}`);
  return value === 1;
}

function answerKind(index: number): AnswerKind {
  const kind = answerKinds[index];
  if (kind === undefined) throw new MalformedFrame(`the answer ${index}`);
  return kind;
}

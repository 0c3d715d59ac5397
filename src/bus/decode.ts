/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Decodes frames of peers: strictly, without copies, and within the limits.
import { Reader } from './bytes.js';
import {
  answerKinds,
  FRAME_VERSION,
  frameTypes,
  type AnswerKind,
  type DigestEntry,
  type DigestFrame,
  type Frame,
  type HelloFrame,
  type SeqRange,
} from './frames.js';
import { busLimits } from './limits.js';
import { MalformedFrame } from './malformed-frame.js';
import { readRecords } from './records.js';

/** The longest name of a member in a frame; member names have at most 64 KiB minus their message. */
const NAME_BYTES = 64 * 1024;

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
  if (type === frameTypes.data) {
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
  [frameTypes.relay]: (reader) => ({
    type: 'relay',
    publisher: reader.text(NAME_BYTES),
    boot: reader.boot(),
    records: readRecords(reader),
  }),
  [frameTypes.repair]: (reader) => ({
    type: 'repair',
    publisher: reader.text(NAME_BYTES),
    boot: reader.boot(),
    isLast: bit(reader),
    lowest: reader.varint(),
    high: reader.varint(),
    records: readRecords(reader),
  }),
  [frameTypes.fetch]: (reader) => ({
    type: 'fetch',
    publisher: reader.text(NAME_BYTES),
    boot: reader.boot(),
    ranges: readRanges(reader),
  }),
  [frameTypes.digest]: readDigest,
  [frameTypes.hello]: readHello,
  [frameTypes.welcome]: (reader) => ({
    type: 'welcome',
    boot: reader.boot(),
    to: reader.boot(),
    base: reader.varint(),
    high: reader.varint(),
    ageMs: reader.varint(),
    listedMs: reader.varint(),
  }),
  [frameTypes.ack]: (reader) => ({
    type: 'ack',
    boot: reader.boot(),
    from: reader.varint(),
    through: reader.varint(),
  }),
  [frameTypes.prune]: () => ({ type: 'prune' }),
  [frameTypes.graft]: () => ({ type: 'graft' }),
  [frameTypes.request]: (reader) => ({
    type: 'request',
    boot: reader.boot(),
    id: reader.varint(),
    timeoutMs: reader.varint(),
    topic: reader.text(busLimits.topicBytes),
    payload: reader.rest(),
  }),
  [frameTypes.response]: (reader) => ({
    type: 'response',
    boot: reader.boot(),
    id: reader.varint(),
    kind: answerKind(reader.byte()),
    payload: reader.rest(),
  }),
  [frameTypes.cancel]: (reader) => ({ type: 'cancel', boot: reader.boot(), id: reader.varint() }),
};

function readHello(reader: Reader): HelloFrame {
  const [boot, ageMs] = [reader.boot(), reader.varint()];
  const bits = reader.byte();
  if (bits > 3) throw new MalformedFrame(`unknown flags ${bits}`);
  const [wantsRetained, isRestarted] = [(bits & 1) !== 0, (bits & 2) !== 0];
  return { type: 'hello', boot, ageMs, wantsRetained, isRestarted };
}

function readRanges(reader: Reader): SeqRange[] {
  const ranges: SeqRange[] = [];
  let previous = 0;
  while (!reader.isAtEnd()) {
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
  while (!reader.isAtEnd()) {
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

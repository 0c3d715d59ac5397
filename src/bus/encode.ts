/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Encodes frames.
import { Writer } from './bytes.js';
import {
  answerKinds,
  FRAME_VERSION,
  frameTypes,
  type DataFrame,
  type DigestEntry,
  type DigestFrame,
  type Frame,
  type RelayFrame,
  type RepairFrame,
} from './frames.js';

const start = (type: keyof typeof frameTypes): Writer =>
  new Writer().byte(FRAME_VERSION).byte(frameTypes[type]);

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
      writer.boot(frame.boot).varint(Math.ceil(frame.ageMs));
      return writer.byte((frame.wantsRetained ? 1 : 0) | (frame.isRestarted ? 2 : 0)).done();
    case 'welcome':
      writer.boot(frame.boot).boot(frame.to).varint(frame.base).varint(frame.high);
      return writer.varint(Math.ceil(frame.ageMs)).varint(Math.floor(frame.listedMs)).done();
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

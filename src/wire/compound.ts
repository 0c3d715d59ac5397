/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Several messages in one packet (wire protocol, section 4): 07, count, lengths, bodies.
import { limits } from './limits.js';
import { MessageType } from './message-type.js';
import { WireError } from './wire-error.js';

/** Bytes of a compound before its parts: the type and the count. */
export const COMPOUND_HEADER_BYTES = 2;
/** Bytes of each part in addition to its body: its length. */
export const COMPOUND_PART_BYTES = 2;

/** For fewer bytes a loop is faster than the engine's own copy. */
const BULK_COPY_BYTES = 96;

/** Bytes of these messages in one packet: unchanged if there is only one, otherwise a compound. */
export function assembledLength(messages: readonly Buffer[]): number {
  const [only] = messages;
  if (messages.length === 1 && only !== undefined) return only.length;
  let length = COMPOUND_HEADER_BYTES;
  for (const message of messages) length += COMPOUND_PART_BYTES + message.length;
  return length;
}

/**
 * Writes the messages at `offset`: a single one unchanged, several as a compound. Returns the end. There may be at
 * most 255 of them, of at most 65,535 bytes each, unless there is only one.
 */
export function writeAssembled(messages: readonly Buffer[], buf: Buffer, offset: number): number {
  const [only] = messages;
  if (messages.length === 1 && only !== undefined) {
    buf.set(only, offset);
    return offset + only.length;
  }
  if (messages.length > limits.compoundParts) {
    throw new RangeError(`a compound holds at most ${limits.compoundParts} messages`);
  }
  buf[offset] = MessageType.compound;
  buf[offset + 1] = messages.length;
  let lengthAt = offset + COMPOUND_HEADER_BYTES;
  let bodyAt = lengthAt + COMPOUND_PART_BYTES * messages.length;
  for (const message of messages) {
    const { length } = message;
    if (!fitsCompound(message)) throw new RangeError(`a part of ${length} bytes is too long`);
    buf[lengthAt] = length >>> 8;
    buf[lengthAt + 1] = length;
    lengthAt += COMPOUND_PART_BYTES;
    if (length < BULK_COPY_BYTES) {
      for (let i = 0; i < length; i++) buf[bodyAt + i] = message[i] as number;
    } else buf.set(message, bodyAt);
    bodyAt += length;
  }
  return bodyAt;
}

/**
 * Splits messages into groups that each fit one compound: at most 255 in a group; a message that is too long for a
 * part's length field forms its own group.
 */
export function groupForCompounds(messages: readonly Buffer[]): (readonly Buffer[])[] {
  if (messages.length === 0) return [];
  if (messages.length <= limits.compoundParts && messages.every(fitsCompound)) return [messages];
  const groups: Buffer[][] = [];
  let group: Buffer[] = [];
  for (const message of messages) {
    if (!fitsCompound(message)) {
      groups.push([message]);
      continue;
    }
    group.push(message);
    if (group.length === limits.compoundParts) {
      groups.push(group);
      group = [];
    }
  }
  if (group.length > 0) groups.push(group);
  return groups;
}

function fitsCompound({ length }: Buffer): boolean {
  return length <= limits.compoundPartBytes;
}

/**
 * Calls `part` for each complete part of the compound that starts at `start` (its type byte).
 *
 * @throws WireError when the lengths or the last parts are truncated; the complete parts were processed
 */
export function splitCompound(
  buf: Buffer,
  start: number,
  end: number,
  part: (start: number, end: number) => void,
): void {
  const count = start + 1 < end ? (buf[start + 1] as number) : 0;
  if (count === 0) throw new WireError('malformed', 'a compound without parts');
  let lengthAt = start + COMPOUND_HEADER_BYTES;
  let bodyAt = lengthAt + COMPOUND_PART_BYTES * count;
  if (bodyAt > end) throw new WireError('truncated', 'the lengths of a compound are truncated');
  for (let i = 0; i < count; i++) {
    const length = ((buf[lengthAt] as number) << 8) | (buf[lengthAt + 1] as number);
    if (bodyAt + length > end) {
      throw new WireError('truncated', `${count - i} of ${count} parts of a compound are missing`);
    }
    part(bodyAt, bodyAt + length);
    lengthAt += COMPOUND_PART_BYTES;
    bodyAt += length;
  }
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Builds snappy blocks for mutants. The library only reads snappy, so tests write it themselves.
import { MessageType } from '../../src/wire/message-type.js';
import { compressedSchema } from '../../src/wire/schemas.js';
import { encodeTyped } from '../../src/wire/struct-codec.js';

const SNAPPY = 1;
const KEY_BYTES = 4;
const LONGEST_COPY = 64;

/** The content as a compress message of algorithm 1. */
export function snappyMessage(content: Buffer): Buffer {
  return messageWith(snappyBlock(content));
}

/** A few bytes that claim a content of `length` bytes. */
export function snappyClaim(length: number): Buffer {
  return messageWith(Buffer.concat([varint(length), Buffer.from('fe0100', 'hex')]));
}

function messageWith(buf: Buffer): Buffer {
  return encodeTyped(MessageType.compress, compressedSchema, { algo: SNAPPY, buf });
}

/** A block with literals, and with copies where four bytes repeat earlier ones. */
export function snappyBlock(content: Buffer): Buffer {
  const parts = [varint(content.length)];
  const lastAt = new Map<number, number>();
  let literal = 0;
  const endLiteral = (end: number): void => {
    for (; literal < end; literal = Math.min(end, literal + 60)) {
      const piece = content.subarray(literal, Math.min(end, literal + 60));
      parts.push(Buffer.of((piece.length - 1) << 2), piece);
    }
  };
  let i = 0;
  while (i + KEY_BYTES <= content.length) {
    const key = content.readUInt32LE(i);
    const from = lastAt.get(key);
    lastAt.set(key, i);
    if (from === undefined || i - from > 0xffff) {
      i++;
      continue;
    }
    endLiteral(i);
    let length = KEY_BYTES;
    const most = Math.min(LONGEST_COPY, content.length - i);
    while (length < most && content[from + length] === content[i + length]) length++;
    const back = i - from;
    parts.push(Buffer.of(((length - 1) << 2) | 2, back & 0xff, back >> 8));
    i += length;
    literal = i;
  }
  endLiteral(content.length);
  return Buffer.concat(parts);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Buffer.from([...bytes, rest]);
}

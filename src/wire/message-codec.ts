/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Messages whose body is one MessagePack map: a type byte, then the map.
import type { Buffer as NodeBuffer } from 'node:buffer';
import type { Message } from './messages.js';
import type { Schema } from './schema.js';
import { schemaOfType } from './schemas.js';
import { encodeTyped, readStraight, readStruct } from './struct-codec.js';
import { WireError } from './wire-error.js';

/** The message as bytes: its type, then its body. */
export function encodeMessage(message: Message): NodeBuffer {
  return encodeTyped(message.type, schemaFor(message.type), message);
}

/**
 * Reads the message that fills `buf` from `start` to `end`. Bytes behind its body are ignored, as
 * Go does. Byte fields are views of `buf`.
 *
 * @throws WireError when the type has no MessagePack body, or the body is not a right one
 */
export function decodeMessage(buf: NodeBuffer, start = 0, end = buf.length): Message {
  const type = start < end ? buf[start] : undefined;
  if (type === undefined) throw new WireError('empty', 'a message of no bytes');
  return readStruct(schemaFor(type), { buf, pos: start + 1, end });
}

/**
 * Reads a message that looks as Go writes it and fills `buf` from `start` to `end`: it may be passed on as it
 * came. Undefined for any other, which {@link decodeMessage} may still read.
 */
export function decodeStraight(buf: NodeBuffer, start: number, end: number): Message | undefined {
  const schema = start < end ? schemaOfType(buf[start] as number) : undefined;
  if (schema === undefined) return undefined;
  const cursor = { buf, pos: start + 1, end };
  const message = readStraight(schema, cursor);
  return cursor.pos === end ? message : undefined;
}

function schemaFor(type: number): Schema<Message> {
  const schema = schemaOfType(type);
  if (schema === undefined) throw new WireError('unknown-type', `message type ${type}`);
  return schema;
}

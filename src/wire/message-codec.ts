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
import { encodeTyped, readCanonical, readStruct } from './struct-codec.js';
import { WireError } from './wire-error.js';

/** Encodes a message: its type, then its body. */
export function encodeMessage(message: Message): NodeBuffer {
  return encodeTyped(message.type, schemaFor(message.type), message);
}

/**
 * Decodes the message in `buf` from `start` to `end`. Bytes after its body are ignored, as in Go. Byte fields are
 * views of `buf`.
 *
 * @throws WireError when the type has no MessagePack body, or the body is invalid
 */
export function decodeMessage(buf: NodeBuffer, start = 0, end = buf.length): Message {
  const type = start < end ? buf[start] : undefined;
  if (type === undefined) throw new WireError('empty', 'an empty message');
  return readStruct(schemaFor(type), { buf, pos: start + 1, end });
}

/**
 * Decodes a message in canonical form (exactly as Go writes it) that ends at `end`: it may be relayed unchanged.
 * Undefined for any other, which {@link decodeMessage} may still accept.
 */
export function decodeCanonical(buf: NodeBuffer, start: number, end: number): Message | undefined {
  const schema = start < end ? schemaOfType(buf[start] as number) : undefined;
  if (schema === undefined) return undefined;
  const cursor = { buf, pos: start + 1, end };
  const message = readCanonical(schema, cursor);
  return cursor.pos === end ? message : undefined;
}

function schemaFor(type: number): Schema<Message> {
  const schema = schemaOfType(type);
  if (schema === undefined) throw new WireError('unknown-type', `message type ${type}`);
  return schema;
}

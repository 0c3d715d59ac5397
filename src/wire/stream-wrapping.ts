/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The outbound part of the stream layers (stream-codec.ts): compression, then encryption.
import type { Cipher } from './cipher.js';
import type { Label } from './label.js';
import { MemoryPart, unboundedMemory, type Memory } from './memory.js';
import { MessageType } from './message-type.js';
import { userMessageHeaderSchema } from './schemas.js';
import { compressMessageSliced } from './shared-messages.js';
import { runToCompletion, type Sliced } from './sliced.js';
import { encodeWith } from './struct-codec.js';

/** The layers of a node's stream messages. */
export interface StreamLayers {
  readonly label: Label;
  readonly cipher: Cipher | undefined;
  readonly compress: boolean;
}

/** Bytes before an encrypted message: its type and its length. */
export const SEAL_HEADER_BYTES = 5;

/** A user message for a stream, including its type byte. */
export function encodeUserMessage(payload: Uint8Array): Buffer {
  return encodeWith((writer) => {
    writer.byte(MessageType.user);
    userMessageHeaderSchema.write(writer, { userMsgLen: payload.length });
    writer.raw(payload);
  });
}

/** Adds the layers to a message, except for the dialer's label header. */
export function wrapForStream(message: Buffer, layers: StreamLayers): Buffer {
  return runToCompletion(wrapForStreamSliced(message, layers));
}

/**
 * {@link wrapForStream}, in slices.
 *
 * @param memory - each layer's output is reserved from it; the message itself is the caller's
 */
export function* wrapForStreamSliced(
  message: Buffer,
  layers: StreamLayers,
  memory: Memory = unboundedMemory,
): Sliced<Buffer> {
  const compressed = new MemoryPart(memory);
  const content = layers.compress ? yield* compressMessageSliced(message, compressed) : message;
  const { cipher } = layers;
  if (cipher?.sealsOutgoing !== true) return content;
  const sealedLength = cipher.sealedLength(content.length);
  memory.reserve(SEAL_HEADER_BYTES + sealedLength);
  const header = Buffer.allocUnsafe(SEAL_HEADER_BYTES);
  header[0] = MessageType.encrypt;
  header.writeUInt32BE(sealedLength, 1);
  const additionalData = Buffer.concat([header, layers.label.bytes]);
  const sealed = cipher.seal(content, additionalData, SEAL_HEADER_BYTES);
  sealed.set(header);
  compressed.releaseAll();
  return sealed;
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A message from an extension to the same extension on another node, as a user message of the protocol:
//
//     C1 FD, [name length, name], [sender length, sender], payload
//
// The sender is included in messages over streams, whose source is an ephemeral port; a packet comes from the address
// of its sender. Its length is a varint of 7 bits per byte, the lowest first.
import { extensionName } from './extension-trailer.js';
import { limits } from './limits.js';

const MARK_0 = 0xc1;
const MARK_1 = 0xfd;
const LONGEST_NAME = 16;

/** A message of an extension. */
export interface Envelope {
  readonly extension: string;
  /** The name of the sending node; undefined if the source address identifies it. */
  readonly sender: string | undefined;
  /** A view of the decoded bytes. */
  readonly payload: Buffer;
}

/** Bytes of an envelope without sender and payload. */
export function envelopeBytes(extension: string): number {
  return 2 + 1 + extension.length + 1;
}

/** The payload of a user message that contains an extension's message. */
export function encodeEnvelope(extension: string, payload: Uint8Array, sender = ''): Buffer {
  const from = Buffer.from(sender);
  const lengthBytes: number[] = [];
  let rest = from.length;
  for (; rest > 0x7f; rest >>= 7) lengthBytes.push((rest & 0x7f) | 0x80);
  lengthBytes.push(rest);
  const name = Buffer.from(extension, 'latin1');
  const head = Buffer.of(MARK_0, MARK_1, name.length);
  return Buffer.concat([head, name, Buffer.from(lengthBytes), from, payload]);
}

/** Whether a user message belongs to an extension. */
export function isEnvelope(message: Uint8Array): boolean {
  return message[0] === MARK_0 && message[1] === MARK_1 && nameIn(message) !== undefined;
}

/** Decodes a user message; undefined if it does not belong to an extension. */
export function decodeEnvelope(message: Buffer): Envelope | undefined {
  if (message[0] !== MARK_0 || message[1] !== MARK_1) return undefined;
  const extension = nameIn(message);
  if (extension === undefined) return undefined;
  let at = 3 + extension.length;
  let length = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = message[at++];
    if (byte === undefined || shift > 14) return undefined;
    length |= (byte & 0x7f) << shift;
    if (byte <= 0x7f) break;
  }
  const end = at + length;
  if (end > message.length || length > limits.extensionSenderBytes) return undefined;
  const sender = length === 0 ? undefined : message.toString('utf8', at, end);
  return { extension, sender, payload: message.subarray(end) };
}

function nameIn(message: Uint8Array): string | undefined {
  const length = message[2] ?? 0;
  if (length === 0 || length > LONGEST_NAME || message.length < 4 + length) return undefined;
  const name = Buffer.from(message.subarray(3, 3 + length)).toString('latin1');
  return extensionName.test(name) ? name : undefined;
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Encoding and decoding of single messages, type byte included.

import { createHash } from 'node:crypto';
import { decodeMessage, encodeMessage } from '../../src/wire/message-codec.js';
import { MessageType } from '../../src/wire/message-type.js';
import type { Message } from '../../src/wire/messages.js';
import { messagesOf } from '../members.js';
import type { DecodeResult, DecodeTask, EncodeTask, Timed } from '../protocol.js';
import { repeat } from './stopwatch.js';

export function encode({ kind, count, minMs }: EncodeTask): Timed & { digest: string } {
  const messages = messagesOf(kind, count);
  const digest = createHash('sha256');
  for (const message of messages) digest.update(encodeMessage(message));
  let bytes = 0;
  const timed = repeat(minMs, count, () => {
    for (const message of messages) bytes += encodeMessage(message).length;
  });
  if (bytes === 0) throw new Error('nothing was encoded');
  return { ...timed, digest: digest.digest('hex') };
}

export function decode({ messages: texts, minMs }: DecodeTask): DecodeResult {
  const messages = texts.map((text) => Buffer.from(text, 'base64'));
  let sum = 0;
  const timed = repeat(minMs, messages.length, () => {
    sum = 0;
    for (const message of messages) sum += sumOf(decodeMessage(message));
  });
  return { ...timed, sum };
}

/** The sum of the numbers and lengths of a message, which proves that it was decoded. */
function sumOf(message: Message): number {
  switch (message.type) {
    case MessageType.alive: {
      const { incarnation, node, addr, port, meta, vsn } = message;
      return incarnation + node.length + addr.length + port + (meta?.length ?? 0) + vsn.length;
    }
    case MessageType.suspect:
      return message.incarnation + message.node.length + message.from.length;
    case MessageType.ping: {
      const { seqNo, node, sourceAddr, sourcePort, sourceNode } = message;
      return seqNo + node.length + sourceAddr.length + sourcePort + sourceNode.length;
    }
    default:
      throw new Error(`a message of type ${message.type}`);
  }
}

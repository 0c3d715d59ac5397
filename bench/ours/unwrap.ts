/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Decodes what a node sent, to verify its work. Nothing here is timed.

import { resolveConfig } from '../../src/config/resolve.js';
import { layersFor } from '../../src/security/layers.js';
import { MessageType } from '../../src/wire/message-type.js';
import type { MemberRecord } from '../../src/wire/messages.js';
import { PacketCodec } from '../../src/wire/packet-codec.js';
import { StreamReader, type StreamLayers } from '../../src/wire/stream-codec.js';
import { targetName } from '../members.js';
import type { Layers } from '../protocol.js';

/** The layers of a node with this configuration. */
export function streamLayers({ compress, key }: Layers): StreamLayers {
  const secret = key === '' ? {} : { secretKey: key };
  return layersFor(resolveConfig({ name: 'bench', enableCompression: compress, ...secret }));
}

/** The number of messages in a packet. */
export function messagesIn(packet: Buffer, layers: Layers): number {
  let count = 0;
  new PacketCodec(streamLayers(layers)).decode(packet, () => count++);
  return count;
}

/** The records of the answer to a push/pull. */
export function recordsIn(answer: Buffer, layers: Layers): readonly MemberRecord[] {
  const reader = new StreamReader(streamLayers(layers), { expectLabel: false });
  const message = reader.push(answer);
  if (message?.type !== MessageType.pushPull) throw new Error('the answer is not a push/pull');
  return message.records;
}

/** The sum of the incarnations of all alive members except the node itself. */
export function incarnationSum(records: readonly MemberRecord[]): number {
  let sum = 0;
  for (const { name, state, incarnation } of records) {
    if (name !== targetName && state === 0) sum += incarnation;
  }
  return sum;
}

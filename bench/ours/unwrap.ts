/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Takes apart what a node sent, to see that it did its work. Nothing here is timed.

import { resolveConfig } from '../../src/config/resolve.js';
import { layersFor } from '../../src/security/layers.js';
import { MessageType } from '../../src/wire/message-type.js';
import type { MemberRecord } from '../../src/wire/messages.js';
import { PacketCodec } from '../../src/wire/packet-codec.js';
import { StreamReader, type StreamLayers } from '../../src/wire/stream-codec.js';
import { targetName } from '../members.js';
import type { Layers } from '../protocol.js';

/** The layers of a node that is configured so. */
export function streamLayers({ compress, key }: Layers): StreamLayers {
  const secret = key === '' ? {} : { secretKey: key };
  return layersFor(resolveConfig({ name: 'bench', enableCompression: compress, ...secret }));
}

/** How many messages a packet has. */
export function messagesIn(packet: Buffer, layers: Layers): number {
  let count = 0;
  new PacketCodec(streamLayers(layers)).decode(packet, () => count++);
  return count;
}

/** The records of the answer to a push/pull. */
export function recordsIn(answer: Buffer, layers: Layers): readonly MemberRecord[] {
  const reader = new StreamReader(streamLayers(layers), { expectLabel: false });
  const message = reader.push(answer);
  if (message?.type !== MessageType.pushPull) throw new Error('the answer is no push/pull');
  return message.records;
}

/** What a table holds: the incarnations of all who are alive, but our own, added up. */
export function incarnationSum(records: readonly MemberRecord[]): number {
  let sum = 0;
  for (const { name, state, incarnation } of records) {
    if (name !== targetName && state === 0) sum += incarnation;
  }
  return sum;
}

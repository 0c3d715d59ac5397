/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Received and sent packets of a node that knows 1,000 members.

import { readFileSync } from 'node:fs';
import { layersByName, type LayersName } from '../inputs.js';
import type { PacketsResult, PacketsTask, Timed } from '../protocol.js';
import { median } from '../statistics.js';
import { assertEvery, assertSame, wallRow, type Figure, type Harness } from '../harness.js';
import type { Row } from '../rows.js';

const members = 1000;
const alivesPerPacket = 10;
/** The incarnations of the repeated updates for a node that sends them. */
const drains = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
/** The overhead of encryption version 1 per packet, and the remaining content of a full packet. */
const sealingBytes = 29;
const sealedContentBytes = 1400 - sealingBytes;
/** All alive messages of one burst are about different members, and fit into the handoff queue (1,024). */
const burst = 100;
const names: Partial<Record<LayersName, string>> = {
  plain: 'plain',
  compressed: 'compressed',
  encrypted: 'AES-128',
};

function taskOf(
  { inputs, effort }: Harness,
  layers: LayersName,
  { packets, untimed }: Pick<PacketsTask, 'packets' | 'untimed'>,
): PacketsTask {
  return {
    ...layersByName[layers],
    load: inputs.pushPull(members, 1, layers),
    ask: inputs.pushPull(0, 1, layers),
    again: drains.map((incarnation) => inputs.pushPull(members, incarnation, layers)),
    packets,
    untimed,
    alivesPerPacket,
    burst,
    minMs: effort.roundMs,
  };
}

export const packetIn: Figure = {
  name: 'packet-in',
  title: 'Packet in',
  work: `A packet of ten alive messages about known members, each with a new incarnation and 35 bytes of metadata:
from the transport to the member table and the broadcast queue. It has the layers of gossip: a checksum, and the layers
in the row's name. An alive delegate counts on both sides; the tables are compared at the end. Packets are received
${burst} at a time; the first half of them is not timed. The **floor** of AES is the time of \`node:crypto\` to decrypt a
packet of this size, in a loop that does nothing else.`,
  measure: async (harness) => {
    const rows: Row[] = [];
    const packets = harness.effort.quick ? 400 : 4000;
    const turns = (packets * alivesPerPacket) / members;
    for (const [name, title] of Object.entries(names) as [LayersName, string][]) {
      const file = harness.inputs.alivePackets(members, packets, alivesPerPacket, name);
      const compared = await harness.compare(
        'packetsIn',
        taskOf(harness, name, { packets: file, untimed: packets / 2 }),
      );
      const what = `packet in, ${title}`;
      assertEvery(what, compared, (result) => result.messages, packets * alivesPerPacket);
      assertEvery(what, compared, (result) => result.incarnations, members * (1 + turns));
      rows.push(wallRow(title, 'µs', compared, { mark: { kind: 'ratio', most: 0.5 } }));
      if (name === 'encrypted') rows.push(await cryptoFloorRow(harness, compared.ours, file, 0));
    }
    return { rows };
  },
};

export const packetOut: Figure = {
  name: 'packet-out',
  title: 'Packet out',
  work: `A node has just learned of ${members} members, so ${members} broadcasts are queued, and is pinged until its
acks carry no more of them. Then it receives updates of all members, and so on, ${drains.length} times; the last three
times are measured. For each sent packet the node reads a ping, encodes an ack, fills the packet with broadcasts to 1,400
bytes and wraps it. Both sides send the same number of messages. The **floor** of AES is the time of \`node:crypto\` to
decrypt a ping and to encrypt a full packet.`,
  measure: async (harness) => {
    const rows: Row[] = [];
    for (const [name, title] of Object.entries(names) as [LayersName, string][]) {
      const task = taskOf(harness, name, { packets: harness.inputs.ping(name), untimed: 0 });
      const compared = await harness.compare('packetsOut', task);
      const what = `packet out, ${title}`;
      // Each packet has one ack; the rest of its messages are broadcasts.
      assertSame(what, compared, ({ messages, packets }) => messages - packets);
      assertAlike(what, compared.ours.map(packetsOf), compared.go?.map(packetsOf));
      rows.push(wallRow(title, 'µs', compared, { mark: { kind: 'ratio', most: 0.7 } }));
      if (name === 'encrypted') {
        rows.push(await cryptoFloorRow(harness, compared.ours, task.packets, sealedContentBytes));
      }
    }
    return { rows };
  },
};

/** The encrypted measurement, compared with the calls of node:crypto that it needs. */
async function cryptoFloorRow(
  harness: Harness,
  ours: readonly Timed[],
  packets: string,
  sealBytes: number,
): Promise<Row> {
  const openBytes = readFileSync(packets).readUInt32BE() - sealingBytes;
  const minMs = harness.effort.roundMs;
  const floor = await harness.alone('cryptoFloor', { openBytes, sealBytes, minMs });
  const microseconds = ({ wallNs, operations }: Timed): number => wallNs / operations / 1e3;
  return {
    what: 'AES-128, vs. node:crypto',
    unit: 'µs',
    ours: ours.map(microseconds),
    other: { name: 'floor', values: floor.map(microseconds) },
  };
}

function packetsOf({ packets }: PacketsResult): number {
  return packets;
}

/** How full packets become may depend on the choice of broadcasts, but not much. */
function assertAlike(
  what: string,
  ours: readonly number[],
  go: readonly number[] | undefined,
): void {
  if (go === undefined) return;
  const ratio = median(ours) / median(go);
  if (Math.abs(ratio - 1) > 0.03) {
    throw new Error(`${what}: ${median(ours)} packets, Go ${median(go)}`);
  }
}

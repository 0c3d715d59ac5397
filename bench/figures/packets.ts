/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Packets in and out of a node that knows 1,000 members.

import { readFileSync } from 'node:fs';
import { layersByName, type LayersName } from '../inputs.js';
import type { PacketsResult, PacketsTask, Timed } from '../protocol.js';
import { median } from '../statistics.js';
import { assertEvery, assertSame, wallRow, type Figure, type Stage } from '../stage.js';
import type { Row } from '../rows.js';

const members = 1000;
const alivesPerPacket = 10;
/** The incarnations of the news that come again and again to a node that sends them. */
const drains = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
/** What version 1 of the encryption adds to a packet, and what it leaves of a full one. */
const sealingBytes = 29;
const sealedContentBytes = 1400 - sealingBytes;
/** All alives of one burst are about different members, and the handoff queue (1,024) holds them. */
const burst = 100;
const names: Partial<Record<LayersName, string>> = {
  plain: 'plain',
  compressed: 'compressed',
  encrypted: 'AES-128',
};

function taskOf(
  { inputs, effort }: Stage,
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
  work: `A packet of ten alive messages about known members, each with a fresh incarnation and 35 bytes of
metadata: from the transport to the member table and the broadcast queue. It has the layers that gossip
has: a checksum, and what the row says. An alive delegate counts on both sides; the tables are compared in
the end. Packets are put in ${burst} at a time; the first half of them is not timed. The **floor** of AES is what
\`node:crypto\` takes to open a packet of that size, called in a loop that does nothing else.`,
  measure: async (stage) => {
    const rows: Row[] = [];
    const packets = stage.effort.quick ? 400 : 4000;
    const turns = (packets * alivesPerPacket) / members;
    for (const [name, title] of Object.entries(names) as [LayersName, string][]) {
      const file = stage.inputs.alivePackets(members, packets, alivesPerPacket, name);
      const compared = await stage.compare(
        'packetsIn',
        taskOf(stage, name, { packets: file, untimed: packets / 2 }),
      );
      const what = `packet in, ${title}`;
      assertEvery(what, compared, (result) => result.messages, packets * alivesPerPacket);
      assertEvery(what, compared, (result) => result.incarnations, members * (1 + turns));
      rows.push(wallRow(title, 'µs', compared, { mark: { kind: 'ratio', most: 0.5 } }));
      if (name === 'encrypted') rows.push(await besideCrypto(stage, compared.ours, file, 0));
    }
    return { rows };
  },
};

export const packetOut: Figure = {
  name: 'packet-out',
  title: 'Packet out',
  work: `A node has just learned of ${members} members, so ${members} broadcasts are queued, and is pinged until
its acks carry no more of them; then it hears news of all, and so on, ${drains.length} times, of which the last
three are timed. For each packet out: a ping is read, an ack encoded, the packet filled up with broadcasts to 1,400
bytes and wrapped. Both sides send the same number of messages. The **floor** of AES is what \`node:crypto\` takes to
open a ping and to seal a full packet.`,
  measure: async (stage) => {
    const rows: Row[] = [];
    for (const [name, title] of Object.entries(names) as [LayersName, string][]) {
      const task = taskOf(stage, name, { packets: stage.inputs.ping(name), untimed: 0 });
      const compared = await stage.compare('packetsOut', task);
      const what = `packet out, ${title}`;
      // Each packet has one ack; the rest of its messages are broadcasts.
      assertSame(what, compared, ({ messages, packets }) => messages - packets);
      assertAlike(what, compared.ours.map(packetsOf), compared.go?.map(packetsOf));
      rows.push(wallRow(title, 'µs', compared, { mark: { kind: 'ratio', most: 0.7 } }));
      if (name === 'encrypted') {
        rows.push(await besideCrypto(stage, compared.ours, task.packets, sealedContentBytes));
      }
    }
    return { rows };
  },
};

/** What was just measured with encryption, beside the calls of node:crypto that it needs. */
async function besideCrypto(
  stage: Stage,
  ours: readonly Timed[],
  packets: string,
  sealBytes: number,
): Promise<Row> {
  const openBytes = readFileSync(packets).readUInt32BE() - sealingBytes;
  const minMs = stage.effort.roundMs;
  const floor = await stage.alone('cryptoFloor', { openBytes, sealBytes, minMs });
  const microseconds = ({ wallNs, operations }: Timed): number => wallNs / operations / 1e3;
  return {
    what: 'AES-128, beside node:crypto',
    unit: 'µs',
    ours: ours.map(microseconds),
    other: { name: 'floor', values: floor.map(microseconds) },
  };
}

function packetsOf({ packets }: PacketsResult): number {
  return packets;
}

/** How full a packet becomes may differ by what is chosen to fill it, but not much. */
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

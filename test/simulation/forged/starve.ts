/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A cluster that receives alive claims from an attacker, each for a new name, and how long a killed member takes
// to be found dead. The table stays small: forged names are found dead about as fast as new ones come.
import { SimulatedCluster, type MemoryNetwork } from '../../../src/testing/index.js';
import { Label } from '../../../src/wire/label.js';
import { decodeMessage, encodeMessage } from '../../../src/wire/message-codec.js';
import { MessageType } from '../../../src/wire/message-type.js';
import { noBytes } from '../../../src/wire/messages.js';
import { PacketCodec } from '../../../src/wire/packet-codec.js';
import { watchForFailure, type Outcome } from './victim.js';

/** What is played. */
export interface Claims {
  readonly seed: number;
  /** Real nodes: three or more. */
  readonly nodes: number;
  /** Claims that each node receives per second; 0 for no attack. */
  readonly perSecond: number;
  /** Whether the address in the claims acknowledges every ping, whatever name the ping is for. */
  readonly answers: boolean;
  /** Virtual milliseconds from the first claim to the failure. */
  readonly attackMs: number;
  /** Whether each name has an address of its own. None of these answers. */
  readonly addressEach?: boolean;
}

const WARM_UP_MS = 5_000;
const VERSIONS = Buffer.of(1, 5, 2, 0, 0, 0);
const PORT = 7946;
const CLAIMED = '10.99.0.1:7946';

/** Acknowledges every ping to the claimed address. */
async function answerAll(cluster: SimulatedCluster, network: MemoryNetwork): Promise<void> {
  const transport = network.transport('answering', { addr: CLAIMED });
  const codec = new PacketCodec({
    label: new Label({ label: '', skipInboundCheck: false }),
    cipher: undefined,
    compress: false,
  });
  const packet = (received: Buffer, from: { addr: string }): void => {
    codec.decode(received, (buf, start, end) => {
      if (buf[start] !== MessageType.ping) return;
      const ping = decodeMessage(buf, start, end);
      if (ping.type !== MessageType.ping) return;
      const ack = { type: MessageType.ackResp, seqNo: ping.seqNo, payload: null } as const;
      void transport.writeTo(encodeMessage(ack), from);
    });
  };
  await cluster.during(transport.start({ packet, stream: (connection) => connection.close() }));
}

/** Sends the claims until the cluster is closed. */
async function attack(cluster: SimulatedCluster, claims: Claims): Promise<void> {
  const { network, clock } = cluster;
  if (claims.answers) await answerAll(cluster, network);
  const attacker = network.transport('attacker');
  const ignored = { packet: () => undefined, stream: () => undefined };
  await cluster.during(attacker.start(ignored));
  const targets = cluster.names().map((name) => ({ addr: network.addrOf(name) }));
  let count = 0;
  const send = (): void => {
    const n = count++;
    const addr =
      claims.addressEach === true ? Buffer.of(10, 100, n >> 8, n & 0xff) : Buffer.of(10, 99, 0, 1);
    const body = { addr, port: PORT, meta: noBytes, incarnation: 1, vsn: VERSIONS };
    const packet = encodeMessage({ type: MessageType.alive, node: `f${n}`, ...body });
    for (const to of targets) void attacker.writeTo(packet, to);
    clock.setTimer(1_000 / claims.perSecond, send);
  };
  send();
}

/** Plays it. */
export async function playClaims(claims: Claims): Promise<Outcome> {
  const { seed, nodes, perSecond } = claims;
  await using cluster = await SimulatedCluster.create({ size: nodes, seed, traceLength: 0 });
  await cluster.joinAll();
  await cluster.runUntil(() => cluster.converged());
  await cluster.run(WARM_UP_MS);
  if (perSecond > 0) await attack(cluster, claims);
  await cluster.run(claims.attackMs + 100 * seed);
  return await watchForFailure(cluster, `n${nodes - 1}`);
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Measurements are made on the network: packets when they are sent, decoded with the product's codec.

import type { NetworkTap, PacketOutcome } from '../../src/testing/network-options.js';
import type { SimulatedCluster } from '../../src/testing/index.js';
import { Label } from '../../src/wire/label.js';
import { MessageType } from '../../src/wire/message-type.js';
import { PacketCodec } from '../../src/wire/packet-codec.js';

/** The messages of probes. */
export type ProbeMessage = 'ping' | 'ack' | 'indirect-ping' | 'nack';

const names = new Map<number | undefined, ProbeMessage>([
  [MessageType.ping, 'ping'],
  [MessageType.ackResp, 'ack'],
  [MessageType.indirectPing, 'indirect-ping'],
  [MessageType.nackResp, 'nack'],
]);

/** One captured packet. */
export interface Sighting {
  /** The kind of the message; undefined for a packet with gossip only. */
  readonly kind: ProbeMessage | undefined;
  /** The sender's name. */
  readonly from: string;
  readonly to: string;
  readonly isLost: boolean;
  /** When it was sent. */
  readonly at: number;
}

/** Captures all packets of a cluster from now on, instead of the cluster's own trace. */
export function wiretap(cluster: SimulatedCluster, seen: (sighting: Sighting) => void): void {
  const byAddr = new Map(cluster.names().map((name) => [cluster.network.addrOf(name), name]));
  const nameOf = (addr: string): string => byAddr.get(addr) ?? addr;
  const tap: NetworkTap = {
    packet: (packet: Buffer, from: string, to: string, outcome: PacketOutcome) =>
      seen({
        kind: kindOf(packet),
        from: nameOf(from),
        to: nameOf(to),
        isLost: outcome !== 'carried',
        at: cluster.now,
      }),
    stream: () => undefined,
  };
  cluster.network.addTap(tap);
}

const label = new Label({ label: '', skipInboundCheck: false });
const codec = new PacketCodec({ label, cipher: undefined, compress: false });

/** The kind of a packet: a message of a probe comes first in it, followed by gossip. */
export function kindOf(packet: Buffer): ProbeMessage | undefined {
  let first: number | undefined;
  codec.decode(packet, (buf, start) => (first ??= buf[start]));
  return names.get(first);
}

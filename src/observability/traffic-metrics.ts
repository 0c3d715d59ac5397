/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Metrics of packets, messages and streams.
import type { Counters, MessageCounts } from '../core/counters.js';
import { MessageType } from '../wire/message-type.js';
import { counter, type MetricsSource, type ReadMetric, type Sample } from './metric-kinds.js';
import { streamMetrics } from './stream-metrics.js';

/** The label value for each message type. Compound messages and layers (label, encryption, …) are not counted. */
const messageNames: readonly (readonly [type: number, name: string])[] = [
  [MessageType.ping, 'ping'],
  [MessageType.indirectPing, 'indirect-ping'],
  [MessageType.ackResp, 'ack'],
  [MessageType.nackResp, 'nack'],
  [MessageType.suspect, 'suspect'],
  [MessageType.alive, 'alive'],
  [MessageType.dead, 'dead'],
  [MessageType.pushPull, 'push-pull'],
  [MessageType.user, 'user'],
  [MessageType.err, 'error'],
];

function messages(
  name: string,
  help: string,
  meaning: string,
  read: (counters: Counters) => { readonly packet: MessageCounts; readonly stream: MessageCounts },
): ReadMetric {
  const samples = ({ counters }: MetricsSource): Sample[] =>
    Object.entries(read(counters)).flatMap(([over, counts]) =>
      messageNames.map(([type, label]): Sample => [counts.of(type), { over, type: label }]),
    );
  return { name, help, meaning, kind: 'counter', labels: ['over', 'type'], samples };
}

/** In the order of the document. */
export const trafficMetrics: readonly ReadMetric[] = [
  messages(
    'messages_received_total',
    'Messages received, by type and by carrier (packet or stream)',
    'The composition of the traffic. Each retransmission counts.',
    (c) => ({ packet: c.messagesIn, stream: c.streams.messagesIn }),
  ),
  messages(
    'messages_sent_total',
    'Messages sent, by type and by carrier (packet or stream)',
    'The composition of the traffic. A broadcast counts once for each packet that carries it.',
    (c) => ({ packet: c.messagesOut, stream: c.streams.messagesOut }),
  ),
  counter(
    'packets_received_total',
    'Packets received',
    'Includes dropped packets.',
    (c) => c.packetsIn,
  ),
  counter(
    'packets_sent_total',
    'Packets sent',
    'About two per second in an idle cluster, independent of its size.',
    (c) => c.packetsOut,
  ),
  counter(
    'packet_bytes_received_total',
    'Bytes received in packets',
    'Without UDP and IP headers.',
    (c) => c.packetBytesIn,
  ),
  counter(
    'packet_bytes_sent_total',
    'Bytes sent in packets',
    'Without UDP and IP headers.',
    (c) => c.packetBytesOut,
  ),
  counter(
    'send_failures_total',
    'Packets that the operating system refused to send',
    'A missing route, a firewall rule, a full socket buffer. The log line `send-failed` has the error.',
    (c) => c.sendFailures,
  ),
  ...streamMetrics,
];

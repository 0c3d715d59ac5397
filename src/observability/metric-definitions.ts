/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The one table of metrics: what is published, and what docs/METRICS.md says of it. No label grows with
// the cluster: peers are in the log, not in labels. Every series is there from the beginning, at 0, so
// that a rate sees the first of anything.
import { dropReasons, probeOutcomes, type Counters, type MessageCounts } from '../core/counters.js';
import { MessageType } from '../wire/message-type.js';
import { clusterHealthMetrics } from './cluster-health-metrics.js';
import {
  counter,
  gauge,
  type HistogramMetric,
  type MetricsSource,
  type ReadMetric,
  type Sample,
} from './metric-kinds.js';
import { streamMetrics } from './stream-metrics.js';

const SECONDS_IN_A_LAN = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];

/** Messages by the name of their type in the label. Compounds and layers are no messages of their own. */
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

const members: readonly ReadMetric[] = [
  {
    name: 'members',
    help: 'Members in the table by state, the local node among them',
    meaning:
      'Compare `alive` among nodes: they should agree within seconds. `dead` and `left` are remembered for ' +
      '`gossipToTheDeadTime` and then forgotten.',
    kind: 'gauge',
    labels: ['state'],
    samples: (source) =>
      Object.entries(source.members()).map(([state, count]): Sample => [count, { state }]),
  },
  gauge(
    'suspicions',
    'Members under suspicion now',
    'Above 0 for long: somebody keeps being suspected and keeps refuting.',
    (source) => source.suspicions(),
  ),
  gauge(
    'health_score',
    'How much the node doubts itself (Lifeguard): 0 is healthy',
    'Above 0 this node, or its network, is slow: look here first, not at those whom it suspects.',
    (source) => source.healthScore(),
  ),
  counter(
    'joins_total',
    'Members that joined, or came back',
    'Rises in a deployment; with `deaths_total` at other times it is flapping.',
    ({ events }) => events.join,
  ),
  counter(
    'leaves_total',
    'Members that left by themselves',
    'Orderly shutdowns of others.',
    ({ events }) => events.left,
  ),
  counter(
    'deaths_total',
    'Members that were declared dead',
    'Crashes, kills without a leave, and networks that are cut.',
    ({ events }) => events.failed,
  ),
  counter(
    'updates_total',
    'New metadata of living members',
    'How busy metadata is; each update is gossiped to all.',
    ({ events }) => events.update,
  ),
  counter(
    'conflicts_total',
    'Claims that a known name lives under another address',
    'Two nodes have one name: rename one. The log line `address-conflict` has both addresses.',
    ({ events }) => events.conflict,
  ),
  counter(
    'suspicions_raised_total',
    'Suspicions that began, whoever raised them',
    'Each is a member that somebody got no answer from.',
    ({ events }) => events.suspect,
  ),
  counter(
    'suspicion_confirmations_total',
    'Suspicions confirmed by one more member',
    'Many confirmations: the member is really gone. None: the accuser is the odd one.',
    (c) => c.suspicionConfirmations,
  ),
  counter(
    'suspicions_refuted_total',
    'Suspicions of others that were refuted',
    'The member was alive after all; it, or the accuser, is slow.',
    ({ events }) => events.refute,
  ),
  counter(
    'suspicion_timeouts_unconfirmed_total',
    'Suspicions that ran out without the wanted confirmations',
    'We buried somebody on little evidence; in a large cluster, a sign that we are cut off.',
    (c) => c.unconfirmedSuspicionTimeouts,
  ),
  counter(
    'refutations_total',
    'Claims about the local node that it refuted',
    'Others think that this node is gone: it stalls, or its packets do not get through.',
    (c) => c.refutations,
  ),
];

const probes: readonly ReadMetric[] = [
  {
    name: 'probes_total',
    help: 'Probe rounds that ended, by outcome',
    meaning:
      '`direct`: answered. `indirect`: only by way of others, packets are being lost. `stream`: only over ' +
      'TCP, so UDP is blocked. `failed`: suspected. `stalled`: the silence is not held against the ' +
      'other, as this process stalled meanwhile. `abandoned`: could not be sent, or interrupted.',
    kind: 'counter',
    labels: ['outcome'],
    samples: ({ counters }) =>
      probeOutcomes.map((outcome): Sample => [counters.probes.get(outcome) ?? 0, { outcome }]),
  },
  counter(
    'stalls_total',
    'Stalls of the event loop longer than probeTimeout',
    'Periodic work came more than `probeTimeout` late, so what is shorter than twice that may go unseen in a ' +
      'quiet node. Something blocks the thread: long synchronous work, ' +
      'garbage collection, a starved CPU. Others suspect a node that stalls.',
    (c) => c.stalls,
  ),
  counter(
    'stall_seconds_total',
    'Time lost in those stalls',
    'Its rate is the share of time in which the process does not answer.',
    (c) => c.stallMs / 1000,
  ),
];

const traffic: readonly ReadMetric[] = [
  messages(
    'messages_received_total',
    'Messages received, by type and by what carried them',
    'What the traffic consists of. Retransmissions count each time.',
    (c) => ({ packet: c.messagesIn, stream: c.streams.messagesIn }),
  ),
  messages(
    'messages_sent_total',
    'Messages sent, by type and by what carried them',
    'The same for the other direction; a broadcast counts once for each packet that takes it along.',
    (c) => ({ packet: c.messagesOut, stream: c.streams.messagesOut }),
  ),
  counter('packets_received_total', 'Packets received', 'Dropped ones too.', (c) => c.packetsIn),
  counter(
    'packets_sent_total',
    'Packets sent',
    'About two a second in a quiet cluster, whatever its size.',
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
    'Packets that the system would not send',
    'A wrong route, a firewall that rejects, a full buffer. The log line `send-failed` says which.',
    (c) => c.sendFailures,
  ),
  ...streamMetrics,
];

const troubles: readonly ReadMetric[] = [
  gauge(
    'broadcast_queue_depth',
    'Membership messages that wait to be gossiped',
    'Falls to 0 within seconds after a change. If it grows, news comes in faster than it can be sent.',
    (source) => source.queueDepth(),
  ),
  counter(
    'broadcasts_evicted_total',
    'Membership messages that were not gossiped because the queue was full',
    'The queue holds 65,536. Those who miss one get it by push/pull. Unless tens of thousands of members change at ' +
      'once, somebody invents members.',
    (c) => c.evictedBroadcasts,
  ),
  gauge(
    'inbox_depth',
    'Received messages that wait for their turn',
    'Near `handoffQueueDepth` the process does not keep up; past it messages are dropped as `queue-full`.',
    (source) => source.inboxDepth(),
  ),
  {
    name: 'drops_total',
    help: 'What arrived and was not used, by reason',
    meaning: 'See [the reasons](#reasons-of-drops).',
    kind: 'counter',
    labels: ['reason'],
    samples: ({ counters }) =>
      dropReasons.map((reason): Sample => [counters.drops.get(reason) ?? 0, { reason }]),
  },
  counter(
    'decrypt_failures_total',
    'Packets and streams that no installed key opened',
    'The same as `drops_total{reason="undecryptable"}`: a node with another key or none, or a stranger.',
    ({ drops }) => drops.get('undecryptable') ?? 0,
  ),
  counter(
    'push_pull_failures_total',
    'Push/pull exchanges begun by this node that failed',
    'TCP is blocked, the other is gone or refuses. Joins that fail count too.',
    (c) => c.pushPullFailures,
  ),
  counter(
    'callback_errors_total',
    "The user's delegates and listeners that threw",
    'A bug in the code round the library; the log line `callback-threw` has the error.',
    (c) => c.callbackErrors,
  ),
  counter(
    'internal_errors_total',
    'Exceptions inside this library that were caught',
    'Should be 0. A bug in node-memberlist, or in a transport, clock or random source of yours; the log line `internal-error` has the error.',
    (c) => c.internalErrors,
  ),
];

const extensionMetrics: readonly ReadMetric[] = [
  {
    name: 'extension_messages_total',
    help: 'Messages of extensions, by extension and direction',
    meaning:
      'Packets, streams and gossip together. Extensions add metrics of their own as `<extension>_*`.',
    kind: 'counter',
    labels: ['extension', 'direction'],
    samples: ({ extensions }) =>
      extensions.flatMap(({ name: extension, traffic }): Sample[] => [
        [traffic.messagesIn, { extension, direction: 'received' }],
        [traffic.messagesOut, { extension, direction: 'sent' }],
      ]),
  },
  {
    name: 'extension_bytes_total',
    help: 'Bytes of messages of extensions, by extension and direction',
    meaning: 'Before compression and encryption.',
    kind: 'counter',
    labels: ['extension', 'direction'],
    samples: ({ extensions }) =>
      extensions.flatMap(({ name: extension, traffic }): Sample[] => [
        [traffic.bytesIn, { extension, direction: 'received' }],
        [traffic.bytesOut, { extension, direction: 'sent' }],
      ]),
  },
  {
    name: 'extension_errors_total',
    help: 'Exceptions of extensions that were caught',
    meaning: 'A bug in the extension; the log line `extension-threw` has the error.',
    kind: 'counter',
    labels: ['extension'],
    samples: ({ extensions }) =>
      extensions.map(({ name: extension, traffic }): Sample => [traffic.errors, { extension }]),
  },
];

/** Every metric that is read at a scrape, in the order of the document. */
export const readMetrics: readonly ReadMetric[] = [
  ...members,
  ...clusterHealthMetrics,
  ...probes,
  ...traffic,
  ...extensionMetrics,
  ...troubles,
];

/** Every metric that is observed. */
export const histogramMetrics = {
  roundTrip: {
    name: 'probe_round_trip_seconds',
    help: 'Round trips of probes that were answered directly',
    meaning: 'Should be far below `probeTimeout`, or probes fail for nothing.',
    kind: 'histogram',
    labels: [],
    buckets: SECONDS_IN_A_LAN,
  },
  pushPullDuration: {
    name: 'push_pull_duration_seconds',
    help: 'How long the push/pull exchanges took that this node began',
    meaning: 'Grows with the size of the cluster and of the state that the delegate adds.',
    kind: 'histogram',
    labels: [],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  },
  pushPullBytes: {
    name: 'push_pull_bytes',
    help: 'Bytes on the wire of the push/pull exchanges that this node began',
    meaning:
      'By `direction`: `sent` or `received`. About 100 bytes for each member, plus the state.',
    kind: 'histogram',
    labels: ['direction'],
    buckets: [256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216],
  },
} as const satisfies Record<string, HistogramMetric>;

/** Every metric. */
export const metricDefinitions: readonly (ReadMetric | HistogramMetric)[] = [
  ...readMetrics,
  ...Object.values(histogramMetrics),
];

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The table of all metrics. docs/METRICS.md is generated from it. The number of series does not grow with the
// cluster: the log names peers, labels do not. Every series exists from the start, at 0, so that `rate()` includes the
// first increment.
import { dropReasons, probeOutcomes } from '../core/counters.js';
import { clusterHealthMetrics } from './cluster-health-metrics.js';
import {
  counter,
  gauge,
  type HistogramMetric,
  type ReadMetric,
  type Sample,
} from './metric-kinds.js';
import { trafficMetrics } from './traffic-metrics.js';

const ROUND_TRIP_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];

const members: readonly ReadMetric[] = [
  {
    name: 'members',
    help: 'Members in the member table by state, including the local node',
    meaning:
      'Compare `alive` between nodes: the values should agree within seconds. Members in `dead` and `left` are reaped ' +
      'after `gossipToTheDeadTime`.',
    kind: 'gauge',
    labels: ['state'],
    samples: (source) =>
      Object.entries(source.members()).map(([state, count]): Sample => [count, { state }]),
  },
  gauge(
    'suspicions',
    'Members currently suspected',
    'Above 0 for a long time: a member is suspected repeatedly and refutes each time.',
    (source) => source.suspicions(),
  ),
  gauge(
    'health_score',
    'Local Health Multiplier (Lifeguard): 0 is healthy',
    'Above 0: this node or its network is slow. Check this node before the members that it suspects.',
    (source) => source.healthScore(),
  ),
  counter(
    'joins_total',
    'Members that joined or came back',
    'Increases during a deployment. At other times, together with `deaths_total`: members are flapping.',
    ({ events }) => events.join,
  ),
  counter(
    'leaves_total',
    'Members that left gracefully',
    'Graceful shutdowns of other members.',
    ({ events }) => events.left,
  ),
  counter(
    'deaths_total',
    'Members that were declared dead',
    'Crashes, processes killed without a leave, and network partitions.',
    ({ events }) => events.failed,
  ),
  counter(
    'updates_total',
    'Metadata changes of live members',
    'Each change is gossiped to all members.',
    ({ events }) => events.update,
  ),
  counter(
    'conflicts_total',
    'Claims that a known name has another address',
    'Two nodes use the same name: rename one. The log line `address-conflict` has both addresses.',
    ({ events }) => events.conflict,
  ),
  counter(
    'suspicions_raised_total',
    'Suspicions that started, by whichever member',
    'Each one is a member that did not answer the probe of another member.',
    ({ events }) => events.suspect,
  ),
  counter(
    'suspicion_confirmations_total',
    'Confirmations of suspicions by further members',
    'Many confirmations: the member is really gone. None: the fault is probably on the side of the member that ' +
      'suspects it.',
    (c) => c.suspicionConfirmations,
  ),
  counter(
    'suspicions_refuted_total',
    'Suspicions of other members that ended in a refutation',
    'The member is alive. It, or the member that suspected it, is slow.',
    ({ events }) => events.refute,
  ),
  counter(
    'suspicion_timeouts_unconfirmed_total',
    'Suspicion timeouts with fewer confirmations than expected',
    'This node declared a member dead although few other members confirmed the suspicion. In a large cluster: this node ' +
      'may be cut off.',
    (c) => c.unconfirmedSuspicionTimeouts,
  ),
  counter(
    'refutations_total',
    'Suspect and dead claims about the local node that it refuted',
    'Other members consider this node failed: it stalls, or its packets are lost.',
    (c) => c.refutations,
  ),
];

const probes: readonly ReadMetric[] = [
  {
    name: 'probes_total',
    help: 'Finished probe rounds, by outcome',
    meaning:
      '`direct`: the member answered. `indirect`: it answered only through other members, so packets are lost. ' +
      '`stream`: it answered only over TCP, so UDP is blocked. `failed`: no answer, the member is suspected. `stalled`: ' +
      'no answer, but this process stalled during the probe, so the probe does not count. `abandoned`: the ping could ' +
      'not be sent, or the probe was interrupted.',
    kind: 'counter',
    labels: ['outcome'],
    samples: ({ counters }) =>
      probeOutcomes.map((outcome): Sample => [counters.probes.get(outcome) ?? 0, { outcome }]),
  },
  counter(
    'stalls_total',
    'Event-loop stalls longer than probeTimeout',
    'Periodic work ran more than `probeTimeout` late. In an idle node, stalls shorter than twice that time may be ' +
      'missed. Causes: long synchronous work, garbage collection, CPU starvation. Other members suspect a node that ' +
      'stalls.',
    (c) => c.stalls,
  ),
  counter(
    'stall_seconds_total',
    'Total duration of event-loop stalls in seconds',
    'Its rate is the fraction of time in which the process does not answer.',
    (c) => c.stallMs / 1000,
  ),
];

const problems: readonly ReadMetric[] = [
  gauge(
    'broadcast_queue_depth',
    'Membership updates queued for gossip',
    'Falls to 0 within seconds after a change. If it grows, updates arrive faster than this node can send them.',
    (source) => source.queueDepth(),
  ),
  counter(
    'broadcasts_evicted_total',
    'Membership updates removed from the gossip queue because it was full',
    'The queue holds 65,536 updates. Members receive removed updates by push/pull. Unless tens of thousands of members ' +
      'change at once, a peer sends forged members.',
    (c) => c.evictedBroadcasts,
  ),
  gauge(
    'inbox_depth',
    'Received messages waiting to be processed',
    'Near `handoffQueueDepth`: the process does not keep up. Beyond it, messages are dropped as `queue-full`.',
    (source) => source.inboxDepth(),
  ),
  {
    name: 'drops_total',
    help: 'Packets, messages and streams dropped, by reason',
    meaning: 'See [the reasons](#reasons-of-drops).',
    kind: 'counter',
    labels: ['reason'],
    samples: ({ counters }) =>
      dropReasons.map((reason): Sample => [counters.drops.get(reason) ?? 0, { reason }]),
  },
  counter(
    'decrypt_failures_total',
    'Packets and streams that no installed key decrypted',
    'Equals `drops_total{reason="undecryptable"}`: a node with another key or without a key, or an unrelated sender.',
    ({ drops }) => drops.get('undecryptable') ?? 0,
  ),
  counter(
    'push_pull_failures_total',
    'Failed push/pull exchanges that this node started',
    'TCP is blocked, or the peer is gone or refuses. Includes failed joins.',
    (c) => c.pushPullFailures,
  ),
  counter(
    'callback_errors_total',
    'Exceptions from delegates and listeners of the application',
    'A bug in the application. The log line `callback-threw` has the error.',
    (c) => c.callbackErrors,
  ),
  counter(
    'internal_errors_total',
    'Caught exceptions inside this library',
    'Should be 0. A bug in node-memberlist, or in a custom transport, clock or random source. The log line ' +
      '`internal-error` has the error.',
    (c) => c.internalErrors,
  ),
];

const extensionMetrics: readonly ReadMetric[] = [
  {
    name: 'extension_messages_total',
    help: 'Extension messages, by extension and direction',
    meaning:
      'Packets, streams and gossip together. An extension can add metrics named `<extension>_*`.',
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
    help: 'Bytes of extension messages, by extension and direction',
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
    help: 'Caught exceptions from extensions',
    meaning: 'A bug in the extension. The log line `extension-threw` has the error.',
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
  ...trafficMetrics,
  ...extensionMetrics,
  ...problems,
];

/** Every metric that records single events. */
export const histogramMetrics = {
  roundTrip: {
    name: 'probe_round_trip_seconds',
    help: 'Round-trip times of directly answered probes',
    meaning: 'Should be far below `probeTimeout`; otherwise probes of healthy members fail.',
    kind: 'histogram',
    labels: [],
    buckets: ROUND_TRIP_BUCKETS,
  },
  pushPullDuration: {
    name: 'push_pull_duration_seconds',
    help: 'Duration of push/pull exchanges that this node started',
    meaning: "Grows with the size of the cluster and of the delegate's state.",
    kind: 'histogram',
    labels: [],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  },
  pushPullBytes: {
    name: 'push_pull_bytes',
    help: 'Bytes on the wire of push/pull exchanges that this node started',
    meaning:
      "By `direction`: `sent` or `received`. About 100 bytes per member, plus the delegate's state.",
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

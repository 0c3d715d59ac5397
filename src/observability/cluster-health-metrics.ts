/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The part of the table of metrics about cluster health: expected members, partitions, reconnect candidates.
import { counter, gauge, type ReadMetric, type Sample } from './metric-kinds.js';

/** In the order of the document. */
export const clusterHealthMetrics: readonly ReadMetric[] = [
  gauge(
    'expected_members',
    'Expected number of members: expectedMembers, or the highest number seen within the last hour',
    'The reference for `isolated` and `minority`. After a scale-down without leaves it stays too high for up to an hour.',
    (source) => source.clusterHealth().expected,
  ),
  gauge(
    'isolated',
    '1 while this node sees no other live member, although it expects some',
    'This node is cut off, or it is the last one. It keeps trying to reconnect.',
    (source) => (source.clusterHealth().health === 'isolated' ? 1 : 0),
  ),
  gauge(
    'minority',
    '1 while this node sees at most half of the expected members, and at least one other',
    'A network partition with this node on the smaller side, or a large failure.',
    (source) => (source.clusterHealth().health === 'minority' ? 1 : 0),
  ),
  counter(
    'quorum_restored_total',
    'Returns from isolated or minority to healthy',
    'Increases when a partition heals.',
    (c) => c.recoveries,
  ),
  counter(
    'flapping_total',
    'Members reported as flapping',
    'A member repeatedly fails and comes back. The log line `flapping` names it.',
    (c) => c.flapping,
  ),
  gauge(
    'reconnect_candidates',
    'Failed members that this node tries to reconnect to',
    'A candidate is removed when it is a member again, after `forget(name)`, or after `rejoin.forgetAfter`.',
    (source) => source.clusterHealth().reconnectCandidates,
  ),
  {
    name: 'rejoins_total',
    help: 'Attempts to reconnect to failed members and seeds, by outcome',
    meaning:
      'If only `failed` increases for a long time, the members are gone for good: `forget(name)` ends the attempts.',
    kind: 'counter',
    labels: ['outcome'],
    samples: ({ counters }) =>
      Object.entries(counters.rejoins).map(([outcome, count]): Sample => [count, { outcome }]),
  },
];

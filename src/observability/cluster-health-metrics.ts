/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The part of the table of metrics that tells of the company a node is in: who is missed and looked for.
import { counter, gauge, type ReadMetric, type Sample } from './metric-kinds.js';

/** In the order of the document. */
export const clusterHealthMetrics: readonly ReadMetric[] = [
  gauge(
    'expected_members',
    'Members that should be there: expectedMembers, or the most seen for a while',
    'What `isolated` and `minority` are measured by; far above `members` after a scale-down it falls in time.',
    (source) => source.clusterHealth().expected,
  ),
  gauge(
    'isolated',
    '1 while everybody else is gone',
    'This node is cut off, or the last one left. It keeps looking for the others.',
    (source) => (source.clusterHealth().health === 'isolated' ? 1 : 0),
  ),
  gauge(
    'minority',
    '1 while half of the expected members or more are gone, and not all',
    'A partition, with this node on the smaller side, or a large failure.',
    (source) => (source.clusterHealth().health === 'minority' ? 1 : 0),
  ),
  counter(
    'quorum_restored_total',
    'Ends of being isolated or in a minority',
    'Rises when a partition heals.',
    (c) => c.recoveries,
  ),
  counter(
    'flapping_total',
    'Members that were told of as flapping',
    'A member that keeps joining and failing; the log line `flapping` names it.',
    (c) => c.flapping,
  ),
  gauge(
    'reconnect_candidates',
    'Members that failed and are looked for',
    'Back to 0 when they are back, were forgotten, or `rejoin.forgetAfter` has passed.',
    (source) => source.clusterHealth().reconnectCandidates,
  ),
  {
    name: 'rejoins_total',
    help: 'Attempts to reach lost members and seeds, by outcome',
    meaning:
      'Only `failed` for long: who was lost is gone for good, and `forget(name)` ends the search.',
    kind: 'counter',
    labels: ['outcome'],
    samples: ({ counters }) =>
      Object.entries(counters.rejoins).map(([outcome, count]): Sample => [count, { outcome }]),
  },
];

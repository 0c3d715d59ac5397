/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What the Serf extension counts. docs/SERF.md lists the metrics.
import type { ExtensionCounter, ExtensionMetrics } from '../index.js';

/** The counters of one node. */
export interface SerfMetrics {
  readonly events: ExtensionCounter;
  readonly queries: ExtensionCounter;
  readonly queriesDropped: ExtensionCounter;
  readonly filtersRefused: ExtensionCounter;
  readonly answersDropped: ExtensionCounter;
  readonly relaysDropped: ExtensionCounter;
  readonly responses: ExtensionCounter;
  readonly responsesRefused: ExtensionCounter;
  readonly coordinatesRefused: ExtensionCounter;
  readonly flaps: ExtensionCounter;
}

/** Values that are read at each scrape. */
export interface SerfGauges {
  readonly members: () => number;
  readonly queued: () => number;
  readonly coordinateResets: () => number;
}

/** Defines the metrics of one node. */
export function serfMetrics(to: ExtensionMetrics, gauges: SerfGauges): SerfMetrics {
  to.gauge('members', 'Members in every state, also failed and left ones.', gauges.members);
  to.gauge('queued_messages', 'Messages that wait to be gossiped.', gauges.queued);
  to.gauge(
    'coordinate_resets',
    "How often this node's coordinate was not finite and started anew.",
    gauges.coordinateResets,
  );
  return {
    events: to.counter('events_total', 'New user events, those of this node included.'),
    queries: to.counter('queries_total', 'New queries, those of this node included.'),
    queriesDropped: to.counter(
      'queries_dropped_total',
      'Queries that came too late or exceeded a limit.',
    ),
    filtersRefused: to.counter(
      'filters_refused_total',
      'Queries whose filters could not be decided within the limits.',
    ),
    answersDropped: to.counter(
      'answers_dropped_total',
      'Acks and responses of this node that exceeded the rate, were too long or were late.',
    ),
    relaysDropped: to.counter(
      'relays_dropped_total',
      'Relay messages that exceeded the rate or were not for a response.',
    ),
    responses: to.counter('responses_total', 'Acks and responses to queries of this node.'),
    responsesRefused: to.counter(
      'responses_refused_total',
      'Responses to no running query of this node, repeated ones, and those beyond the limit.',
    ),
    coordinatesRefused: to.counter(
      'coordinates_refused_total',
      'Coordinates of peers that were not plausible.',
    ),
    flaps: to.counter('member_flaps_total', 'Members that returned within a minute of a failure.'),
  };
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Metrics of streams: push/pull, stream pings, user messages.
import { counter, type ReadMetric, type Sample } from './metric-kinds.js';

/** In the order of the document. */
export const streamMetrics: readonly ReadMetric[] = [
  counter(
    'stream_bytes_received_total',
    'Bytes received over streams',
    'Mostly push/pull.',
    ({ streams }) => streams.bytesIn,
  ),
  counter(
    'stream_bytes_sent_total',
    'Bytes sent over streams',
    'Mostly push/pull.',
    ({ streams }) => streams.bytesOut,
  ),
  {
    name: 'streams_total',
    help: 'Streams that were opened, by direction',
    meaning: '`outbound`: opened by this node; `inbound`: opened by peers.',
    kind: 'counter',
    labels: ['direction'],
    samples: ({ counters }) =>
      Object.entries(counters.streams.begun).map(([direction, count]): Sample => [
        count,
        { direction },
      ]),
  },
  {
    name: 'streams_open',
    help: 'Streams that are open now, by direction',
    meaning:
      'Usually 0 or 1. Many for long: peers that do not end what they begin, or a network that swallows TCP.',
    kind: 'gauge',
    labels: ['direction'],
    samples: ({ counters }) =>
      Object.entries(counters.streams.open).map(([direction, count]): Sample => [
        count,
        { direction },
      ]),
  },
  counter(
    'stream_errors_withheld_total',
    'Errors on streams that were not sent, because no key opened the stream',
    'Sealing an answer for every stranger would use up the key: a few are answered, then one in ten seconds. Each of ' +
      'these streams is in `drops_total` as well.',
    ({ streams }) => streams.withheldErrors,
  ),
];

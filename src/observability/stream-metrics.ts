/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Metrics of streams: push/pull exchanges, TCP pings, user messages.
import { counter, type ReadMetric, type Sample } from './metric-kinds.js';

/** In the order of the document. */
export const streamMetrics: readonly ReadMetric[] = [
  counter(
    'stream_bytes_received_total',
    'Bytes received over streams',
    'Push/pull exchanges cause most of them.',
    ({ streams }) => streams.bytesIn,
  ),
  counter(
    'stream_bytes_sent_total',
    'Bytes sent over streams',
    'Push/pull exchanges cause most of them.',
    ({ streams }) => streams.bytesOut,
  ),
  {
    name: 'streams_total',
    help: 'Streams opened, by direction',
    meaning: '`outbound`: this node opened the stream; `inbound`: a peer opened it.',
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
    help: 'Streams currently open, by direction',
    meaning:
      'Usually 0 or 1. A high value for a long time: peers do not finish their exchanges, or the network drops TCP ' +
      'packets.',
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
    'Error responses that were not sent, because no installed key decrypted the request',
    'Each encrypted response uses up the key a little. Therefore peers without a key get six responses, then one every ' +
      'ten seconds. `drops_total` counts each of these streams as well.',
    ({ streams }) => streams.withheldErrors,
  ),
];

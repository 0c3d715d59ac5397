/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The published figures of the Lifeguard paper (arXiv 1707.00788 v2), and the marks that a reproduction must reach,
// fixed before the first run.

import { sum } from '../statistics.js';
import { concurrencies } from './cells.js';
import type { Configuration } from './configurations.js';

/** Quantiles in seconds. */
export interface PublishedQuantiles {
  readonly median: number;
  readonly p99: number;
  readonly p999: number;
}

/** The published figures of one configuration. Percentages are relative to SWIM. */
export interface Published {
  readonly falsePositivesPercent: number;
  readonly falsePositivesAtHealthyPercent: number;
  readonly first: PublishedQuantiles;
  readonly full: PublishedQuantiles;
  readonly messagesPercent: number;
  readonly bytesPercent: number;
}

/** False positives of the published SWIM runs: at all nodes, and at healthy ones. */
export const publishedSwim = {
  falsePositives: 339_002,
  falsePositivesAtHealthy: 1_326,
  /** The Interval experiment: 432 cells, ten times. */
  runs: 4_320,
} as const;

type Row = readonly [
  falsePositives: number,
  atHealthy: number,
  first: readonly [median: number, p99: number, p999: number],
  full: readonly [median: number, p99: number, p999: number],
  messages: number,
  bytes: number,
];

function published([all, atHealthy, first, full, messages, bytes]: Row): Published {
  return {
    falsePositivesPercent: all,
    falsePositivesAtHealthyPercent: atHealthy,
    first: { median: first[0], p99: first[1], p999: first[2] },
    full: { median: full[0], p99: full[1], p999: full[2] },
    messagesPercent: messages,
    bytesPercent: bytes,
  };
}

/** The published tables. */
export const publishedFigures: Record<Configuration, Published> = {
  swim: published([100, 100, [12.44, 16.96, 19.4], [12.9, 16.93, 20.17], 100, 100]),
  'lha-probe': published([67.72, 32.88, [12.42, 17.75, 20.1], [12.9, 17.98, 20.56], 98.46, 90.03]),
  'lha-suspicion': published([
    3,
    6.71,
    [12.42, 17.47, 25.41],
    [12.89, 17.33, 23.8],
    111.31,
    106.52,
  ]),
  buddy: published([94.08, 44.57, [12.45, 17.12, 19.16], [12.92, 17.18, 19.81], 100.07, 99.01]),
  lifeguard: published([1.53, 1.89, [12.45, 17.9, 21.2], [12.91, 18.05, 21.68], 110.59, 97.97]),
};

/** The marks. Percentages are relative to SWIM in the same simulator; times are seconds. */
export const passMarks = {
  /** SWIM's false positives per run. Outside of this range a ratio to it proves nothing. */
  baseline: { least: 25, most: 250 },
  falsePositivesPercent: 5,
  falsePositivesStretchPercent: 2,
  falsePositivesAtHealthyPercent: 10,
  /** A ratio needs this many of SWIM's false positives at healthy nodes. */
  baselineEventsAtHealthy: 200,
  firstMedian: { least: 12, most: 12.9 },
  firstMedianOfBaselinePercent: 3,
  fullMinusFirst: 0.8,
  messagesPercent: 120,
  bytesPercent: 110,
} as const;

/** Below these numbers nothing is decided. Our choice, fixed with this report, not with the marks. */
export const enough = { cells: 30, detections: 100 } as const;

/** The number of anomalous nodes in all 54 Threshold cells whose anomaly lasts longer than a detection. */
export const detectableNodes = 2 * sum(concurrencies);

/** The names of the configurations. */
export const titles: Record<Configuration, string> = {
  swim: 'SWIM',
  'lha-probe': 'LHA-Probe',
  'lha-suspicion': 'LHA-Suspicion',
  buddy: 'Buddy',
  lifeguard: 'Lifeguard',
};

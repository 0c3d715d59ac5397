/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What a metric is, for the table in metric-definitions.ts.
import type { Counters, ExtensionTraffic } from '../core/counters.js';
import type { MemberState } from '../core/member.js';
import type { ExtensionMeters } from '../extensions/extension-meters.js';

/** What the metrics read at each scrape. */
export interface MetricsSource {
  readonly node: string;
  readonly counters: Counters;
  /** Counts and reports what reading the others throws. */
  failed(error: unknown): void;
  healthScore(): number;
  queueDepth(): number;
  inboxDepth(): number;
  suspicions(): number;
  clusterHealth(): ClusterGauges;
  members(): Readonly<Record<MemberState, number>>;
  readonly extensions: readonly {
    readonly name: string;
    readonly traffic: ExtensionTraffic;
    readonly meters: ExtensionMeters;
  }[];
}

/** What the metrics tell of the company that a node is in. */
export interface ClusterGauges {
  /** Failed members that are looked for. */
  readonly reconnectCandidates: number;
  readonly expected: number;
  /** `well`, `minority` or `isolated`. */
  readonly health: string;
}

/** One series of a metric: its value, and the labels that tell it from the others. */
export type Sample = readonly [value: number, labels?: Readonly<Record<string, string>>];

interface Described {
  /** Without the prefix. */
  readonly name: string;
  /** One sentence, for `# HELP`. */
  readonly help: string;
  /** What an operator makes of it, for the document. */
  readonly meaning: string;
  /** Beside `node` and the user's own. */
  readonly labels: readonly string[];
}

/** A metric that is read from counts that are kept anyway. */
export interface ReadMetric extends Described {
  readonly kind: 'counter' | 'gauge';
  readonly samples: (source: MetricsSource) => readonly Sample[];
}

/** A metric that is told of each event. */
export interface HistogramMetric extends Described {
  readonly kind: 'histogram';
  readonly buckets: readonly number[];
}

type Read = (counters: Counters) => number;

/** A count of which there is one. */
export const counter = (name: string, help: string, meaning: string, read: Read): ReadMetric => ({
  name,
  help,
  meaning,
  kind: 'counter',
  labels: [],
  samples: ({ counters }) => [[read(counters)]],
});

/** A value that goes up and down, of which there is one. */
export const gauge = (
  name: string,
  help: string,
  meaning: string,
  read: (source: MetricsSource) => number,
): ReadMetric => ({
  name,
  help,
  meaning,
  kind: 'gauge',
  labels: [],
  samples: (source) => [[read(source)]],
});

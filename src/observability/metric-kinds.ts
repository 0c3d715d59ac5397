/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The types of the table in metric-definitions.ts.
import type { Counters, ExtensionTraffic } from '../core/counters.js';
import type { MemberState } from '../core/member.js';
import type { ExtensionMeters } from '../extensions/extension-meters.js';

/** The values that the metrics read at each scrape. */
export interface MetricsSource {
  readonly node: string;
  readonly counters: Counters;
  /** Counts and reports an error that one of the readers throws. */
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
  /** The metrics of all services. */
  readonly services: Pick<ExtensionMeters, 'publishTo'>;
}

/** Cluster health as seen by one node. */
export interface ClusterGauges {
  /** Failed members that the node tries to reconnect to. */
  readonly reconnectCandidates: number;
  /** Expected number of members, including the node itself. */
  readonly expected: number;
  /** `healthy`, `minority` or `isolated`. */
  readonly health: string;
}

/** One series of a metric: its value, and its labels in addition to the common ones. */
export type Sample = readonly [value: number, labels?: Readonly<Record<string, string>>];

interface Described {
  /** Without the prefix. */
  readonly name: string;
  /** One phrase, for `# HELP`. */
  readonly help: string;
  /** What a value tells an operator, for docs/METRICS.md. */
  readonly meaning: string;
  /** In addition to `node` and the labels of the user. */
  readonly labels: readonly string[];
}

/** A metric whose value is read from existing counters at each scrape. */
export interface ReadMetric extends Described {
  readonly kind: 'counter' | 'gauge';
  readonly samples: (source: MetricsSource) => readonly Sample[];
}

/** A metric that records each event. */
export interface HistogramMetric extends Described {
  readonly kind: 'histogram';
  readonly buckets: readonly number[];
}

type Read = (counters: Counters) => number;

/** A counter with one series. */
export const counter = (name: string, help: string, meaning: string, read: Read): ReadMetric => ({
  name,
  help,
  meaning,
  kind: 'counter',
  labels: [],
  samples: ({ counters }) => [[read(counters)]],
});

/** A gauge with one series. */
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

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Metrics with prom-client. Little is measured here: at each scrape the engine's own counters are
// read. One set of metrics for each registry and prefix, with the node's name as a label, so that
// several Memberlists in one process do not collide.
import {
  Counter,
  Gauge,
  Histogram,
  register,
  type Registry,
  type RegistryContentType,
} from 'prom-client';
import type { MetricsOptions } from '../config/options.js';
import type { ExchangedBytes } from '../core/reports.js';
import { ConfigError } from '../errors.js';
import { histogramMetrics, metricDefinitions, readMetrics } from './metric-definitions.js';
import type { HistogramMetric, MetricsSource, ReadMetric } from './metric-kinds.js';

/** One node's metrics, as they are published. */
export interface Publication {
  /** A probe was answered directly. */
  roundTrip(roundTripMs: number): void;
  /** A push/pull of ours succeeded. */
  exchanged(exchange: { readonly durationMs: number; readonly bytes: ExchangedBytes }): void;
  /** Takes the node's series back; the registry is as before once the last node has. */
  unpublish(): void;
}

type AnyRegistry = Registry<RegistryContentType>;
type Labels = Readonly<Record<string, string>>;
type Sources = Map<MetricsSource, Labels>;
type Histograms = Readonly<Record<keyof typeof histogramMetrics, Histogram>>;

/** The metrics of one registry under one prefix, and the nodes whose values they have. */
interface MetricSet {
  readonly labelNames: string;
  readonly sources: Sources;
  readonly histograms: Histograms;
}
const sent = { direction: 'sent' };
const received = { direction: 'received' };

const metricSets = new WeakMap<AnyRegistry, Map<string, MetricSet>>();

/**
 * Publishes a node's metrics.
 *
 * @throws ConfigError when the registry has these metrics with other labels
 */
export function publishMetrics(options: MetricsOptions, source: MetricsSource): Publication {
  const registry = options.registry ?? register;
  const prefix = options.prefix ?? 'memberlist_';
  const labels = options.labels ?? {};
  const labelNames = ['node', ...Object.keys(labels).sort()];
  const byPrefix = metricSets.get(registry) ?? new Map<string, MetricSet>();
  metricSets.set(registry, byPrefix);

  const set = byPrefix.get(prefix) ?? define(registry, prefix, labelNames);
  if (set.labelNames !== labelNames.join()) {
    const rule = `this registry has ${prefix}* with the labels ${set.labelNames} already`;
    throw new ConfigError([{ field: 'metrics.labels', value: labels, rule }]);
  }
  byPrefix.set(prefix, set);
  const own = { ...labels, node: source.node };
  const { roundTrip, pushPullDuration, pushPullBytes } = set.histograms;
  const directions = [sent, received].map((direction) => ({ ...own, ...direction }));
  // Nodes of the same name and labels are added up.
  const isShared = (): boolean => [...set.sources.values()].some((labels) => isSame(labels, own));
  if (!isShared()) {
    roundTrip.zero(own);
    pushPullDuration.zero(own);
    for (const direction of directions) pushPullBytes.zero(direction);
  }
  set.sources.set(source, own);
  return {
    roundTrip: (roundTripMs) => roundTrip.observe(own, roundTripMs / 1000),
    exchanged: ({ durationMs, bytes }) => {
      pushPullDuration.observe(own, durationMs / 1000);
      pushPullBytes.observe({ ...own, ...sent }, bytes.sent);
      pushPullBytes.observe({ ...own, ...received }, bytes.received);
    },
    unpublish: () => {
      set.sources.delete(source);
      if (!isShared()) {
        roundTrip.remove(own);
        pushPullDuration.remove(own);
        for (const direction of directions) pushPullBytes.remove(direction);
      }
      if (set.sources.size > 0) return;
      byPrefix.delete(prefix);
      for (const { name } of metricDefinitions) registry.removeSingleMetric(prefix + name);
    },
  };
}

function define(registry: AnyRegistry, prefix: string, labelNames: readonly string[]): MetricSet {
  const sources: Sources = new Map();
  const commonOf = ({ name, help, labels }: ReadMetric | HistogramMetric) => ({
    name: prefix + name,
    help,
    labelNames: [...labelNames, ...labels],
    registers: [registry],
  });
  for (const metric of readMetrics) defineRead(metric, commonOf(metric), sources);
  const histogram = (metric: HistogramMetric): Histogram =>
    new Histogram({ ...commonOf(metric), buckets: [...metric.buckets] });
  const histograms: Histograms = {
    roundTrip: histogram(histogramMetrics.roundTrip),
    pushPullDuration: histogram(histogramMetrics.pushPullDuration),
    pushPullBytes: histogram(histogramMetrics.pushPullBytes),
  };
  return { labelNames: labelNames.join(), sources, histograms };
}

interface Common {
  name: string;
  help: string;
  labelNames: string[];
  registers: AnyRegistry[];
}

function defineRead({ kind, samples }: ReadMetric, common: Common, sources: Sources): void {
  // One node that cannot be read is left out; the scrape goes on with the others.
  const eachSample = (add: (labels: Labels, value: number) => void): void => {
    for (const [source, own] of sources) {
      try {
        for (const [value, more] of samples(source)) add({ ...own, ...more }, value);
      } catch (error) {
        source.failed(error);
      }
    }
  };
  if (kind === 'counter') {
    new Counter({
      ...common,
      collect() {
        this.reset();
        eachSample((labels, value) => this.inc(labels, value));
      },
    });
  } else {
    new Gauge({
      ...common,
      collect() {
        this.reset();
        eachSample((labels, value) => this.inc(labels, value));
      },
    });
  }
}

function isSame(labels: Labels, others: Labels): boolean {
  return Object.entries(labels).every(([name, value]) => others[name] === value);
}

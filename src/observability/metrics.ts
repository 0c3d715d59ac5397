/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Publishes metrics with prom-client. Most values are read from the engine's counters at each scrape. There is one set
// of metrics for each registry and prefix. The label `node` separates several Memberlists in one process.
import { Counter, Gauge, Histogram, register } from 'prom-client';
import type { MetricsOptions, MetricsRegistry } from '../config/options.js';
import type { ExchangedBytes } from '../core/reports.js';
import { ConfigError } from '../errors.js';
import { publishExtensionMetrics } from './extension-metrics.js';
import { histogramMetrics, readMetrics } from './metric-definitions.js';
import type { HistogramMetric, MetricsSource, ReadMetric } from './metric-kinds.js';
import { otherPromClient, type TwoCopies } from './other-prom-client.js';

/** The published metrics of one node. */
export interface Publication {
  /** Records a directly answered probe. */
  roundTrip(roundTripMs: number): void;
  /** Records a successful push/pull that this node started. */
  exchanged(exchange: { readonly durationMs: number; readonly bytes: ExchangedBytes }): void;
  /** Removes the node's series, and the metrics when no other node uses them. */
  unpublish(): void;
}

type Labels = Readonly<Record<string, string>>;
type Sources = Map<MetricsSource, Labels>;
type AnyMetric = Counter | Gauge | Histogram;
type Histograms = Readonly<Record<keyof typeof histogramMetrics, Histogram>>;

/** The metrics of one registry under one prefix, and the nodes that they include. */
interface MetricSet {
  /** By their names in the registry. */
  readonly metrics: ReadonlyMap<string, AnyMetric>;
  readonly labelNames: string;
  readonly sources: Sources;
  readonly histograms: Histograms;
}
const sent = { direction: 'sent' };
const received = { direction: 'received' };

const metricSets = new WeakMap<MetricsRegistry, Map<string, MetricSet>>();

/**
 * Publishes a node's metrics.
 *
 * If the registry is cleared later, the metrics are registered again when another node publishes there, or at the next
 * answered probe.
 *
 * @throws ConfigError when the registry has these metrics with other labels, or other metrics with these names; then
 *   the registry is unchanged
 */
export function publishMetrics(options: MetricsOptions, source: MetricsSource): Publication {
  const registry = options.registry ?? register;
  const prefix = options.prefix ?? 'memberlist_';
  const labels = options.labels ?? {};
  const labelNames = ['node', ...Object.keys(labels).sort()];
  const byPrefix = metricSets.get(registry) ?? new Map<string, MetricSet>();
  metricSets.set(registry, byPrefix);

  const known = byPrefix.get(prefix);
  if (known !== undefined && known.labelNames !== labelNames.join()) {
    const rule = `this registry has ${prefix}* with the labels ${known.labelNames} already`;
    throw new ConfigError([{ field: 'metrics.labels', value: labels, rule }]);
  }
  const set = known ?? define(prefix, labelNames);
  const taken = nameTaken(registry, set);
  if (taken !== undefined) {
    const rule = `this registry has another metric '${taken}'; choose another prefix`;
    throw new ConfigError([{ field: 'metrics.prefix', value: prefix, rule }]);
  }
  restore(registry, set);
  byPrefix.set(prefix, set);
  const own = { ...labels, node: source.node };
  const { roundTrip, pushPullDuration, pushPullBytes } = set.histograms;
  const directions = [sent, received].map((direction) => ({ ...own, ...direction }));
  // The values of nodes with the same name and labels are summed.
  const isShared = (): boolean => [...set.sources.values()].some((labels) => isSame(labels, own));
  if (!isShared()) {
    roundTrip.zero(own);
    pushPullDuration.zero(own);
    for (const direction of directions) pushPullBytes.zero(direction);
  }
  set.sources.set(source, own);
  const groups = [...source.extensions.map(({ meters }) => meters), source.services];
  const unpublishExtensions = publishExtensionMetrics(options, groups, source);
  return {
    roundTrip: (roundTripMs) => {
      if (!isPublished(registry, set)) restore(registry, set);
      roundTrip.observe(own, roundTripMs / 1000);
    },
    exchanged: ({ durationMs, bytes }) => {
      pushPullDuration.observe(own, durationMs / 1000);
      pushPullBytes.observe({ ...own, ...sent }, bytes.sent);
      pushPullBytes.observe({ ...own, ...received }, bytes.received);
    },
    unpublish: () => {
      unpublishExtensions();
      set.sources.delete(source);
      if (!isShared()) {
        roundTrip.remove(own);
        pushPullDuration.remove(own);
        for (const direction of directions) pushPullBytes.remove(direction);
      }
      if (set.sources.size > 0) return;
      byPrefix.delete(prefix);
      for (const [name, metric] of set.metrics) {
        if (registry.getSingleMetric(name) === metric) registry.removeSingleMetric(name);
      }
    },
  };
}

/** The two versions of prom-client, when metrics go to a default registry that the application does not serve. */
export function otherRegistry({ registry }: MetricsOptions): TwoCopies | undefined {
  return registry === undefined ? otherPromClient(register) : undefined;
}

/** The name of a foreign metric in the registry that collides with one of the set. */
function nameTaken(registry: MetricsRegistry, set: MetricSet): string | undefined {
  for (const [name, metric] of set.metrics) {
    const registered = registry.getSingleMetric(name);
    if (registered !== undefined && registered !== metric) return name;
  }
  return undefined;
}

// Checking one metric is enough: `clear()` removes all metrics of a registry.
function isPublished(registry: MetricsRegistry, { metrics }: MetricSet): boolean {
  for (const name of metrics.keys()) return registry.getSingleMetric(name) !== undefined;
  return true;
}

function restore(registry: MetricsRegistry, { metrics }: MetricSet): void {
  for (const [name, metric] of metrics) {
    if (registry.getSingleMetric(name) === undefined) registry.registerMetric(metric);
  }
}

function define(prefix: string, labelNames: readonly string[]): MetricSet {
  const sources: Sources = new Map();
  const metrics = new Map<string, AnyMetric>();
  const commonOf = ({ name, help, labels }: ReadMetric | HistogramMetric): Common => ({
    name: prefix + name,
    help,
    labelNames: [...labelNames, ...labels],
    registers: [],
  });
  for (const metric of readMetrics) {
    metrics.set(prefix + metric.name, defineRead(metric, commonOf(metric), sources));
  }
  const histogram = (metric: HistogramMetric): Histogram => {
    const made = new Histogram({ ...commonOf(metric), buckets: [...metric.buckets] });
    metrics.set(prefix + metric.name, made);
    return made;
  };
  const histograms: Histograms = {
    roundTrip: histogram(histogramMetrics.roundTrip),
    pushPullDuration: histogram(histogramMetrics.pushPullDuration),
    pushPullBytes: histogram(histogramMetrics.pushPullBytes),
  };
  return { labelNames: labelNames.join(), metrics, sources, histograms };
}

interface Common {
  name: string;
  help: string;
  labelNames: string[];
  /** Empty: the user's registry may be of another prom-client version, so metrics are registered by name. */
  registers: never[];
}

function defineRead({ kind, samples }: ReadMetric, common: Common, sources: Sources): AnyMetric {
  const config = {
    ...common,
    collect(this: Counter | Gauge) {
      this.reset();
      for (const [source, own] of sources) {
        // If reading one node fails, the scrape continues with the others.
        try {
          for (const [value, more] of samples(source)) this.inc({ ...own, ...more }, value);
        } catch (error) {
          source.failed(error);
        }
      }
    },
  };
  return kind === 'counter' ? new Counter(config) : new Gauge(config);
}

function isSame(labels: Labels, others: Labels): boolean {
  return Object.entries(labels).every(([name, value]) => others[name] === value);
}

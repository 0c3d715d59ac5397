/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Publishes the metrics of extensions with prom-client. A metric is registered when an extension defines it, once for
// each registry and prefix. Each scrape reads the values of all nodes that have the metric.
import { Counter, Gauge, register } from 'prom-client';
import type { MetricsOptions, MetricsRegistry } from '../config/options.js';
import { ConfigError } from '../errors.js';
import type { ExtensionMeter, ExtensionMeters } from '../extensions/extension-meters.js';

type Labels = Readonly<Record<string, string>>;

/** One metric in a registry, and the meters that it reads. */
interface Published {
  readonly metric: Counter | Gauge;
  readonly kind: ExtensionMeter['kind'];
  readonly sources: Map<ExtensionMeter, Labels>;
}

const registries = new WeakMap<MetricsRegistry, Map<string, Published>>();

/**
 * Publishes the metrics of a node's extensions and services.
 *
 * @param groups - of each extension, and of the services
 * @param init.failed - called with an error that reading a value throws
 * @returns a function that removes the metrics of this node
 * @throws ConfigError when the registry has another metric with such a name
 */
export function publishExtensionMetrics(
  options: MetricsOptions,
  groups: readonly Pick<ExtensionMeters, 'publishTo'>[],
  init: { node: string; failed: (error: unknown) => void },
): () => void {
  const registry = options.registry ?? register;
  const prefix = options.prefix ?? 'memberlist_';
  const own = { ...options.labels, node: init.node };
  const published = registries.get(registry) ?? new Map<string, Published>();
  registries.set(registry, published);
  const ownMeters: [string, ExtensionMeter][] = [];
  const publish = (meter: ExtensionMeter): void => {
    const name = prefix + meter.name;
    const known = published.get(name);
    if (registry.getSingleMetric(name) !== known?.metric || (known && known.kind !== meter.kind)) {
      const rule = `this registry has another metric '${name}'; choose another prefix`;
      throw new ConfigError([{ field: 'metrics.prefix', value: prefix, rule }]);
    }
    const entry = known ?? define(name, meter, { labels: Object.keys(own), ...init });
    if (known === undefined) registry.registerMetric(entry.metric);
    published.set(name, entry);
    entry.sources.set(meter, own);
    ownMeters.push([name, meter]);
  };
  for (const meters of groups) meters.publishTo(publish);
  return () => {
    for (const [name, meter] of ownMeters) {
      const entry = published.get(name);
      entry?.sources.delete(meter);
      if (entry === undefined || entry.sources.size > 0) continue;
      published.delete(name);
      if (registry.getSingleMetric(name) === entry.metric) registry.removeSingleMetric(name);
    }
  };
}

function define(
  name: string,
  { kind, help }: ExtensionMeter,
  init: { labels: readonly string[]; failed: (error: unknown) => void },
): Published {
  const sources = new Map<ExtensionMeter, Labels>();
  const config = {
    name,
    help,
    labelNames: [...init.labels],
    registers: [],
    collect(this: Counter | Gauge) {
      this.reset();
      for (const [{ read }, labels] of sources) {
        try {
          this.inc(labels, read());
        } catch (error) {
          init.failed(error);
        }
      }
    },
  };
  return { metric: kind === 'counter' ? new Counter(config) : new Gauge(config), kind, sources };
}

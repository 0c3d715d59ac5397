/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Metrics with prom-client. Nothing is measured here: at each scrape the engine's own counters are
// read. One set of metrics for each registry and prefix, with the node's name as a label, so that
// several Memberlists in one process do not collide.
import { Counter, Gauge, register, type Registry, type RegistryContentType } from 'prom-client';
import type { MetricsOptions } from '../config/options.js';
import type { Counters } from '../core/counters.js';
import type { MemberState } from '../core/member.js';
import { ConfigError } from '../errors.js';

/** What the metrics read. */
export interface MetricsSource {
  readonly node: string;
  readonly counters: Counters;
  healthScore(): number;
  queueDepth(): number;
  company(): CompanyGauges;
  members(): Readonly<Record<MemberState, number>>;
}

/** What the metrics tell of the company that a node is in. */
export interface CompanyGauges {
  readonly lost: number;
  readonly expected: number;
  readonly standing: string;
}

type Sample = readonly [value: number, labels?: Readonly<Record<string, string>>];

interface MetricDefinition {
  readonly name: string;
  readonly help: string;
  readonly kind: 'counter' | 'gauge';
  /** Beside `node` and the user's own. */
  readonly labels?: readonly string[];
  readonly samples: (source: MetricsSource) => readonly Sample[];
}

const counter = (
  name: string,
  help: string,
  read: (counters: Counters) => number,
): MetricDefinition => ({
  name,
  help,
  kind: 'counter',
  samples: ({ counters }) => [[read(counters)]],
});

const engineMetrics: readonly MetricDefinition[] = [
  {
    name: 'members',
    help: 'Members in the table, by state; the local node is one of them',
    kind: 'gauge',
    labels: ['state'],
    samples: (source) =>
      Object.entries(source.members()).map(([state, count]): Sample => [count, { state }]),
  },
  {
    name: 'health_score',
    help: 'How much the node doubts itself (Lifeguard); 0 is healthy',
    kind: 'gauge',
    samples: (source) => [[source.healthScore()]],
  },
  {
    name: 'broadcast_queue_depth',
    help: 'Membership messages that wait to be gossiped',
    kind: 'gauge',
    samples: (source) => [[source.queueDepth()]],
  },
  {
    name: 'probes_total',
    help: 'Probe rounds that ended, by outcome',
    kind: 'counter',
    labels: ['outcome'],
    samples: ({ counters }) =>
      Array.from(counters.probes, ([outcome, count]): Sample => [count, { outcome }]),
  },
  {
    name: 'drops_total',
    help: 'What arrived and was not used, by reason',
    kind: 'counter',
    labels: ['reason'],
    samples: ({ counters }) =>
      Array.from(counters.drops, ([reason, count]): Sample => [count, { reason }]),
  },
  counter('packets_received_total', 'Packets received', ({ packetsIn }) => packetsIn),
  counter('packets_sent_total', 'Packets sent', ({ packetsOut }) => packetsOut),
  counter('packet_bytes_received_total', 'Bytes received', ({ packetBytesIn }) => packetBytesIn),
  counter('packet_bytes_sent_total', 'Bytes sent', ({ packetBytesOut }) => packetBytesOut),
  counter('send_failures_total', 'Packets not sent', ({ sendFailures }) => sendFailures),
  counter('refutations_total', 'Claims about us refuted', ({ refutations }) => refutations),
  counter(
    'degraded_suspicions_total',
    'Suspicions that ran out without the confirmations that were wanted',
    ({ degradedSuspicions }) => degradedSuspicions,
  ),
  counter(
    'callback_errors_total',
    "The user's delegates and listeners that threw",
    ({ callbackErrors }) => callbackErrors,
  ),
];

const companyMetrics: readonly MetricDefinition[] = [
  {
    name: 'rejoins_total',
    help: 'Attempts to reach lost members and seeds, by outcome',
    kind: 'counter',
    labels: ['outcome'],
    samples: ({ counters }) =>
      Object.entries(counters.rejoins).map(([outcome, count]): Sample => [count, { outcome }]),
  },
  {
    name: 'lost_members',
    help: 'Members that failed and are looked for',
    kind: 'gauge',
    samples: (source) => [[source.company().lost]],
  },
  {
    name: 'expected_members',
    help: 'Members that should be there: expectedMembers, or the most seen for a while',
    kind: 'gauge',
    samples: (source) => [[source.company().expected]],
  },
  {
    name: 'isolated',
    help: '1 while everybody else is gone',
    kind: 'gauge',
    samples: (source) => [[source.company().standing === 'isolated' ? 1 : 0]],
  },
  {
    name: 'minority',
    help: '1 while half of the expected members or more are gone, and not all',
    kind: 'gauge',
    samples: (source) => [[source.company().standing === 'minority' ? 1 : 0]],
  },
  counter(
    'recoveries_total',
    'Ends of being isolated or in a minority',
    ({ recoveries }) => recoveries,
  ),
  counter('flapping_total', 'Members that were told of as flapping', ({ flapping }) => flapping),
];

/** Every metric, under its name without the prefix. */
export const metricDefinitions: readonly MetricDefinition[] = [...engineMetrics, ...companyMetrics];

type AnyRegistry = Registry<RegistryContentType>;
interface Publication {
  readonly labelNames: string;
  readonly sources: Map<MetricsSource, Readonly<Record<string, string>>>;
}
const publications = new WeakMap<AnyRegistry, Map<string, Publication>>();

/**
 * Publishes a node's metrics.
 *
 * @returns takes them back; the registry is as before once the last node has
 * @throws ConfigError when the registry has these metrics with other labels
 */
export function publishMetrics(options: MetricsOptions, source: MetricsSource): () => void {
  const registry = options.registry ?? register;
  const prefix = options.prefix ?? 'memberlist_';
  const labels = options.labels ?? {};
  const labelNames = ['node', ...Object.keys(labels).sort()];
  const byPrefix = publications.get(registry) ?? new Map<string, Publication>();
  publications.set(registry, byPrefix);

  const published = byPrefix.get(prefix) ?? define(registry, prefix, labelNames);
  if (published.labelNames !== labelNames.join()) {
    const rule = `this registry has ${prefix}* with the labels ${published.labelNames} already`;
    throw new ConfigError([{ field: 'metrics.labels', value: labels, rule }]);
  }
  byPrefix.set(prefix, published);
  published.sources.set(source, { ...labels, node: source.node });
  return () => {
    published.sources.delete(source);
    if (published.sources.size > 0) return;
    byPrefix.delete(prefix);
    for (const { name } of metricDefinitions) registry.removeSingleMetric(prefix + name);
  };
}

function define(registry: AnyRegistry, prefix: string, labelNames: string[]): Publication {
  const sources: Publication['sources'] = new Map();
  for (const { name, help, kind, labels = [], samples } of metricDefinitions) {
    const common = {
      name: prefix + name,
      help,
      labelNames: [...labelNames, ...labels],
      registers: [registry],
    };
    if (kind === 'counter') {
      new Counter({
        ...common,
        collect() {
          this.reset();
          for (const [source, own] of sources) {
            for (const [value, more] of samples(source)) this.inc({ ...own, ...more }, value);
          }
        },
      });
    } else {
      new Gauge({
        ...common,
        collect() {
          this.reset();
          for (const [source, own] of sources) {
            for (const [value, more] of samples(source)) this.set({ ...own, ...more }, value);
          }
        },
      });
    }
  }
  return { labelNames: labelNames.join(), sources };
}

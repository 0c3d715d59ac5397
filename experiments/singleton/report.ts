/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The results of the singleton experiment as text and plots.

import type { Plot } from '../plots.js';
import { numberText, tableText } from '../report-text.js';
import { quantile, rising, sum } from '../statistics.js';
import { incidents, type Result } from './simulate.js';
import type { Period, Timeline } from './timeline.js';
import { nodes, variants, type Variant } from './variants.js';

/** How the results were obtained. */
export interface Method {
  readonly command: string;
  readonly seeds: number;
  readonly incidents: number;
  readonly settle: number;
}

type Kind = Period['kind'];

const titles: Record<Kind, string> = {
  two: 'two tasks or more at the same time',
  none: 'no task',
};

/** The report, in Markdown. */
export function reportText(results: readonly Result[], method: Method): string {
  return [
    '# Singletons: how long twice, how long not at all',
    `\`runSingleton\` runs a task on one member, by the opinion of each node. This page shows how long these opinions differ
when members crash, leave and lose each other. Everything runs in virtual time: production code, a simulated network.`,
    `\`\`\`\n${method.command}\n\`\`\``,
    methodText(results, method),
    '## All incidents',
    overviewText(results),
    '`Most` is the highest number of tasks that ran at the same time in any cluster.',
    '![Two tasks](singleton-two.svg)',
    '![No task](singleton-none.svg)',
    '## By incident',
    'Seconds for which, after an incident: median, 99th percentile and maximum over all incidents of its kind.',
    ...(['two', 'none'] as const).map(
      (kind) => `### ${capital(titles[kind])}\n\n${incidentText(results, kind)}`,
    ),
    '## What follows',
    conclusions,
  ].join('\n\n');
}

const conclusions = `- Without a lease, two tasks run in partitions, until the side without the majority has noticed that it is one, and hardly
  ever otherwise. A node that is isolated notices late, since it doubts itself first (Lifeguard's local health).
- With \`stopInMinority\` two tasks end as soon as the smaller side suspects too many members; \`minMembers\` in addition changes
  nothing here. Without it they run until the partition heals.
- With a lease two tasks never run. After a crash of the owner the lease must expire before another member starts.
- A crash costs the time of its detection and \`settle\`; a leave costs \`settle\` only.`;

function methodText(results: readonly Result[], { seeds, settle, ...method }: Method): string {
  const hours = sum(results.map(({ timelines }) => timelines.plain?.totalMs ?? 0)) / 3_600_000;
  return `${numberText(seeds)} clusters of ${nodes} nodes with the LAN preset and 1 % packet loss, ${method.incidents} incidents in each, one after the
other, 40 to 80 s apart; ${numberText(hours)} hours of virtual time. Incidents, all with the same probability:
${incidents.join(', ')}. A crashed member returns after 5 to 60 s (a quick restart: 0.2 to 2 s), a partition lasts for 10 to
120 s and separates one or two nodes. A task needs up to 200 ms to end when it is aborted. \`settle\` is ${numberText(settle)} ms, \`minMembers\` 2
unless stated otherwise. The store of the lease answers within 20 ms and is reachable for all nodes, and \`leaseTtl\` is 15 s.
All variants run in the same clusters at the same time.`;
}

function overviewText(results: readonly Result[]): string {
  const head = ['variant', 'two tasks', 'no task', 'periods with two', 'periods with none', 'most'];
  const rows = variants.map((variant) => {
    const timelines = timelinesOf(results, variant);
    const totalMs = sum(timelines.map((each) => each.totalMs));
    const share = (kind: Kind): string => {
      const ms = sum(periodsOf(timelines, kind).map((period) => period.ms));
      return `${numberText((100 * ms) / totalMs, 2)} % of the time`;
    };
    const count = (kind: Kind): string => numberText(periodsOf(timelines, kind).length);
    const most = Math.max(...timelines.map((each) => each.most));
    return [variant.title, share('two'), share('none'), count('two'), count('none'), most];
  });
  return tableText(head, rows);
}

function incidentText(results: readonly Result[], kind: Kind): string {
  const head = ['incident', ...variants.map(({ title }) => title)];
  const rows = incidents.map((incident) => {
    const cells = variants.map((variant) => {
      const after = timelinesOf(results, variant).flatMap((timeline) =>
        totalsAfter(timeline, kind, incident),
      );
      const sorted = rising(after);
      if (sorted.every((ms) => ms === 0)) return 'never';
      return [0.5, 0.99, 1].map((at) => seconds(quantile(sorted, at))).join(' / ');
    });
    return [incident, ...cells];
  });
  return tableText(head, rows);
}

/** For each incident of a kind in one cluster: for how long it lasted in total, until the next incident. */
function totalsAfter(
  { periods, incidents: all }: Timeline,
  kind: Kind,
  incident: string,
): number[] {
  return all.flatMap((name, i) => {
    if (name !== incident) return [];
    const own = periods.filter((period) => period.kind === kind && period.after === i);
    return [sum(own.map(({ ms }) => ms))];
  });
}

/** The durations of all periods of a kind, as a cumulative distribution. */
export function plotOf(results: readonly Result[], kind: Kind): Plot {
  const series = variants.flatMap((variant) => {
    const all = periodsOf(timelinesOf(results, variant), kind);
    const sorted = rising(all.map(({ ms }) => ms / 1_000));
    if (sorted.length === 0) return [];
    const points = quantilePoints(sorted);
    return [{ name: `${variant.title}: ${sorted.length}`, points, step: true }];
  });
  return {
    title: capital(titles[kind]),
    subtitle: 'Duration of each period in which this was so; the legend has their number',
    x: { label: 'seconds', log: true },
    y: { label: '% of the periods that were over', min: 0, max: 100 },
    series,
  };
}

/** At most two hundred points of a distribution. */
function quantilePoints(sorted: readonly number[]): [number, number][] {
  const count = Math.min(200, sorted.length);
  return Array.from({ length: count }, (_, i) => {
    const share = (i + 1) / count;
    return [quantile(sorted, share) ?? 0, 100 * share];
  });
}

function timelinesOf(results: readonly Result[], { name }: Variant): Timeline[] {
  return results.flatMap(({ timelines }) => timelines[name] ?? []);
}

function periodsOf(timelines: readonly Timeline[], kind: Kind): Period[] {
  return timelines.flatMap(({ periods }) => periods.filter((period) => period.kind === kind));
}

function seconds(ms: number | null): string {
  return ms === null ? '–' : numberText(ms / 1_000, 1);
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The result as text, tables and plots.

import type { Plot, Series } from '../plots.js';
import { curveOf, type Answer, type Moment, type Origin, type Reach } from './answer.js';
import type { Change, Question } from './options.js';
import type { Sample } from './simulate.js';

const originTexts: Record<Origin, string> = {
  change: 'since the change',
  suspicion: 'since the first suspicion',
  verdict: 'since the first failure event',
};

/** Milliseconds in a readable unit. */
export function timeText(ms: number | null): string {
  if (ms === null) return 'never';
  if (ms < 1_000) return `${ms.toFixed(0)} ms`;
  return ms < 100_000 ? `${(ms / 1_000).toFixed(2)} s` : `${(ms / 1_000).toFixed(0)} s`;
}

/** A fraction in percent; 99.96 % is not rounded to 100 %. */
export function shareText(share: number): string {
  if (share === 0 || share === 1) return `${100 * share} %`;
  const text = (100 * share).toPrecision(3);
  return Number(text) === 100 ? `${Math.floor(share * 1e5) / 1e3} %` : `${Number(text)} %`;
}

/** The question in a sentence. */
export function questionText({ nodes, loss, latency, settings, preset }: Question): string {
  const { gossipInterval, gossipNodes, retransmitMult, probeInterval } = settings;
  const { probeTimeout, suspicionMult, pushPullInterval } = settings;
  const every = (ms: number, what: string): string =>
    ms > 0 ? `${what} every ${ms} ms` : `no ${what}`;
  return [
    `${nodes} members, ${shareText(loss)} of packets lost, ${latency.min} to ${latency.max} ms one way (${preset});`,
    `${every(gossipInterval, 'gossip')} to ${gossipNodes}, each message ${retransmitMult} × ⌈log10(n + 1)⌉ times;`,
    `${every(probeInterval, 'a probe')}, timeout ${probeTimeout} ms, suspicion multiplier ${suspicionMult};`,
    `${every(pushPullInterval, 'a full exchange')}, stretched with the cluster.`,
  ].join('\n');
}

/** A table with aligned columns, as plain text or as Markdown. */
type Table = (head: readonly string[], rows: readonly (readonly string[])[]) => string;

const plainTable: Table = (head, rows) => {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) => row.map((cell, column) => cell.padStart(widths[column] ?? 0)).join('   '))
    .join('\n');
};

const markdownTable: Table = (head, rows) =>
  [head, head.map(() => '---:'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

/** A result as text. */
export function answerText(answer: Answer, style: 'plain' | 'markdown'): string {
  const { what, seeds, firstSuspicion, firstVerdict } = answer;
  const isMarkdown = style === 'markdown';
  const title = what === 'update' ? 'An update' : 'A failure';
  const parts = [`${isMarkdown ? '## ' : ''}${title}, ${seeds} seeds`];
  if (firstSuspicion && firstVerdict) {
    parts.push(
      `Until the first suspicion: ${rangeText(firstSuspicion)}.\n` +
        `Until the first node declared it failed: ${rangeText(firstVerdict)}.`,
    );
  }
  const table = isMarkdown ? markdownTable : plainTable;
  for (const [origin, reaches] of Object.entries(answer.reaches)) {
    parts.push(table(headOf(origin as Origin), reaches.map(rowOf)));
  }
  parts.push(gossipText(answer));
  return parts.filter((part) => part !== '').join('\n\n');
}

function headOf(origin: Origin): string[] {
  return [`members that know, ${originTexts[origin]}`, 'median', 'fastest seed', 'slowest seed'];
}

function rowOf({ share, medianMs, fastestMs, slowestMs, missed }: Reach): string[] {
  const slowest = timeText(slowestMs) + (missed > 0 ? ` (in ${missed} seeds)` : '');
  return [shareText(share), timeText(medianMs), timeText(fastestMs), slowest];
}

function rangeText({ medianMs, fastestMs, slowestMs }: Reach): string {
  return `${timeText(medianMs)} (${timeText(fastestMs)} to ${timeText(slowestMs)})`;
}

/** Whether gossip alone was sufficient. */
export function gossipText({ gossip, seeds }: Answer): string {
  if (gossip === undefined) return '';
  const { complete, reached, exchangeMs } = gossip;
  if (complete === seeds) {
    return `Gossip alone, including messages piggybacked on probes, reached all members in all ${seeds} seeds.`;
  }
  const rest =
    exchangeMs > 0
      ? `Full exchanges, one per member every ${timeText(exchangeMs)}, informed the rest.`
      : 'There are no full exchanges that could inform the rest.';
  return (
    `Gossip alone, including messages piggybacked on probes, reached all members in ${complete} of ${seeds} seeds ` +
    `and ${shareText(reached)} of all members, before it ended.\n${rest}`
  );
}

/** The plot of one kind of change. */
export function plotOf(question: Question, what: Change, samples: readonly Sample[]): Plot {
  const own = samples.filter((sample) => sample.what === what);
  const origins: Origin[] = what === 'update' ? ['change'] : ['change', 'suspicion', 'verdict'];
  const { nodes, loss, seeds } = question;
  return {
    title: `${what === 'update' ? 'An update' : 'A failure'} in a cluster of ${nodes}`,
    subtitle: `${shareText(loss)} of packets lost; the median of ${seeds} seeds, and a band from the slowest to the fastest`,
    x: { label: 'seconds', min: 0 },
    y: { label: 'fraction of members that know', min: 0, max: 1 },
    series: origins.map((origin) => seriesOf(origin, curveOf(question, own, origin))),
  };
}

function seriesOf(origin: Origin, moments: readonly Moment[]): Series {
  return {
    name: originTexts[origin],
    points: moments.map(({ ms, median }) => [ms / 1_000, median]),
    band: moments.map(({ ms, least, most }) => [ms / 1_000, least, most]),
  };
}

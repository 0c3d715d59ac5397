/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The report as text. Every number in it comes from the runs or from the paper.

import { intervalCells, thresholdCells } from './cells.js';
import { configurationNames } from './configurations.js';
import { type Freeze, freezeText, type OtherRuns, otherRunsText } from './report-extras.js';
import { isWhole, judge, sizeText } from './report-marks.js';
import { howItWasMade, whatIsWhat } from './report-method.js';
import { type Picture, rulesOf } from './report-plots.js';
import {
  detectableNodes,
  type PublishedQuantiles,
  publishedFigures,
  publishedSwim,
  titles,
} from './report-published.js';
import type { Quantiles, Summary } from './report-summary.js';
import {
  countOf,
  estimateText,
  nothing,
  numberText,
  percentText,
  tableText,
} from '../report-text.js';

/** What a report is made of. */
export interface Report {
  /** Runs in the file, all settings together. */
  readonly runs: number;
  readonly cpuHours: number;
  readonly summaries: readonly Summary[];
  readonly freezes: readonly Freeze[];
  readonly others: readonly OtherRuns[];
  readonly pictures: ReadonlyMap<Summary, readonly Picture[]>;
}

/** Writes the report, in Markdown. */
export function reportText(report: Report): string {
  const { summaries, pictures, freezes, others } = report;
  return [
    '# Lifeguard, reproduced',
    'Made by `npm run sim:lifeguard` from the runs of this repository; not to be edited. The ' +
      "paper's figures are those of Dadgar, Phillips and Currey, arXiv 1707.00788 v2. Percentages " +
      'are of SWIM in the same simulator on the same seeds. In brackets stands the 95 % interval.',
    '## In short',
    summaries.map(inShort).join('\n\n'),
    '## The marks',
    marksText(summaries),
    ...summaries.flatMap((summary) => variantText(summary, pictures.get(summary) ?? [])),
    '## What is what',
    whatIsWhat,
    '## Frozen nodes',
    'An extra, ours: the event loop of the chosen nodes stalls, timers included, with and without ' +
      'the rule by which a node minds its own stalls.',
    freezeText(freezes),
    '## Other settings',
    'Runs that are in no table above: plain sums, whatever seeds there are.',
    otherRunsText(others),
    '## How it was made',
    howItWasMade(report),
    completenessText(summaries),
  ].join('\n\n');
}

function inShort(summary: Summary): string {
  const [baseline] = judge(summary);
  const { swim, lifeguard } = summary.figures;
  const rules = capitalised(rulesOf[summary.variant]);
  if (summary.intervalRuns === 0) return `**${rules}**: no complete Interval cell yet.`;
  const size = isWhole(summary) ? 'the whole grid' : 'a random sample of the grid';
  const verdict = {
    met: 'The baseline misbehaves as it must.',
    'not met':
      '**The baseline does not misbehave as it must, so that the ratios of false positives prove ' +
      'nothing: the experiment fails.**',
    'not enough data': 'Whether the baseline misbehaves as it must is not decided yet.',
  }[baseline.verdict];
  return (
    `**${rules}**, ${sizeText(summary)} (${size}): SWIM raised ` +
    `${numberText(swim.falsePositives)} FP, ${estimateText(swim.perRun)} a run, where the paper ` +
    `had ${numberText(publishedSwim.falsePositives / publishedSwim.runs, 1)}. ${verdict} Lifeguard ` +
    `raised ${numberText(lifeguard.falsePositives)}, ` +
    `${estimateText(lifeguard.falsePositivesPercent)} % of SWIM's; the paper had ` +
    `${publishedFigures.lifeguard.falsePositivesPercent} %.`
  );
}

function marksText(summaries: readonly Summary[]): string {
  const columns = summaries.map((summary) => ({ summary, marks: judge(summary) }));
  const first = columns[0]?.marks ?? [];
  const head = ['mark', 'published', ...columns.map(({ summary }) => rulesOf[summary.variant])];
  const areVoid = columns.some(({ marks }) => marks.some(({ isVoid }) => isVoid));
  const note = areVoid ? '\n\nVoid: a ratio to a baseline that does not misbehave.' : '';
  const rows = first.map(({ name, published }, index) => [
    name,
    published,
    ...columns.map(({ marks }) => {
      const mark = marks[index];
      if (mark === undefined) return nothing;
      return `**${mark.verdict}**${mark.isVoid ? ' (void)' : ''}: ${mark.measured}`;
    }),
  ]);
  return tableText(head, rows) + note;
}

function variantText(summary: Summary, pictures: readonly Picture[]): string[] {
  const shown = pictures.filter(({ svg }) => svg !== undefined);
  return [
    `## ${capitalised(rulesOf[summary.variant])}`,
    '### False positives and load',
    `Interval runs: ${sizeText(summary)}, each in all five configurations.`,
    falsePositivesTable(summary),
    '### Detection of the anomalous nodes',
    `Threshold runs: ${countOf(summary.thresholdRuns, 'run')} in ${summary.thresholdCells} of ` +
      `${thresholdCells.length} cells, each in all five configurations. Seconds since the anomaly ` +
      'began; only anomalous nodes that a healthy node found out, and for full dissemination only ' +
      'those that all healthy nodes came to hold for failed. Under the measured times stand the ' +
      `published ones. The whole grid has ${detectableNodes} nodes a repetition whose anomaly ` +
      'lasts 16 s or more. Of fewer than 100 times there is no 99 % here, of fewer than 1,000 no ' +
      '99.9 %.',
    detectionTable(summary),
    ...shown.map(({ file, caption }) => `![${caption}](${file})`),
  ];
}

function falsePositivesTable({ figures }: Summary): string {
  const head = ['configuration', 'FP', 'FP a run', 'FP %', 'published', 'FP−', 'FP− %'];
  const more = ['published', 'messages %', 'published', 'bytes %', 'published'];
  return tableText(
    [...head, ...more],
    configurationNames.map((name) => {
      const of = figures[name];
      const published = publishedFigures[name];
      return [
        titles[name],
        numberText(of.falsePositives),
        estimateText(of.perRun),
        percentText(of, 'falsePositivesPercent'),
        numberText(published.falsePositivesPercent, 2),
        numberText(of.falsePositivesAtHealthy),
        percentText(of, 'falsePositivesAtHealthyPercent'),
        numberText(published.falsePositivesAtHealthyPercent, 2),
        percentText(of, 'messagesPercent'),
        numberText(published.messagesPercent, 2),
        percentText(of, 'bytesPercent'),
        numberText(published.bytesPercent, 2),
      ];
    }),
  );
}

function detectionTable({ figures }: Summary): string {
  const head = ['configuration', 'found out', 'first: median', '99 %', '99.9 %', 'all knew'];
  const more = ['full: median', '99 %', '99.9 %', 'full − first: median', '99 %', 'FP', 'FP−'];
  return tableText(
    [...head, ...more],
    configurationNames.flatMap((name) => {
      const { detections, falsePositives, falsePositivesAtHealthy } = figures[name].threshold;
      const { first, full } = publishedFigures[name];
      const { count, fullCount, spread } = detections;
      const measured = [
        ...[titles[name], numberText(count), ...timesText(detections.first)],
        ...[numberText(fullCount), ...timesText(detections.full)],
        ...timesText(spread).slice(0, 2),
        ...[numberText(falsePositives), numberText(falsePositivesAtHealthy)],
      ];
      const difference = numberText(full.median - first.median, 2);
      const published = ['_published_', '', ...publishedText(first), '', ...publishedText(full)];
      return [measured, [...published, difference, '', '', '']];
    }),
  );
}

function timesText({ median, p99, p999 }: Quantiles): string[] {
  return [estimateText(median), numberText(p99, 2), numberText(p999, 2)];
}

function publishedText({ median, p99, p999 }: PublishedQuantiles): string[] {
  return [median, p99, p999].map((time) => numberText(time, 2));
}

function completenessText(summaries: readonly Summary[]): string {
  const rows = summaries.flatMap(({ variant, repetitions }) =>
    repetitions.map(({ repetition, interval, threshold, leftOut }) => [
      rulesOf[variant],
      `#${repetition}`,
      `${interval} of ${intervalCells.length}`,
      `${threshold} of ${thresholdCells.length}`,
      leftOut,
    ]),
  );
  const head = ['rules', 'repetition', 'Interval cells', 'Threshold cells', 'complete, left out'];
  return tableText(head, rows);
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The figures of one variant: counts, ratios to the SWIM runs of the same seeds, and times.

import {
  type Estimate,
  quantile,
  quantileOfAll,
  ratioOfSums,
  rising,
  type Share,
  sum,
} from '../statistics.js';
import { concurrencies } from './cells.js';
import { type Configuration, configurationNames, type Variant } from './configurations.js';
import { nameOf, type Paired, type RepetitionState, type Selection } from './report-select.js';
import type { Detection, RunResult } from './run.js';

/** Quantiles in seconds; null if there are too few times. */
export interface Quantiles {
  readonly median: Estimate;
  readonly p99: number | null;
  readonly p999: number | null;
}

/** How anomalous nodes were detected, in the Threshold runs. */
export interface Detections {
  /** Anomalous nodes that at least one healthy node detected. */
  readonly count: number;
  /** Those of them that all healthy nodes declared failed. */
  readonly fullCount: number;
  readonly first: Quantiles;
  readonly full: Quantiles;
  /** From the first to the last healthy node, of the same anomalous node. */
  readonly spread: Quantiles;
}

/** False positives at one concurrency. */
export interface AtConcurrency {
  readonly concurrency: number;
  readonly runs: number;
  readonly falsePositives: number;
  readonly falsePositivesAtHealthy: number;
  readonly perRun: Estimate;
  readonly atHealthyPerRun: Estimate;
}

/** The results of one configuration. Percentages are relative to SWIM with the same seeds. */
export interface Figures {
  readonly configuration: Configuration;
  /** In the Interval runs, like all fields except `threshold`. */
  readonly falsePositives: number;
  readonly falsePositivesAtHealthy: number;
  readonly perRun: Estimate;
  readonly atHealthyPerRun: Estimate;
  readonly falsePositivesPercent: Estimate;
  readonly falsePositivesAtHealthyPercent: Estimate;
  readonly messagesPercent: Estimate;
  readonly bytesPercent: Estimate;
  readonly messages: number;
  readonly bytes: number;
  readonly byConcurrency: readonly AtConcurrency[];
  readonly threshold: {
    readonly falsePositives: number;
    readonly falsePositivesAtHealthy: number;
    readonly notRecovered: number;
    readonly detections: Detections;
  };
}

/** All figures of a variant. */
export interface Summary {
  readonly variant: Variant;
  readonly intervalRuns: number;
  readonly intervalCells: number;
  readonly thresholdRuns: number;
  readonly thresholdCells: number;
  readonly repetitions: readonly RepetitionState[];
  readonly figures: Readonly<Record<Configuration, Figures>>;
}

/** Calculates the figures of a variant. */
export function summarize(selection: Selection): Summary {
  const { variant, interval, threshold, repetitions } = selection;
  return {
    variant,
    intervalRuns: interval.length,
    intervalCells: cellsOf(interval).length,
    thresholdRuns: threshold.length,
    thresholdCells: cellsOf(threshold).length,
    repetitions,
    figures: Object.fromEntries(
      configurationNames.map((name) => [name, figuresOf(selection, name)]),
    ) as Record<Configuration, Figures>,
  };
}

/** Seconds until anomalous nodes were first detected, and until all healthy nodes knew; sorted. */
export function detectionTimes(
  { threshold }: Selection,
  configuration: Configuration,
): { first: number[]; full: number[] } {
  const detections = threshold.flatMap(({ results }) => results[configuration].detections);
  return {
    first: rising(detections.map(({ firstMs }) => firstMs / 1_000)),
    full: rising(detections.flatMap(fullSeconds)),
  };
}

type Measure = (result: RunResult) => number;
const falsePositives: Measure = (result) => result.falsePositives;
const atHealthy: Measure = (result) => result.falsePositivesAtHealthy;
const messages: Measure = (result) => result.messages;
const bytes: Measure = (result) => result.bytes;

function figuresOf(selection: Selection, configuration: Configuration): Figures {
  const { interval, threshold } = selection;
  const total = (pairs: readonly Paired[], measure: Measure): number =>
    sum(pairs.map(({ results }) => measure(results[configuration])));
  const cells = cellsOf(interval);
  const percentOfSwim = (measure: Measure): Estimate =>
    ratio(
      cells,
      (pairs) => [
        100 * total(pairs, measure),
        sum(pairs.map(({ results }) => measure(results.swim))),
      ],
      100,
    );
  const perRun = (of: readonly (readonly Paired[])[], measure: Measure): Estimate =>
    ratio(of, (pairs) => [total(pairs, measure), pairs.length], 1);
  return {
    configuration,
    falsePositives: total(interval, falsePositives),
    falsePositivesAtHealthy: total(interval, atHealthy),
    perRun: perRun(cells, falsePositives),
    atHealthyPerRun: perRun(cells, atHealthy),
    falsePositivesPercent: percentOfSwim(falsePositives),
    falsePositivesAtHealthyPercent: percentOfSwim(atHealthy),
    messagesPercent: percentOfSwim(messages),
    bytesPercent: percentOfSwim(bytes),
    messages: total(interval, messages),
    bytes: total(interval, bytes),
    byConcurrency: concurrencies.map((concurrency) => {
      const pairs = interval.filter(({ cell }) => cell.concurrency === concurrency);
      return {
        concurrency,
        runs: pairs.length,
        falsePositives: total(pairs, falsePositives),
        falsePositivesAtHealthy: total(pairs, atHealthy),
        perRun: perRun(cellsOf(pairs), falsePositives),
        atHealthyPerRun: perRun(cellsOf(pairs), atHealthy),
      };
    }),
    threshold: {
      falsePositives: total(threshold, falsePositives),
      falsePositivesAtHealthy: total(threshold, atHealthy),
      notRecovered: total(threshold, ({ recovered }) => (recovered === false ? 1 : 0)),
      detections: detectionsOf(threshold, configuration),
    },
  };
}

function detectionsOf(threshold: readonly Paired[], configuration: Configuration): Detections {
  const clusters = cellsOf(threshold).map((pairs) =>
    pairs.flatMap(({ results }) => results[configuration].detections),
  );
  const times = (of: (detection: Detection) => number[]): number[][] =>
    clusters.map((detections) => detections.flatMap(of));
  const full = times(fullSeconds);
  return {
    count: clusters.flat().length,
    fullCount: full.flat().length,
    first: quantilesOf(times(({ firstMs }) => [firstMs / 1_000])),
    full: quantilesOf(full),
    spread: quantilesOf(
      times((detection) => fullSeconds(detection).map((time) => time - detection.firstMs / 1_000)),
    ),
  };
}

function fullSeconds({ fullMs }: Detection): number[] {
  return fullMs === null ? [] : [fullMs / 1_000];
}

/** With fewer than a hundred times the 99 % quantile would be the maximum; likewise 99.9 % with fewer than a thousand. */
function quantilesOf(clusters: readonly (readonly number[])[]): Quantiles {
  const sorted = rising(clusters.flat());
  return {
    median: quantileOfAll(
      clusters.filter((values) => values.length > 0),
      0.5,
      { seed: 'lifeguard report: times' },
    ),
    p99: sorted.length < 100 ? null : quantile(sorted, 0.99),
    p999: sorted.length < 1_000 ? null : quantile(sorted, 0.999),
  };
}

/** Runs by cell: the clusters of the bootstrap. */
function cellsOf(pairs: readonly Paired[]): Paired[][] {
  const cells = new Map<string, Paired[]>();
  for (const each of pairs) {
    const name = nameOf(each.cell);
    const cell = cells.get(name);
    if (cell === undefined) cells.set(name, [each]);
    else cell.push(each);
  }
  return [...cells.values()];
}

function ratio(
  cells: readonly (readonly Paired[])[],
  share: (pairs: readonly Paired[]) => Share,
  perEvent: number,
): Estimate {
  return ratioOfSums(cells.map(share), { seed: 'lifeguard report', perEvent });
}

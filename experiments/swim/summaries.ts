/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The combined results of the runs of one kind, compared with the paper.

import { quantileOfAll, rising, sum, type Estimate } from '../statistics.js';
import type { Crash, Phases } from './detection.js';
import { deviateOfNine, lineThrough, meanOf, shareOf, type Line } from './estimates.js';
import {
  allOf,
  contains,
  expectedDetection,
  expectedLoad,
  expectedPeriods,
  expectedWait,
  falseProbeProbability,
  longestWait,
  type Verdict,
  within,
} from './expected.js';
import type { Load } from './load.js';
import type { ResultOf } from './tasks.js';

/** The load in clusters of one size. */
export interface LoadSummary extends Load {
  readonly nodes: number;
  readonly periods: number;
  readonly verdict: Verdict;
}

/** Crashes in clusters of one size with one kind of phases. */
export interface DetectionSummary {
  readonly nodes: number;
  readonly phases: Phases;
  readonly seeds: number;
  /** Periods started up to the first ping: common ones in lock-step, or whole ones since the crash. */
  readonly periods: Estimate;
  /** The expected number of periods in a cluster of this size. */
  readonly expectedPeriods: number;
  readonly expectedWait: number;
  readonly wait: Estimate;
  readonly detection: Estimate;
  /** The number of first pings in the first period, the second … */
  readonly byPeriod: readonly number[];
  readonly waits: readonly number[];
  readonly verdict: Verdict;
}

/** The time of the slowest observers. */
export interface WorstCaseSummary {
  readonly nodes: number;
  /** Crashes, and observers that were waited for; or the observed periods of an idle cluster. */
  readonly watched: string;
  readonly longest: number;
  readonly bound: number;
  readonly verdict: Verdict;
}

/** Failed probes at one loss with one number of helpers. */
export interface FalseProbesSummary {
  readonly lossPercent: number;
  readonly helpers: number;
  readonly rounds: number;
  readonly failed: number;
  readonly share: Estimate;
  /** All nine of these contain the true fractions with 95 % confidence. */
  readonly jointInterval: { readonly low: number | null; readonly high: number | null };
  readonly expected: number;
  /** Rounds that needed help, and the formula's value without helpers. */
  readonly unansweredDirectly: Estimate;
  readonly expectedDirectly: number;
  /** Helpers asked in each such round. */
  readonly helpersAsked: number | null;
  readonly verdict: Verdict;
}

/** Updates in clusters of one size. Times are periods. */
export interface InfectionSummary {
  readonly nodes: number;
  readonly updates: number;
  /** When half of the others knew. */
  readonly median: Estimate;
  /** When the last of them knew, mean over the updates that reached all. */
  readonly last: Estimate;
  /** Updates that reached all. */
  readonly complete: number;
  /** The share of all members that were reached. */
  readonly reached: number;
  /** After each tenth of a period: the share that knew, mean over the updates. */
  readonly curve: readonly (readonly [periods: number, share: number])[];
}

/** Summarizes one run. */
export function summarizeLoad({ task, measured }: ResultOf<'load'>): LoadSummary {
  const { nodes, periods } = task;
  const { sent, received, others } = measured;
  const onlyProbes = within(others, { low: 0, high: 0 });
  const verdict = allOf([within(sent, expectedLoad), within(received, expectedLoad), onlyProbes]);
  return { nodes, periods, ...measured, verdict };
}

function crashesOf(results: readonly ResultOf<'detection'>[]): Crash[] {
  return results.flatMap(({ measured }) => measured);
}

/** Summarizes the crashes in clusters of one size with one kind of phases. */
export function summarizeDetection(results: readonly ResultOf<'detection'>[]): DetectionSummary {
  const { nodes, phases } = (results[0] as ResultOf<'detection'>).task;
  const crashes = crashesOf(results);
  const isLockStep = phases === 'lock-step';
  // Without common periods, the periods since the crash count.
  const counts = crashes.map(({ periods, wait }) => (isLockStep ? periods : Math.ceil(wait)));
  const periods = meanOf(counts);
  const wait = meanOf(crashes.map((crash) => crash.wait));
  const detection = meanOf(crashes.map((crash) => crash.detection));
  const expected = expectedDetection;
  const verdict = isLockStep
    ? within(periods.value, expected.periods)
    : allOf([within(wait.value, expected.wait), within(detection.value, expected.detection)]);
  return {
    nodes,
    phases,
    seeds: crashes.length,
    periods,
    expectedPeriods: expectedPeriods(nodes),
    expectedWait: expectedWait(nodes),
    wait,
    detection,
    byPeriod: Array.from(
      { length: Math.max(...counts) },
      (_, before) => counts.filter((count) => count === before + 1).length,
    ),
    waits: rising(crashes.map((crash) => crash.wait)),
    verdict,
  };
}

/** The slowest observer of those crashes that were observed until the last one. */
export function worstOfCrashes(results: readonly ResultOf<'detection'>[]): WorstCaseSummary[] {
  const { nodes } = (results[0] as ResultOf<'detection'>).task;
  const rounds = crashesOf(results).flatMap(({ lastRounds }) => lastRounds ?? []);
  if (rounds.length === 0) return [];
  const longest = Math.max(...rounds);
  const bound = longestWait(nodes);
  const watched = `${rounds.length} crashes, ${rounds.length * (nodes - 1)} observers`;
  return [{ nodes, watched, longest, bound, verdict: within(longest, { low: 1, high: bound }) }];
}

/** The longest time without a probe in an idle cluster. */
export function worstOfGaps({
  nodes,
  periods,
  longestGap: longest,
}: LoadSummary): WorstCaseSummary {
  const bound = longestWait(nodes);
  const watched = `${periods} quiet periods, ${nodes * (nodes - 1)} pairs`;
  return { nodes, watched, longest, bound, verdict: within(longest, { low: 1, high: bound }) };
}

/** Summarizes the runs of one loss with one number of helpers. */
export function summarizeFalseProbes(
  results: readonly ResultOf<'false-probes'>[],
): FalseProbesSummary {
  const { lossPercent, helpers } = (results[0] as ResultOf<'false-probes'>).task;
  const total = (field: 'rounds' | 'failed' | 'requests' | 'unansweredDirectly'): number =>
    sum(results.map(({ measured }) => measured[field]));
  const [rounds, failed, direct] = [total('rounds'), total('failed'), total('unansweredDirectly')];
  const expected = falseProbeProbability(lossPercent / 100, helpers);
  const joint = shareOf(failed, rounds, deviateOfNine);
  return {
    lossPercent,
    helpers,
    rounds,
    failed,
    share: shareOf(failed, rounds),
    jointInterval: { low: joint.low, high: joint.high },
    expected,
    unansweredDirectly: shareOf(direct, rounds),
    expectedDirectly: falseProbeProbability(lossPercent / 100, 0),
    helpersAsked: direct === 0 ? null : total('requests') / direct,
    verdict: contains(joint, expected),
  };
}

/** Summarizes the updates in clusters of one size. */
export function summarizeInfection(results: readonly ResultOf<'infection'>[]): InfectionSummary {
  const { nodes } = (results[0] as ResultOf<'infection'>).task;
  const infections = results.flatMap(({ measured }) => measured);
  const others = nodes - 1;
  const complete = infections.filter(({ length }) => length === others);
  // Members that an update never reached count as reached after all others.
  const padded = infections.map((times) => [
    ...times,
    ...new Array<number>(others - times.length).fill(Infinity),
  ]);
  const known = sum(infections.map(({ length }) => length));
  return {
    nodes,
    updates: infections.length,
    median: quantileOfAll(padded, 0.5, { seed: `swim infection n${nodes}`, resamples: 1_000 }),
    last: meanOf(complete.map((times) => times.at(-1) ?? NaN)),
    complete: complete.length,
    reached: known / (others * infections.length),
    curve: curveOf(infections, others),
  };
}

/** The mean of the fractions that know, until no further member learns of it. */
function curveOf(
  infections: readonly (readonly number[])[],
  others: number,
): (readonly [number, number])[] {
  const times = rising(infections.flat());
  const all = others * infections.length;
  const steps = Math.ceil((times.at(-1) ?? 0) * 10);
  return Array.from({ length: steps + 1 }, (_, step) => {
    const periods = step / 10;
    return [periods, times.filter((time) => time <= periods).length / all] as const;
  });
}

/** The line through a figure against ln n. */
export function lineOf(
  sizes: readonly InfectionSummary[],
  figure: 'median' | 'last',
): Line | undefined {
  const points = sizes.flatMap(({ nodes, [figure]: { value } }) =>
    value === null ? [] : [[Math.log(nodes), value] as const],
  );
  return lineThrough(points);
}

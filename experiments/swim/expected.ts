/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The expectations of the paper, and their tolerances. All of them were fixed before the runs.

import type { Estimate } from '../statistics.js';

/** The result of a claim; `open` if there is too little data. */
export type Verdict = 'met' | 'not met' | 'open';

/** From `low` to `high`, ends included. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

const around = (value: number, tolerance: number): Range => ({
  low: value - tolerance,
  high: value + tolerance,
});

/** Messages that a member sends, and receives, per period: a ping and an ack of each. */
export const expectedLoad = around(2, 0.02);

/** In periods; all three use the tolerance of the first. */
export const expectedDetection = {
  /** Lock-step periods up to the one with the first ping: e/(e − 1) = 1.58. */
  periods: around(Math.E / (Math.E - 1), 0.05),
  wait: around(1, 0.05),
  detection: around(2, 0.05),
} as const;
export const seedsForVerdict = 2_000;

/** Approaches e/(e − 1) in a large cluster: one observer in n − 1 picks the target. */
export function expectedPeriods(nodes: number): number {
  return 1 / (1 - (1 - 1 / (nodes - 1)) ** (nodes - 1));
}

/**
 * Approaches one period in a large cluster: with random phases, each of n − 1 observers leaves the target unprobed for
 * t periods with probability 1 − t/(n − 1). (An observer that probes it late in one pass and early in the next changes
 * almost nothing.)
 */
export function expectedWait(nodes: number): number {
  return (nodes - 1) / nodes;
}

/** The fraction of crashes whose first ping is in the given lock-step period, counted from 1. */
export function shareOfPeriod(period: number): number {
  return Math.exp(1 - period) * (1 - 1 / Math.E);
}

/** The maximum number of its own rounds until an observer probes a member. */
export function longestWait(nodes: number): number {
  return 2 * nodes - 1;
}

/**
 * The probability that a probe of a healthy member fails because of lost packets: the ping or the ack, and for
 * each helper one of its four packets.
 *
 * @param loss - the fraction of packets that are lost, 0 to 1
 */
export function falseProbeProbability(loss: number, helpers: number): number {
  const kept = 1 - loss;
  return (1 - kept ** 2) * (1 - kept ** 4) ** helpers;
}

/** R² of the median infection time as a linear function of ln n. */
export const leastLinearity = 0.95;
/** The paper's median infection times in groups of up to `nodes` members, periods. */
export const paperInfection = { nodes: 56, range: { low: 1, high: 3 } } as const;

/** Whether a figure is in its expected range; open if there is none. */
export function within(value: number | null | undefined, { low, high }: Range): Verdict {
  if (value === null || value === undefined) return 'open';
  return value >= low && value <= high ? 'met' : 'not met';
}

/** Whether an interval contains a value. */
export function contains({ low, high }: Estimate, value: number): Verdict {
  if (low === null || high === null) return 'open';
  return within(value, { low, high });
}

/** Met if all are met, not met if any is not; otherwise open. */
export function allOf(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes('not met')) return 'not met';
  return verdicts.length === 0 || verdicts.includes('open') ? 'open' : 'met';
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Selects the runs that count. Ratios are paired: of a seed either all configurations count or none. An incomplete
// repetition of a part (Threshold or Interval) counts only up to the first incomplete cell in the fixed random
// order: cells that were requested manually, or that finished early because they are short, would bias the
// sample.

import type { Store } from '../store.js';
import {
  type Anomaly,
  type Cell,
  cellsInSamplingOrder,
  keyOf,
  type Part,
  parts,
  type Run,
} from './cells.js';
import {
  canonicalVariant,
  type Configuration,
  configurationNames,
  type Variant,
} from './configurations.js';
import type { RunResult } from './run.js';

/** The common settings of all runs in a table. */
export interface Setting {
  readonly anomaly: Anomaly;
  readonly noStallRule: boolean;
  readonly alpha: number;
  readonly beta: number;
  readonly nodes: number;
}

/** The setting of the paper. */
export const publishedSetting: Setting = {
  anomaly: 'block',
  noStallRule: false,
  alpha: 5,
  beta: 6,
  nodes: 128,
};

/** The runs of one seed. */
export interface Paired {
  readonly cell: Cell;
  readonly seed: string;
  readonly results: Readonly<Record<Configuration, RunResult>>;
}

/** The progress of a repetition: complete cells that count, and those after a gap, which do not. */
export interface RepetitionState {
  readonly repetition: number;
  readonly interval: number;
  readonly threshold: number;
  readonly leftOut: number;
}

/** The runs of one variant that count. */
export interface Selection {
  readonly setting: Setting;
  readonly variant: Variant;
  readonly interval: readonly Paired[];
  readonly threshold: readonly Paired[];
  readonly repetitions: readonly RepetitionState[];
}

/** The setting of a run. */
export function settingOf(run: Omit<Run, keyof Cell>): Setting {
  const { anomaly, noStallRule = false, alpha, beta, nodes } = run;
  return { anomaly, noStallRule, alpha, beta, nodes };
}

/** Whether two settings are the same. */
export function isSame(one: Setting, other: Setting): boolean {
  const names = Object.keys(publishedSetting) as (keyof Setting)[];
  return names.every((name) => one[name] === other[name]);
}

/** Selects the runs of a setting and a variant that count. */
export function select(store: Store<RunResult>, setting: Setting, variant: Variant): Selection {
  const present = store.all().filter(({ run }) => isSame(settingOf(run), setting));
  const numbers = [...new Set(present.map(({ run }) => run.repetition))].sort((a, b) => a - b);
  const counted: Record<Part, Paired[]> = { threshold: [], interval: [] };
  const repetitions = numbers.map((repetition) => {
    const state = { repetition, interval: 0, threshold: 0, leftOut: 0 };
    for (const part of parts) {
      const cells = cellsInSamplingOrder(part);
      const pairs = cells.map((cell) => pair(store, setting, variant, cell, repetition));
      const gap = pairs.findIndex((each) => each === undefined);
      const complete = pairs.filter((each) => each !== undefined);
      const before = complete.slice(0, gap < 0 ? complete.length : gap);
      counted[part].push(...before);
      state[part] = before.length;
      state.leftOut += complete.length - before.length;
    }
    return state;
  });
  return { setting, variant, ...counted, repetitions };
}

/** The common part of two selections: the runs with the same seeds. */
export function common(one: Selection, other: Selection): [Selection, Selection] {
  return [within(one, other), within(other, one)];
}

/** The name of a cell, without the repetition. */
export function nameOf({ concurrency, durationMs, intervalMs }: Cell): string {
  return [concurrency, durationMs, intervalMs ?? 'threshold'].join(',');
}

function within(selection: Selection, other: Selection): Selection {
  const seeds = new Set([...other.interval, ...other.threshold].map(({ seed }) => seed));
  const isShared = ({ seed }: Paired): boolean => seeds.has(seed);
  const { interval, threshold } = selection;
  return {
    ...selection,
    interval: interval.filter(isShared),
    threshold: threshold.filter(isShared),
  };
}

/** The runs of a seed; undefined if one is missing. */
function pair(
  store: Store<RunResult>,
  setting: Setting,
  variant: Variant,
  cell: Cell,
  repetition: number,
): Paired | undefined {
  const results: Partial<Record<Configuration, RunResult>> = {};
  for (const configuration of configurationNames) {
    const tuning = { ...setting, configuration, variant };
    const run = { ...cell, ...tuning, variant: canonicalVariant(tuning), repetition };
    const result = store.get(keyOf(run));
    if (result === undefined) return undefined;
    results[configuration] = result;
  }
  const all = results as Record<Configuration, RunResult>;
  return { cell, seed: all.swim.seed, results: all };
}

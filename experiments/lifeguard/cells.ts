/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The runs: the cells of the paper's two experiments, and the order in which a repetition processes them.

import { SeededRandom } from '../../src/testing/index.js';
import {
  canonicalVariant,
  configurationNames,
  type Tuning,
  type Variant,
} from './configurations.js';

/**
 * How anomalous nodes misbehave. Sends and receives are delayed, and
 * - `block`: the sender waits, as in the paper's processes;
 * - `queue`: the sender does not wait, so probes and gossip continue and their packets queue up.
 * `freeze`: the event loop stalls, including timers.
 */
export type Anomaly = (typeof anomalies)[number];
export const anomalies = ['block', 'queue', 'freeze'] as const;

/** One cell of a grid. Times are milliseconds. */
export interface Cell {
  /** The number of anomalous nodes. */
  readonly concurrency: number;
  /** The duration of an anomaly. */
  readonly durationMs: number;
  /** The normal time between two anomalies; undefined in a Threshold run. */
  readonly intervalMs?: number | undefined;
}

/** One run. */
export interface Run extends Tuning, Cell {
  readonly anomaly: Anomaly;
  /** The number of nodes. */
  readonly nodes: number;
  readonly repetition: number;
}

export const concurrencies = [1, 4, 8, 12, 16, 20, 24, 28, 32] as const;
export const durationsMs = [128, 512, 2_048, 8_192, 16_384, 32_768] as const;
export const intervalsMs = [1, 4, 16, 64, 256, 1_024, 4_096, 16_384] as const;

/** The 54 cells of the Threshold experiment. */
export const thresholdCells: readonly Cell[] = concurrencies.flatMap((concurrency) =>
  durationsMs.map((durationMs) => ({ concurrency, durationMs })),
);

/** The 432 cells of the Interval experiment. */
export const intervalCells: readonly Cell[] = thresholdCells.flatMap((cell) =>
  intervalsMs.map((intervalMs) => ({ ...cell, intervalMs })),
);

/** Determines the cluster, its randomness and the anomalous nodes: the same in all configurations. */
export function seedOf(run: Run): string {
  const { nodes, concurrency, durationMs, intervalMs = 'threshold', repetition } = run;
  return `lifeguard n${nodes} C${concurrency} D${durationMs} I${intervalMs} #${repetition}`;
}

/** The key of a run; runs with the same key have the same result. */
export function keyOf(run: Run): string {
  const { configuration, alpha, beta, anomaly, noStallRule } = run;
  const how = anomaly === 'block' && !noStallRule ? '' : ` ${anomaly}${noStallRule ? '-raw' : ''}`;
  const variant = canonicalVariant(run);
  return `${seedOf(run)} ${configuration} ${variant} a${alpha} b${beta}${how}`;
}

/** The selection of runs. */
export interface Choice {
  readonly cells: readonly Cell[];
  readonly variants: readonly Variant[];
  readonly anomaly: Anomaly;
  readonly noStallRule: boolean;
  readonly alpha: number;
  readonly beta: number;
  readonly nodes: number;
  readonly repetitions: number;
}

/** All runs of a selection; runs that are identical in both variants are included once. */
export function runsOf(choice: Choice): Run[] {
  const { cells, repetitions, variants, ...common } = choice;
  const { alpha, beta, anomaly, noStallRule, nodes } = common;
  const runs = new Map<string, Run>();
  for (let repetition = 0; repetition < repetitions; repetition++) {
    for (const cell of cells) {
      for (const configuration of configurationNames) {
        for (const wanted of variants) {
          const tuning = { configuration, alpha, beta, noStallRule };
          const variant = canonicalVariant({ ...tuning, variant: wanted });
          const run = { ...cell, ...tuning, variant, anomaly, nodes, repetition };
          runs.set(keyOf(run), run);
        }
      }
    }
  }
  return [...runs.values()];
}

/** Parts of the grid. */
export const parts = ['threshold', 'interval'] as const;
export type Part = (typeof parts)[number];

/**
 * The cells of a part, or all, in one fixed random order: an incomplete repetition is a simple random sample of the
 * cells of each part.
 */
export function cellsInSamplingOrder(part?: Part): Cell[] {
  const all = allInSamplingOrder();
  if (part === undefined) return all;
  return all.filter(({ intervalMs }) => (intervalMs === undefined) === (part === 'threshold'));
}

function allInSamplingOrder(): Cell[] {
  const waiting = [...thresholdCells, ...intervalCells];
  const random = new SeededRandom('lifeguard: the order of the cells');
  const ordered: Cell[] = [];
  while (waiting.length > 0) {
    ordered.push(...waiting.splice(Math.floor(random.next() * waiting.length), 1));
  }
  return ordered;
}

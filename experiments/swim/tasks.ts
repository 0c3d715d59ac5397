/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The measurements, the number of their runs, and the names of the runs.

import { measureDetection, type Crash, type DetectionTask } from './detection.js';
import { measureFalseProbes, type FalseProbes, type FalseProbesTask } from './false-probes.js';
import { measureInfection, type Infection, type InfectionTask } from './infection.js';
import { measureLoad, type Load, type LoadTask } from './load.js';

/** One run. */
export type Task = LoadTask | DetectionTask | FalseProbesTask | InfectionTask;
export type Kind = Task['kind'];
export const kinds: readonly Kind[] = ['load', 'detection', 'false-probes', 'infection'];

/** What each kind of run measures. */
interface Measured {
  load: Load;
  detection: readonly Crash[];
  'false-probes': FalseProbes;
  infection: readonly Infection[];
}

/** The stored result of a run. */
export type Result = {
  [K in Kind]: {
    readonly key: string;
    readonly task: Extract<Task, { kind: K }>;
    readonly seed: string;
    readonly measured: Measured[K];
    /** The duration of the run, in milliseconds. */
    readonly tookMs: number;
  };
}[Kind];

/** The result of one kind of run. */
export type ResultOf<K extends Kind> = Extract<Result, { task: { kind: K } }>;

export const loadSizes = [8, 16, 32, 64, 128, 256, 512, 1_024] as const;
export const infectionSizes = [8, 16, 32, 56, 64, 128, 256, 512, 1_024] as const;
export const lossPercents = [1, 5, 10] as const;
export const helperCounts = [0, 1, 3] as const;
export const falseProbeNodes = 64;

/** The number of seeds of one task of the detection experiment. */
const seedsPerTask = 50;

/** The extent of each experiment. */
export interface Amounts {
  /** Protocol periods for which the load is counted. */
  readonly loadPeriods: number;
  /** Crashes of each kind of detection, by the size of the cluster. */
  readonly crashes: Readonly<Record<number, number>>;
  /** The number of crashes with random phases that are observed until all observers have probed. */
  readonly toTheLast: number;
  /** Probe rounds for each loss and number of helpers, in thousands. */
  readonly thousandRounds: (lossPercent: number, helpers: number) => number;
  /** Updates that spread in clusters of each size, and clusters that they spread in. */
  readonly updates: (nodes: number) => { readonly clusters: number; readonly each: number };
}

/** The extent of `npm run sim:swim`. */
export const fullAmounts: Amounts = {
  loadPeriods: 200,
  crashes: { 32: 2_000, 64: 200 },
  toTheLast: 500,
  // The rarer a failed probe, the more rounds.
  thousandRounds: (lossPercent, helpers) =>
    (helpers === 0 ? 64 : helpers === 1 ? 128 : 256) * (lossPercent === 10 ? 1 : 2),
  updates: (nodes) => {
    if (nodes > 256) return { clusters: 1, each: nodes > 512 ? 24 : 48 };
    return nodes > 64 ? { clusters: 2, each: 24 } : { clusters: 5, each: 40 };
  },
};

/** All runs, the long ones first. */
export function tasksOf(amounts: Amounts, wanted: readonly Kind[] = kinds): Task[] {
  const makers: Record<Kind, (amounts: Amounts) => Task[]> = {
    load: loadTasks,
    detection: detectionTasks,
    'false-probes': falseProbeTasks,
    infection: infectionTasks,
  };
  return wanted
    .flatMap((kind) => makers[kind](amounts))
    .sort((a, b) => Number(b.nodes > 256) - Number(a.nodes > 256));
}

function loadTasks({ loadPeriods: periods }: Amounts): Task[] {
  return loadSizes.map((nodes) => ({ kind: 'load', nodes, periods, repetition: 0 }));
}

function detectionTasks({ crashes, toTheLast: mostToTheLast }: Amounts): Task[] {
  const tasks: Task[] = [];
  for (const [nodes, seeds] of Object.entries(crashes)) {
    for (const phases of ['lock-step', 'random'] as const) {
      const common = { kind: 'detection', nodes: Number(nodes), phases } as const;
      for (let first = 0; first < seeds; first += seedsPerTask) {
        const count = Math.min(seedsPerTask, seeds - first);
        const toTheLast = phases === 'random' && first < mostToTheLast;
        tasks.push({ ...common, toTheLast, first, count });
      }
    }
  }
  return tasks;
}

function falseProbeTasks({ thousandRounds }: Amounts): Task[] {
  const nodes = falseProbeNodes;
  const periodsAtOnce = 1_000;
  const tasks: Task[] = [];
  for (const lossPercent of lossPercents) {
    for (const helpers of helperCounts) {
      const periods = (thousandRounds(lossPercent, helpers) * 1_000) / nodes;
      const common = { kind: 'false-probes', nodes, lossPercent, helpers } as const;
      for (let repetition = 0; repetition * periodsAtOnce < periods; repetition++) {
        const left = periods - repetition * periodsAtOnce;
        tasks.push({ ...common, periods: Math.min(periodsAtOnce, left), repetition });
      }
    }
  }
  return tasks;
}

function infectionTasks({ updates }: Amounts): Task[] {
  return infectionSizes.flatMap((nodes) => {
    const { clusters, each } = updates(nodes);
    return Array.from({ length: clusters }, (_, repetition): Task => ({
      kind: 'infection',
      nodes,
      updates: each,
      repetition,
    }));
  });
}

/** The seed of a run; for detection, the number of a seed is appended. */
export function seedOf(task: Task): string {
  switch (task.kind) {
    case 'load':
      return `swim load n${task.nodes} #${task.repetition}`;
    case 'detection':
      return `swim detection n${task.nodes} ${task.phases}`;
    case 'false-probes': {
      const { nodes, lossPercent, helpers, repetition } = task;
      return `swim false probes n${nodes} q${lossPercent} k${helpers} #${repetition}`;
    }
    case 'infection':
      return `swim infection n${task.nodes} #${task.repetition}`;
  }
}

/** The key of a run; runs with the same key have the same result. */
export function keyOf(task: Task): string {
  const seed = seedOf(task);
  switch (task.kind) {
    case 'load':
    case 'false-probes':
      return `${seed} periods ${task.periods}`;
    case 'detection': {
      const { first, count, toTheLast } = task;
      return `${seed} seeds ${first} to ${first + count - 1}${toTheLast ? ' to the last' : ''}`;
    }
    case 'infection':
      return `${seed} updates ${task.updates}`;
  }
}

/** Executes one run. */
export async function execute(task: Task): Promise<Result> {
  const startedAt = performance.now();
  const seed = seedOf(task);
  const head = { key: keyOf(task), seed };
  const took = (): { tookMs: number } => ({ tookMs: Math.round(performance.now() - startedAt) });
  switch (task.kind) {
    case 'load': {
      const measured = await measureLoad(task, seed);
      return { ...head, task, measured, ...took() };
    }
    case 'detection': {
      const measured = await measureDetection(task, seed);
      return { ...head, task, measured, ...took() };
    }
    case 'false-probes': {
      const measured = await measureFalseProbes(task, seed);
      return { ...head, task, measured, ...took() };
    }
    case 'infection': {
      const measured = await measureInfection(task, seed);
      return { ...head, task, measured, ...took() };
    }
  }
}

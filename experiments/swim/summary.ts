/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The combined results of all runs.

import { sum } from '../statistics.js';
import type { Store } from '../store.js';
import type { Line } from './estimates.js';
import {
  allOf,
  leastLinearity,
  longestWait,
  paperInfection,
  seedsForVerdict,
  type Verdict,
  within,
} from './expected.js';
import {
  lineOf,
  summarizeDetection,
  summarizeFalseProbes,
  summarizeInfection,
  summarizeLoad,
  worstOfCrashes,
  worstOfGaps,
  type DetectionSummary,
  type FalseProbesSummary,
  type InfectionSummary,
  type LoadSummary,
  type WorstCaseSummary,
} from './summaries.js';
import { keyOf, tasksOf, type Amounts, type Kind, type Result, type ResultOf } from './tasks.js';

/** The results of all experiments. */
export interface Summary {
  readonly load: readonly LoadSummary[];
  readonly detection: readonly DetectionSummary[];
  readonly worstCase: readonly WorstCaseSummary[];
  readonly falseProbes: readonly FalseProbesSummary[];
  readonly infection: {
    readonly sizes: readonly InfectionSummary[];
    /** Median times against ln n. */
    readonly line: Line | undefined;
    readonly lastLine: Line | undefined;
  };
  readonly verdicts: readonly { readonly claim: string; readonly verdict: Verdict }[];
  readonly runs: { readonly wanted: number; readonly done: number; readonly tookMs: number };
}

/** Summarizes the finished runs. */
export function summarize(store: Store<Result>, amounts: Amounts): Summary {
  const tasks = tasksOf(amounts);
  const results = tasks.flatMap((task) => store.get(keyOf(task)) ?? []);
  const load = ofKind(results, 'load').map(summarizeLoad).sort(bySize);
  const detections = grouped(ofKind(results, 'detection'), ({ task }) => [task.nodes, task.phases]);
  const detection = detections.map(summarizeDetection);
  const worstCase = [
    ...detections.flatMap(worstOfCrashes),
    // In fewer periods a gap that is too long would not be visible.
    ...load.filter(({ nodes, periods }) => periods > longestWait(nodes)).map(worstOfGaps),
  ];
  const falseProbes = grouped(ofKind(results, 'false-probes'), ({ task }) => [
    task.lossPercent,
    task.helpers,
  ]).map(summarizeFalseProbes);
  const sizes = grouped(ofKind(results, 'infection'), ({ task }) => [task.nodes])
    .map(summarizeInfection)
    .sort(bySize);
  const infection = { sizes, line: lineOf(sizes, 'median'), lastLine: lineOf(sizes, 'last') };
  const findings = { load, detection, worstCase, falseProbes, infection };
  const runs = {
    wanted: tasks.length,
    done: results.length,
    tookMs: sum(results.map(({ tookMs }) => tookMs)),
  };
  return { ...findings, verdicts: verdictsOf(findings, runs.done === runs.wanted), runs };
}

type Findings = Omit<Summary, 'verdicts' | 'runs'>;

function verdictsOf(findings: Findings, isComplete: boolean): Summary['verdicts'] {
  const { load, detection, worstCase, falseProbes, infection } = findings;
  const small = infection.sizes.filter(({ nodes }) => nodes <= paperInfection.nodes);
  const claims: [string, Verdict][] = [
    ['load per member does not depend on n', allOf(load.map(({ verdict }) => verdict))],
    [
      'first detection after e/(e − 1) periods',
      allOf(detection.filter((each) => each.seeds >= seedsForVerdict).map((each) => each.verdict)),
    ],
    ['every observer within 2n − 1 periods', allOf(worstCase.map(({ verdict }) => verdict))],
    ['false probes under loss', allOf(falseProbes.map(({ verdict }) => verdict))],
    [
      'infection in O(log n)',
      within(infection.line?.linearity, { low: leastLinearity, high: Infinity }),
    ],
    [
      `median infection in 1.0 to 3.0 periods at n ≤ ${paperInfection.nodes}`,
      allOf(small.map(({ median }) => within(median.value, paperInfection.range))),
    ],
  ];
  return claims.map(([claim, verdict]) => ({
    claim,
    verdict: !isComplete && verdict === 'met' ? 'open' : verdict,
  }));
}

function bySize(a: { readonly nodes: number }, b: { readonly nodes: number }): number {
  return a.nodes - b.nodes;
}

function ofKind<K extends Kind>(results: readonly Result[], kind: K): ResultOf<K>[] {
  return results.filter((result): result is ResultOf<K> => result.task.kind === kind);
}

/** Results whose keys are the same, group by group, in the order of their keys. */
function grouped<T>(items: readonly T[], keyOfItem: (item: T) => (string | number)[]): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOfItem(item).join(' ');
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return [...groups.values()];
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Runs the scenario step by step, and keeps the result of each step.
import { setTimeout as sleep } from 'node:timers/promises';
import { printable } from 'node-memberlist';
import type { Cluster } from './cluster.js';
import type { Step } from './scenario.js';

const pauseMs = 1_000;

export type StepState = 'waiting' | 'running' | 'passed' | 'failed' | 'skipped';

/** The state of a step. */
export interface StepResult {
  readonly step: Step;
  state: StepState;
  startedAt: number;
  /** What was measured, or what was not as expected. */
  outcome: string;
}

/** The results before the first step. */
export function notYetRun(steps: readonly Step[]): StepResult[] {
  return steps.map((step) => ({ step, state: 'waiting', startedAt: 0, outcome: '' }));
}

/**
 * Runs the steps in order, with a pause between them, until one fails.
 *
 * @param endsBy - the `Date.now()` at which all steps must have ended
 * @returns whether all steps passed
 * @throws when the cluster's signal is aborted
 */
export async function runScenario(
  cluster: Cluster,
  results: readonly StepResult[],
  endsBy: number,
): Promise<boolean> {
  let isFirst = true;
  for (const result of results) {
    if (!isFirst) await sleep(pauseMs, undefined, { signal: cluster.signal });
    isFirst = false;
    await runStep(cluster, result, endsBy);
    if (result.state === 'failed') break;
  }
  for (const result of results) {
    if (result.state === 'waiting') Object.assign(result, { state: 'skipped', outcome: 'skipped' });
  }
  return results.every(({ state }) => state === 'passed');
}

async function runStep(cluster: Cluster, result: StepResult, endsBy: number): Promise<void> {
  const { step } = result;
  result.state = 'running';
  result.startedAt = Date.now();
  cluster.journal.note(`▶ ${step.name}: ${step.title}`, 'step');
  try {
    const timeoutMs = Math.max(0, Math.min(step.timeoutMs, endsBy - Date.now()));
    result.outcome = await step.run(cluster, timeoutMs);
    result.state = 'passed';
    cluster.journal.note(`✔ ${step.name}: ${result.outcome}`, 'good');
  } catch (error) {
    cluster.signal.throwIfAborted();
    // The message can contain names and metadata that peers chose, and goes to the terminal.
    result.outcome = printable(error instanceof Error ? error.message : String(error));
    result.state = 'failed';
    cluster.journal.note(`✖ ${step.name}: ${result.outcome}`, 'bad');
  }
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// `npm run sim:lifeguard`: executes the requested runs that are not done yet, then writes tables and plots of all
// finished runs.

import { parseArgs } from 'node:util';
import { progressText, runAll } from '../pool.js';
import { Store } from '../store.js';
import {
  anomalies,
  type Anomaly,
  type Cell,
  cellsInSamplingOrder,
  keyOf,
  parts,
  type Run,
  runsOf,
  seedOf,
} from './cells.js';
import { variants } from './configurations.js';
import { resultsPath, writeReport } from './report.js';
import type { RunResult } from './run.js';

const help = `Usage: npm run sim:lifeguard -- [options]

  --full               the whole grid: 54 Threshold and 432 Interval cells (hours a repetition)
  --part P             of it, threshold or interval (both)
  --cells N            only the first N cells of the grid, in its fixed random order
  --cell C,D,I         one cell: C anomalous nodes for D ms, I ms between; C,D for a Threshold run
  --full               the whole grid: 54 Threshold and 432 Interval cells (hours per repetition)
  --part P             only the part threshold or interval (both)
  --cells N            only the first N cells of the grid, in its fixed random order
  --cell C,D,I         one cell: C anomalous nodes for D ms, with I ms between; C,D for a Threshold run
  --alpha A --beta B   suspicion multipliers (5, 6)
  --variant V          paper or product (both)
  --anomaly M          block, queue or freeze (block)
  --no-stall-rule      without the rules about a node's own stalls; for freeze
  --help

Finished runs are in docs/experiments/runs/lifeguard.jsonl and are not done again.
`;

const { values } = parseArgs({
  options: {
    full: { type: 'boolean', default: false },
    part: { type: 'string' },
    cells: { type: 'string' },
    cell: { type: 'string', multiple: true, default: [] },
    alpha: { type: 'string', default: '5' },
    beta: { type: 'string', default: '6' },
    variant: { type: 'string' },
    anomaly: { type: 'string', default: 'block' },
    'no-stall-rule': { type: 'boolean', default: false },
    nodes: { type: 'string', default: '128' },
    seeds: { type: 'string', default: '1' },
    jobs: { type: 'string' },
    report: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) process.stdout.write(help);
else if (values.report) await writeReport();
else await runAndReport();

async function runAndReport(): Promise<void> {
  const runs = wantedRuns();
  const store = new Store<RunResult>(resultsPath);
  const missing = runs.filter((run) => !store.has(keyOf(run)));
  console.log(`${runs.length} runs, of which ${runs.length - missing.length} are done`);
  await runAll<Run, RunResult>({
    tasks: missing,
    worker: new URL('./worker.js', import.meta.url),
    jobs: values.jobs === undefined ? undefined : count('jobs', values.jobs),
    done: (result, progress) => {
      store.add(result);
      const { key, falsePositives, falsePositivesAtHealthy } = result;
      const found = `${falsePositives} FP, ${falsePositivesAtHealthy} FP−`;
      console.log(progressText(progress, `${key}: ${found}`));
    },
  });
  for (const run of values.cell.length > 0 ? runs : []) print(store.get(keyOf(run)));
  await writeReport();
}

function print(result: RunResult | undefined): void {
  if (result === undefined) return;
  const { run, falsePositives, falsePositivesAtHealthy, detections, messages, bytes } = result;
  const first = detections.map(({ firstMs }) => firstMs).sort((a, b) => a - b);
  console.log({
    seed: seedOf(run),
    configuration: run.configuration,
    variant: run.variant,
    falsePositives,
    falsePositivesAtHealthy,
    medianFirstDetectionMs: first[Math.floor(first.length / 2)],
    messages,
    bytes,
    digest: result.digest,
  });
}

function wantedRuns(): Run[] {
  return runsOf({
    cells: wantedCells(),
    variants:
      values.variant === undefined ? variants : [oneOf('variant', values.variant, variants)],
    anomaly: oneOf<Anomaly>('anomaly', values.anomaly, anomalies),
    noStallRule: values['no-stall-rule'],
    alpha: count('alpha', values.alpha),
    beta: count('beta', values.beta),
    nodes: count('nodes', values.nodes),
    repetitions: count('seeds', values.seeds),
  });
}

function wantedCells(): Cell[] {
  if (values.cell.length > 0) return values.cell.map(parseCell);
  const part = values.part === undefined ? undefined : oneOf('part', values.part, parts);
  const all = cellsInSamplingOrder(part);
  if (values.full) return all;
  if (values.cells !== undefined) return all.slice(0, count('cells', values.cells));
  throw new Error('say what is to be run: --full, --cells N or --cell C,D,I; --help explains');
}

function parseCell(text: string): Cell {
  const [concurrency, durationMs, intervalMs, more] = text.split(',').map(Number);
  const given = [concurrency, durationMs, intervalMs ?? 0];
  if (more !== undefined || !given.every((n) => n !== undefined && n >= 0)) {
    throw new Error(`--cell is C,D,I or C,D; not ${text}`);
  }
  const cell = { concurrency: concurrency as number, durationMs: durationMs as number };
  return intervalMs === undefined ? cell : { ...cell, intervalMs };
}

function oneOf<T extends string>(name: string, text: string, choices: readonly T[]): T {
  const choice = choices.find((each) => each === text);
  if (choice === undefined) throw new Error(`--${name} is ${choices.join(' or ')}; not ${text}`);
  return choice;
}

function count(name: string, text: string): number {
  const number = Number(text);
  if (!(number >= 1)) throw new Error(`--${name} is a number, 1 or more; not ${text}`);
  return number;
}

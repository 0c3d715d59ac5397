/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// `npm run sim:rejoin`: the scenarios for many seeds, on several threads. A seed that fails is printed
// with the command that runs it again.
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { scenarios, type Measured } from './scenarios.js';

interface Task {
  readonly scenario: string;
  readonly seed: number;
}
type Result = Task & ({ readonly measured: Measured } | { readonly failure: string });

const help = `Usage: npm run sim:rejoin -- [options]

  --seeds N        how many seeds of each scenario (500)
  --from N         the first seed (0)
  --scenario TEXT  only scenarios whose names contain this
  --jobs N         threads (the number of cores)
  --help

Scenarios: ${Object.keys(scenarios).join('; ')}.
Exit code 1: a seed failed.
`;

async function run({ scenario, seed }: Task): Promise<Result> {
  try {
    const measured = await scenarios[scenario]?.(seed);
    return { scenario, seed, measured: measured ?? {} };
  } catch (error) {
    return { scenario, seed, failure: (error as Error).stack ?? String(error) };
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '500' },
      from: { type: 'string', default: '0' },
      scenario: { type: 'string', default: '' },
      jobs: { type: 'string', default: String(availableParallelism()) },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return void process.stdout.write(help);
  const [seeds, from, jobs] = [Number(values.seeds), Number(values.from), Number(values.jobs)];
  for (const scenario of Object.keys(scenarios)) {
    if (!scenario.includes(values.scenario)) continue;
    const tasks = Array.from({ length: seeds }, (_, i) => ({ scenario, seed: from + i }));
    summarize(scenario, await runAll(tasks, jobs));
  }
}

async function runAll(tasks: Task[], jobs: number): Promise<Result[]> {
  const results: Result[] = [];
  const work = async (): Promise<void> => {
    const worker = new Worker(new URL(import.meta.url));
    try {
      for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) {
        worker.postMessage(task);
        results.push(await new Promise<Result>((resolve) => worker.once('message', resolve)));
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, tasks.length) }, work));
  return results;
}

function summarize(scenario: string, results: readonly Result[]): void {
  const values = new Map<string, number[]>();
  let failed = 0;
  for (const result of results) {
    if ('failure' in result) {
      failed++;
      process.exitCode = 1;
      console.log(`${scenario}, seed ${result.seed}: ${result.failure}`);
      console.log(
        `  npm run sim:rejoin -- --scenario '${scenario}' --from ${result.seed} --seeds 1`,
      );
      continue;
    }
    for (const [name, value] of Object.entries(result.measured)) {
      values.set(name, [...(values.get(name) ?? []), value]);
    }
  }
  console.log(`${scenario}: ${results.length} seeds, ${failed} failed`);
  for (const [name, all] of values) {
    const sorted = all.sort((a, b) => a - b);
    const at = (share: number): string =>
      (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toPrecision(4);
    console.log(`  ${name}: median ${at(0.5)}, 99 % ${at(0.99)}, most ${at(1)}`);
  }
}

if (isMainThread) await main();
else
  parentPort?.on('message', (task: Task) => void run(task).then((r) => parentPort?.postMessage(r)));

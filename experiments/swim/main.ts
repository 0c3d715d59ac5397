/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// `npm run sim:swim`: executes the runs that are not done yet, then writes tables and plots.

import { parseArgs } from 'node:util';
import { progressText, runAll } from '../pool.js';
import { Store } from '../store.js';
import { writeReport } from './report.js';
import { fullAmounts, keyOf, kinds, type Kind, type Result, type Task, tasksOf } from './tasks.js';

const help = `Usage: npm run sim:swim -- [options]

Measures the claims of the SWIM paper with the product's own Memberlist in virtual time:

  load          a member's sent and received messages do not depend on the size of the cluster
  detection     how fast the first and the last member probe a crashed node
  false-probes  how often a probe fails because of packet loss, with 0, 1 and 3 helpers
  infection     how fast an update reaches all members with pings and acks alone

  --only KIND   one of these; repeatable (all)
  --jobs N      workers (the number of cores)
  --report      execute no runs; only write the tables and plots again
  --help

Finished runs are in docs/experiments/runs/swim.jsonl and are not repeated. All runs take a quarter of
an hour on one core. The report: docs/experiments/swim.md
`;

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    jobs: { type: 'string' },
    report: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const directory = 'docs/experiments';

if (values.help) process.stdout.write(help);
else {
  try {
    await runAndReport();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 2;
  }
}

async function runAndReport(): Promise<void> {
  const store = new Store<Result>(`${directory}/runs/swim.jsonl`);
  if (!values.report) await runMissing(store);
  const { verdicts } = await writeReport({ store, amounts: fullAmounts, directory });
  for (const { claim, verdict } of verdicts) console.log(`${verdict.padEnd(12)} ${claim}`);
}

async function runMissing(store: Store<Result>): Promise<void> {
  const tasks = tasksOf(fullAmounts, wantedKinds());
  const missing = tasks.filter((task) => !store.has(keyOf(task)));
  console.log(`${tasks.length} runs, of which ${tasks.length - missing.length} are done`);
  await runAll<Task, Result>({
    tasks: missing,
    worker: new URL('./worker.js', import.meta.url),
    jobs: values.jobs === undefined ? undefined : jobCount(values.jobs),
    done: (result, progress) => {
      store.add(result);
      console.log(progressText(progress, `${result.key}: ${result.tookMs} ms`));
    },
  });
}

function wantedKinds(): readonly Kind[] {
  if (values.only.length === 0) return kinds;
  return values.only.map((text) => {
    const kind = kinds.find((each) => each === text);
    if (kind === undefined)
      throw new RangeError(`--only must be one of ${kinds.join(', ')}; not ${text}`);
    return kind;
  });
}

function jobCount(text: string): number {
  const jobs = Number(text);
  if (Number.isInteger(jobs) && jobs >= 1) return jobs;
  throw new RangeError(`--jobs must be a whole number, 1 or more; not ${text}`);
}

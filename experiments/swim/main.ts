/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// `npm run sim:swim`: does the runs that are not done yet, then writes tables and plots.

import { parseArgs } from 'node:util';
import { progressText, runAll } from '../pool.js';
import { Store } from '../store.js';
import { writeReport } from './report.js';
import { fullAmounts, keyOf, kinds, type Kind, type Result, type Task, tasksOf } from './tasks.js';

const help = `Usage: npm run sim:swim -- [options]

The claims of the SWIM paper, measured with the product's own Memberlist in virtual time:

  load          what a member sends and receives does not depend on the size of the cluster
  detection     how soon somebody probes a node that crashed, and how late the last one does
  false-probes  how often a probe fails because packets get lost, with 0, 1 and 3 helpers
  infection     how soon an update that travels on pings and acks alone reaches everybody

  --only KIND   one of these; may be given several times (all)
  --jobs N      workers (the number of cores)
  --report      nothing is run; tables and plots are written anew
  --help

Finished runs are in docs/experiments/runs/swim.jsonl and are not done again. All of it takes a
quarter of an hour of one core. The report: docs/experiments/swim.md
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
      throw new RangeError(`--only is one of ${kinds.join(', ')}; not ${text}`);
    return kind;
  });
}

function jobCount(text: string): number {
  const jobs = Number(text);
  if (Number.isInteger(jobs) && jobs >= 1) return jobs;
  throw new RangeError(`--jobs is a whole number, 1 or more; not ${text}`);
}

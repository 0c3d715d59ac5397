/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// `npm run sim:bus`: verifies the guarantees of the message bus, and measures how long messages take.

import { writeFormatted } from '../files.js';
import { drawPlot } from '../plots.js';
import { progressText, runAll } from '../pool.js';
import { Store } from '../store.js';
import { helpText, OptionError, type Options, parseOptions } from './options.js';
import { documentText, plotsOf, summaryText } from './report.js';
import type { Result, Task } from './worker.js';

const documentPath = 'docs/experiments/bus';
const storePath = 'docs/experiments/runs/bus.jsonl';
const losses = [0, 0.2];

interface Stored {
  readonly key: string;
  readonly result: Result;
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === undefined) process.stdout.write(helpText);
  else await answer(options);
} catch (error) {
  if (!(error instanceof OptionError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}

async function answer(options: Options): Promise<void> {
  const { jobs, limitMs, document } = options;
  const store = new Store<Stored>(storePath);
  const tasks = tasksOf(options);
  const missing = tasks.filter((task) => !store.has(keyOf(task)));
  const log = (text: string): void => void process.stderr.write(`${text}\n`);
  const startedAt = performance.now();
  log(`${tasks.length} clusters, ${missing.length} of them to simulate …`);
  if (missing.length > 0) {
    await runAll<Task, Result>({
      tasks: missing,
      worker: new URL('./worker.js', import.meta.url),
      jobs,
      mayStart: () => performance.now() - startedAt < limitMs,
      done: (result, progress) => {
        store.add({ key: keyOfResult(result, options), result });
        log(progressText(progress, lineOf(result)));
      },
    });
  }
  const results = tasks.flatMap((task) => store.get(keyOf(task))?.result ?? []);
  process.stdout.write(`${summaryText(results)}\n`);
  const isBroken = results.some(
    (each) => each.what === 'guarantees' && each.verdict.violations.length > 0,
  );
  if (isBroken) process.exitCode = 1;
  if (!document) return;
  for (const [name, plot] of plotsOf(results, options)) {
    await writeFormatted(`${documentPath}-${name}.svg`, drawPlot(plot));
  }
  await writeFormatted(`${documentPath}.md`, documentText(results, options));
}

/** The large clusters first: they are few. */
function tasksOf({ setting, seeds, reach, reachSeeds }: Options): Task[] {
  const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
  const large = losses.flatMap((loss) =>
    numbers(reachSeeds).map((seed): Task => {
      return { what: 'reach', setting: { ...reach, loss }, seed };
    }),
  );
  const small = numbers(seeds).map((seed): Task => ({ what: 'guarantees', setting, seed }));
  return [...large, ...small];
}

function keyOf({ what, setting, seed }: Task): string {
  return `${what} ${Object.values(setting).join(' ')} ${seed}`;
}

function keyOfResult(result: Result, { setting, reach }: Options): string {
  if (result.what === 'guarantees') {
    return keyOf({ what: result.what, setting, seed: result.verdict.seed });
  }
  const { loss, seed } = result.reach;
  return keyOf({ what: result.what, setting: { ...reach, loss }, seed });
}

function lineOf(result: Result): string {
  if (result.what === 'reach') {
    const { seed, loss, seconds } = result.reach;
    return `reach, loss ${loss}, seed ${seed}, ${seconds.toFixed(0)} s`;
  }
  const { seed, violations, deliveries, gaps, seconds } = result.verdict;
  const lines = [
    `seed ${seed}: ${deliveries} deliveries, ${gaps} gaps, ${violations.length} violations, ${seconds.toFixed(0)} s`,
    ...violations.map((each) => `  ${each}`),
  ];
  return lines.join('\n');
}

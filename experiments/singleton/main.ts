/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// `npm run sim:singleton`: for how long a singleton's task runs twice, and for how long not at all.

import { parseArgs } from 'node:util';
import { writeFormatted } from '../files.js';
import { drawPlot } from '../plots.js';
import { progressText, runAll } from '../pool.js';
import { plotOf, reportText } from './report.js';
import type { Result, Task } from './simulate.js';

const documentPath = 'docs/experiments/singleton';

const helpText = `Usage: npm run sim:singleton -- [options]

Simulates clusters of five nodes with crashes, restarts, leaves and partitions, each with the same singleton in four
variants, and measures for how long its task runs twice, and for how long nowhere. A seed determines a cluster.

  --seeds N      clusters (500)
  --incidents N  in each cluster (8)
  --settle MS    the option of runSingleton (2000)
  --jobs N       workers (the number of cores)
  --document     write ${documentPath}.md, with plots
  --help
`;

const spec = {
  seeds: { type: 'string', default: '500' },
  incidents: { type: 'string', default: '8' },
  settle: { type: 'string', default: '2000' },
  jobs: { type: 'string' },
  document: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** The command line; undefined if help is requested. @throws Error for a wrong option */
function parseOptions(words: readonly string[]): Options | undefined {
  const { values } = parseArgs({ args: [...words], options: spec });
  if (values.help) return undefined;
  const whole = (name: string, text: string, least: number): number => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isInteger(value) && value >= least) return value;
    throw new TypeError(`--${name} must be a whole number, ${least} or more; not ${text}`);
  };
  return {
    seeds: whole('seeds', values.seeds, 1),
    incidents: whole('incidents', values.incidents, 1),
    settle: whole('settle', values.settle, 0),
    jobs: values.jobs === undefined ? undefined : whole('jobs', values.jobs, 1),
    document: values.document,
  };
}

interface Options {
  readonly seeds: number;
  readonly incidents: number;
  readonly settle: number;
  readonly jobs: number | undefined;
  readonly document: boolean;
}

async function measure({ seeds, incidents, settle, jobs }: Options): Promise<Result[]> {
  const tasks = Array.from({ length: seeds }, (_, seed): Task => ({ seed, incidents, settle }));
  const results: Result[] = [];
  await runAll<Task, Result>({
    tasks,
    worker: new URL('./worker.js', import.meta.url),
    jobs,
    done: (result, progress) => {
      results.push(result);
      process.stderr.write(`${progressText(progress, `seed ${result.seed}`)}\n`);
    },
  });
  // In the order of the seeds, independent of the number of workers.
  return results.sort((a, b) => a.seed - b.seed);
}

async function main(words: readonly string[]): Promise<void> {
  const options = parseOptions(words);
  if (options === undefined) return void process.stdout.write(helpText);
  const results = await measure(options);
  const command = `npm run sim:singleton -- ${words.join(' ')}`;
  const text = reportText(results, { command, ...options });
  process.stdout.write(`${text}\n`);
  if (!options.document) return;
  for (const kind of ['two', 'none'] as const) {
    await writeFormatted(`${documentPath}-${kind}.svg`, drawPlot(plotOf(results, kind)));
  }
  await writeFormatted(`${documentPath}.md`, text);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof TypeError)) throw error;
  process.stderr.write(`${error.message}\n--help explains the options\n`);
  process.exitCode = 2;
}

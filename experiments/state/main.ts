/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// `npm run sim:state`: how long until all nodes have the same shared state.

import { writeFormatted } from '../files.js';
import { drawPlot } from '../plots.js';
import { progressText, runAll } from '../pool.js';
import { helpText, OptionError, parseOptions, type Options } from './options.js';
import { documentText, plotOf, summaryText, tableOf } from './report.js';
import { tasksOf, type Sample, type Task } from './simulate.js';

const documentPath = 'docs/experiments/state';

try {
  const words = process.argv.slice(2);
  const options = parseOptions(words);
  if (options === undefined) process.stdout.write(helpText);
  else await answer(options, words);
} catch (error) {
  if (!(error instanceof OptionError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}

async function answer(
  { question, jobs, document }: Options,
  words: readonly string[],
): Promise<void> {
  const tasks = tasksOf(question);
  const log = (text: string): void => void process.stderr.write(`${text}\n`);
  log(`${question.seeds} seeds in ${tasks.length} clusters of ${question.nodes} …`);
  const found = new Map<number, readonly Sample[]>();
  await runAll<Task, { readonly cluster: number; readonly samples: readonly Sample[] }>({
    tasks,
    worker: new URL('./worker.js', import.meta.url),
    jobs,
    done: ({ cluster, samples }, progress) => {
      found.set(cluster, samples);
      log(progressText(progress, `cluster ${cluster}`));
    },
  });
  // In the order of the clusters, independent of the number of workers.
  const samples = tasks.flatMap(({ cluster }) => found.get(cluster) ?? []);
  const rows = tableOf(samples).map((row) => row.map((cell) => cell.padStart(14)).join(' '));
  process.stdout.write(`${[summaryText(question, samples), ...rows].join('\n')}\n`);
  if (!document) return;
  await writeFormatted(`${documentPath}.svg`, drawPlot(plotOf(question, samples)));
  await writeFormatted(`${documentPath}.md`, documentText(question, samples, words));
}

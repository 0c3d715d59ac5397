/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// `npm run sim:converge`: how long an update or a failure takes to reach all members.

import { drawPlot } from '../plots.js';
import { progressText, runAll } from '../pool.js';
import { writeFormatted } from '../files.js';
import { answerOf, type Answer } from './answer.js';
import { answerText, plotOf, questionText } from './answer-text.js';
import {
  helpText,
  OptionError,
  parseOptions,
  type Change,
  type Options,
  type Question,
} from './options.js';
import { seedOf, tasksOf, type Sample, type Task } from './simulate.js';

const documentPath = 'docs/experiments/converge';

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

async function answer(options: Options, words: readonly string[]): Promise<void> {
  const { question, json, document, out } = options;
  const samples = await samplesFor(question, options.jobs);
  const answers = question.what.map((what) => answerOf(question, what, samples));
  if (json) process.stdout.write(`${JSON.stringify({ question, answers }, null, 2)}\n`);
  else {
    const texts = answers.map((each) => answerText(each, 'plain'));
    process.stdout.write(`${[questionText(question), ...texts].join('\n\n')}\n`);
  }
  if (out !== undefined) await writePlots(question, samples, out);
  if (document) {
    await writePlots(question, samples, `${documentPath}.svg`, 'always named');
    await writeFormatted(`${documentPath}.md`, documentText(question, answers, words));
  }
}

async function samplesFor(question: Question, jobs: number | undefined): Promise<Sample[]> {
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
  return tasks.flatMap(({ cluster }) => found.get(cluster) ?? []);
}

async function writePlots(
  question: Question,
  samples: readonly Sample[],
  path: string,
  naming?: 'always named',
): Promise<void> {
  const isNamed = naming !== undefined || question.what.length > 1;
  for (const what of question.what) {
    const own = isNamed ? path.replace(/\.svg$/, `-${what}.svg`) : path;
    await writeFormatted(own, drawPlot(plotOf(question, what, samples)));
  }
}

function documentText(
  question: Question,
  answers: readonly Answer[],
  words: readonly string[],
): string {
  const pictures: Record<Change, string> = {
    update: '![An update](converge-update.svg)',
    failure: '![A failure](converge-failure.svg)',
  };
  return [
    '# How long until all members know',
    `An example of the convergence calculator, which simulates real nodes instead of evaluating a formula.
\`npm run sim:converge -- --help\` explains the options.`,
    `\`\`\`\nnpm run sim:converge -- ${words.join(' ')}\n\`\`\``,
    questionText(question),
    `Seeds: ${tasksOf(question)
      .map((task) => `\`${seedOf(task)}\``)
      .join(
        ', ',
      )}. A cluster is used for ten changes of each kind, one after the other, each of another member. Packets are not
compressed and as large as UDP allows, which the few messages here do not need. Seconds are virtual.`,
    ...answers.flatMap((each) => [answerText(each, 'markdown'), pictures[each.what]]),
  ].join('\n\n');
}

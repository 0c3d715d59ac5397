/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// `npm run sim:converge`: how long it takes until everybody knows.

import { drawPlot } from '../plots.js';
import { progressText, runAll } from '../pool.js';
import { writeFormatted } from '../files.js';
import { answerOf, type Answer } from './answer.js';
import { answerText, plotOf, questionText } from './answer-text.js';
import {
  helpText,
  OptionError,
  parseOptions,
  type Happening,
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
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  say(`${question.seeds} seeds in ${tasks.length} clusters of ${question.nodes} …`);
  const found = new Map<number, readonly Sample[]>();
  await runAll<Task, { readonly cluster: number; readonly samples: readonly Sample[] }>({
    tasks,
    worker: new URL('./worker.js', import.meta.url),
    jobs,
    done: ({ cluster, samples }, progress) => {
      found.set(cluster, samples);
      say(progressText(progress, `cluster ${cluster}`));
    },
  });
  // In the order of the clusters, however many worked at them.
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
  const pictures: Record<Happening, string> = {
    update: '![An update](converge-update.svg)',
    failure: '![A failure](converge-failure.svg)',
  };
  return [
    '# How long until everybody knows',
    `An example of the convergence calculator, which simulates real nodes instead of asking a formula.
\`npm run sim:converge -- --help\` explains what can be asked.`,
    `\`\`\`\nnpm run sim:converge -- ${words.join(' ')}\n\`\`\``,
    questionText(question),
    `Seeds: ${tasksOf(question)
      .map((task) => `\`${seedOf(task)}\``)
      .join(
        ', ',
      )}. A cluster is used for ten happenings of each kind, one after the other, each with
another member. Packets are not compressed and as large as UDP lets them be, which the few messages
that are told here do not need. Seconds are virtual ones.`,
    ...answers.flatMap((each) => [answerText(each, 'markdown'), pictures[each.what]]),
  ].join('\n\n');
}

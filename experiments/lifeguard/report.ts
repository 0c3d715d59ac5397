/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The report of the Lifeguard experiment: tables with the published figures, plots, and the same figures as JSON. The
// same runs give the same bytes.

import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format } from 'prettier';
import { sum } from '../statistics.js';
import { Store } from '../store.js';
import { variants } from './configurations.js';
import { freezesOf, otherRunsOf } from './report-extras.js';
import { reportText } from './report-markdown.js';
import { judge } from './report-marks.js';
import { picturesOf } from './report-plots.js';
import { publishedFigures, publishedSwim } from './report-published.js';
import { publishedSetting, select } from './report-select.js';
import { summarize } from './report-summary.js';
import type { RunResult } from './run.js';

const folder = 'docs/experiments';

/** Where finished runs are stored. */
export const resultsPath = `${folder}/runs/lifeguard.jsonl`;

/** Writes the tables and the plots of all runs in a file; default: the repository's. */
export async function writeReport(from = resultsPath, to = folder): Promise<void> {
  const store = new Store<RunResult>(from);
  const all = store.all();
  if (all.length === 0) {
    console.log(`no runs in ${from}: nothing is written`);
    return;
  }
  const selections = variants.map((variant) => select(store, publishedSetting, variant));
  const parts = selections.map((selection) => {
    const summary = summarize(selection);
    return { summary, pictures: picturesOf(selection, summary) };
  });
  const summaries = parts.map(({ summary }) => summary);
  const report = {
    runs: all.length,
    cpuHours: sum(all.map(({ cpuMs }) => cpuMs)) / 3_600_000,
    summaries,
    freezes: freezesOf(store),
    others: otherRunsOf(store),
    pictures: new Map(parts.map(({ summary, pictures }) => [summary, pictures])),
  };
  const { pictures, ...figures } = report;
  const data = {
    ...figures,
    setting: publishedSetting,
    published: { swim: publishedSwim, figures: publishedFigures },
    marks: Object.fromEntries(summaries.map((summary) => [summary.variant, judge(summary)])),
  };
  await mkdir(to, { recursive: true });
  for (const { file, svg } of [...pictures.values()].flat()) {
    // A plot of runs that no longer exist would be wrong.
    if (svg === undefined) await rm(join(to, file), { force: true });
    else await writeFile(join(to, file), `${svg}\n`);
  }
  await writeFormattedFile(join(to, 'lifeguard.json'), JSON.stringify(data, rounded));
  await writeFormattedFile(join(to, 'lifeguard.md'), reportText(report));
  console.log(`${all.length} runs: ${join(to, 'lifeguard.md')}`);
}

/** Writes a file, formatted by Prettier. */
async function writeFormattedFile(path: string, text: string): Promise<void> {
  const parser = path.endsWith('.json') ? 'json' : 'markdown';
  await writeFile(path, await format(text, { parser, printWidth: 100 }));
}

/** Seven digits are enough for values that are not counts. */
function rounded(_: string, value: unknown): unknown {
  const isCount = typeof value !== 'number' || Number.isInteger(value);
  return isCount ? value : Number(value.toPrecision(7));
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// `npm run bench`: measures and prints the figures. Exits with 1 if a figure could not be measured, or with 2 for
// invalid arguments; a missed mark is reported, but is not a failure.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { buildGo } from '../test/interop/peers/build-go.js';
import { documentOf } from './document.js';
import { figures } from './figures/all.js';
import { Inputs } from './inputs.js';
import { busyText, goVersion, machineText, thisMachine } from './machine.js';
import { help, readOptions, UsageError, type Options } from './options.js';
import { judge } from './rows.js';
import { Harness, type Effort } from './harness.js';
import { textOf, type Section } from './table.js';

const pagePath = 'docs/BENCHMARKS.md';
const goFolder = resolve('bench/go');
const goProgram = resolve('node_modules/.cache/bench/go-side');
const ourProgram = fileURLToPath(new URL('ours/main.js', import.meta.url));

// What ends with this process, such as servers, ends at a signal as well.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => process.exit(1));
}

try {
  const names = figures.map(({ name }) => name);
  const options = readOptions(process.argv.slice(2), names);
  if (options.help) console.log(help + figures.map(nameAndTitle).join('\n'));
  else await run(options);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}

async function run(options: Options): Promise<void> {
  const wanted = figures.filter(({ name }) => isWanted(name, options));
  const needsGo = wanted.some(({ withoutGo }) => withoutGo !== true);
  const hasGo = options.withOthers && needsGo && buildGoSide();
  const machine = thisMachine(hasGo);
  const busy = busyText(machine);
  console.log(`${machineText(machine)}\n${busy === undefined ? '' : `${busy}\n`}`);
  const inputs = new Inputs();
  process.once('exit', () => inputs[Symbol.dispose]());
  const harness = new Harness({
    effort: effortOf(options),
    inputs,
    ours: [process.execPath, '--expose-gc', ourProgram],
    go: hasGo ? [goProgram] : undefined,
    withOthers: options.withOthers,
    progress: (text) =>
      console.error(`${(performance.now() / 1000).toFixed(0).padStart(4)} s  ${text}`),
  });
  const sections: Section[] = [];
  for (const figure of wanted) {
    try {
      const section = await harness.run(figure);
      sections.push(section);
      console.log(textOf(section));
      if (section.missing.length > 0) process.exitCode = 1;
    } catch (error) {
      console.error(`${figure.name} could not be measured: ${(error as Error).message}`);
      process.exitCode = 1;
    }
  }
  if (options.json !== undefined) writeFileSync(options.json, jsonOf(sections, machine));
  if (options.write) {
    const previous =
      options.only.length > 0 && existsSync(pagePath) ? readFileSync(pagePath, 'utf8') : undefined;
    const page = documentOf(sections, { machine, command: command(), figures, previous });
    const style = await resolveConfig(pagePath);
    writeFileSync(pagePath, await format(page, { ...style, parser: 'markdown' }));
  }
}

function isWanted(name: string, { only }: Options): boolean {
  return only.length === 0 || only.includes(name);
}

function command(): string {
  return ['npm run bench --', ...process.argv.slice(2)].join(' ');
}

function nameAndTitle({ name, title }: { name: string; title: string }): string {
  return `  ${name.padEnd(16)} ${title}`;
}

function effortOf({ quick, rounds }: Options): Effort {
  return quick
    ? { quick, rounds: rounds ?? 2, roundMs: 40 }
    : { quick, rounds: rounds ?? 11, roundMs: 120 };
}

/** Builds the Go side. Reports if Go is missing, or the build fails. */
function buildGoSide(): boolean {
  if (goVersion() === undefined) {
    console.log('Go is not on the path: only our side is measured.\n');
    return false;
  }
  const problem = buildGo({ folder: goFolder, output: goProgram });
  if (problem === undefined) return true;
  console.log(`The Go side does not build, so only our side is measured:\n${problem}\n`);
  return false;
}

function jsonOf(sections: readonly Section[], machine: object): string {
  const figuresWithVerdicts = sections.map((section) => ({
    ...section,
    rows: section.rows.map((row) => ({ ...row, verdict: judge(row) })),
  }));
  return `${JSON.stringify({ command: command(), machine, figures: figuresWithVerdicts }, null, 2)}\n`;
}

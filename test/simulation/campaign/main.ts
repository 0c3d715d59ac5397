/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The fault campaign: many seeds, each a scenario of its own. See docs/CAMPAIGN.md.

import { createHash } from 'node:crypto';
import { runCanaries } from './canary-run.js';
import { drawScenario } from './draw.js';
import { readScenario, textOf, writeScenario } from './files.js';
import { Hand, share } from './hand.js';
import type { Failure } from './judge.js';
import { help, type Options, parseOptions, UsageError } from './options.js';
import type { Outcome } from './outcome.js';
import { Progress } from './progress.js';
import type { Scenario } from './scenario.js';
import { shrink } from './shrink.js';

/** Real time for one scenario: a hundred times what most take. */
const limitMs = 180_000;
const newHand = (): Hand => new Hand({ module: new URL('./worker.js', import.meta.url), limitMs });

async function main(options: Options): Promise<number> {
  switch (options.mode) {
    case 'help':
      console.log(help);
      return 0;
    case 'canaries':
      return runCanaries(options);
    case 'scenario':
      return playOne(scenarioOf(options.file), options);
    case 'seed':
      return playOne(drawScenario(options.seed, options), options);
    case 'seeds':
      return playMany(options);
  }
}

function scenarioOf(file: string): Scenario {
  try {
    return readScenario(file);
  } catch (error) {
    throw new UsageError(`${file}: ${(error as Error).message}`);
  }
}

async function playOne(scenario: Scenario, options: Options): Promise<number> {
  const hand = newHand();
  const verdict = await hand.play(scenario);
  if ('failure' in verdict) await report(scenario, verdict.failure, options);
  else console.log(`${textOf(scenario)}\nseed ${scenario.seed} passes:`, verdict.outcome);
  await hand.end();
  return 'failure' in verdict ? 1 : 0;
}

function* seedsOf({ from, seeds }: Options, mayGoOn: () => boolean): Generator<number> {
  for (let seed = from; seed < from + seeds && mayGoOn(); seed++) yield seed;
}

async function playMany(options: Options): Promise<number> {
  const failed: number[] = [];
  const passed = new Map<number, Outcome>();
  const progress = new Progress(options.seeds);
  const hands = Array.from({ length: Math.min(options.jobs, options.seeds) }, newHand);
  const mayGoOn = (): boolean => !(options.stopAtFirst && failed.length > 0);
  await share(seedsOf(options, mayGoOn), hands.length, async (seed, i) => {
    const scenario = drawScenario(seed, options);
    const verdict = await (hands[i] as Hand).play(scenario);
    if ('outcome' in verdict) passed.set(seed, verdict.outcome);
    else {
      failed.push(seed);
      await report(scenario, verdict.failure, options);
    }
    progress.tick(`${failed.length} failed`);
  });
  await Promise.all(hands.map((hand) => hand.end()));
  const last = options.from + options.seeds - 1;
  const count = passed.size + failed.length;
  console.log(`seeds ${options.from} to ${last}: ${count} played in ${progress.elapsed}`);
  console.log(summary(passed));
  if (failed.length === 0) console.log('all passed');
  else console.log(`${failed.length} failed: ${failed.sort((a, b) => a - b).join(' ')}`);
  return failed.length > 0 ? 1 : 0;
}

/** What there was, and a hash of all of it, for comparing two runs. */
function summary(passed: ReadonlyMap<number, Outcome>): string {
  const sorted = [...passed].sort(([a], [b]) => a - b);
  const hash = createHash('sha256');
  for (const [seed, { digest }] of sorted) hash.update(`${seed} ${digest}\n`);
  const sum = (of: (outcome: Outcome) => number): number =>
    sorted.reduce((total, [, outcome]) => total + of(outcome), 0);
  const shares = sorted.map(([, outcome]) => (outcome.rejoined ? 0 : outcome.agreementShare));
  const slowest = Math.round(100 * Math.max(0, ...shares));
  const toolkit: Record<string, number> = {};
  for (const [, outcome] of sorted) {
    for (const [what, count] of Object.entries(outcome.toolkit)) {
      toolkit[what] = (toolkit[what] ?? 0) + count;
    }
  }
  const counts = [
    `${sum(({ steps }) => steps)} steps`,
    `${sum(({ events }) => events)} events`,
    `${sum(({ falseDeaths }) => falseDeaths)} deaths of nodes that ran`,
    `${sum(({ rejoined }) => Number(rejoined))} scenarios with islands`,
    `${sum(({ extensionMessages }) => extensionMessages)} messages of extensions`,
    ...Object.entries(toolkit).map(([what, count]) => `${count} ${what}`),
    `the slowest agreement took ${slowest} % of its bound`,
  ];
  return `${counts.join(', ')}; digest ${hash.digest('hex').slice(0, 16)}`;
}

async function report(scenario: Scenario, failure: Failure, options: Options): Promise<void> {
  const { seed } = scenario;
  console.log(`\nseed ${seed} fails: ${failure.text}\n\nits scenario:\n${textOf(scenario)}`);
  console.log(`replay: npm run sim:campaign -- ${replayWords(seed, options)}`);
  if (!options.shrink) return;
  const hand = newHand();
  let tries = 0;
  const smallest = await shrink(scenario, async (candidate) => {
    tries++;
    const verdict = await hand.play(candidate);
    return 'failure' in verdict && verdict.failure.rule === failure.rule;
  });
  const verdict = await hand.play(smallest);
  await hand.end();
  const text = 'failure' in verdict ? verdict.failure.text : 'it passes now';
  console.log(`\nthe smallest of ${tries} that were tried:\n${textOf(smallest)}\n${text}`);
  console.log(`replay: npm run sim:campaign -- --scenario ${writeScenario(smallest)}`);
}

function replayWords(seed: number, { mode, file, nodes, maxNodes, calm }: Options): string {
  if (mode === 'scenario') return `--scenario ${file}`;
  const words = [`--seed ${seed}`];
  if (nodes !== undefined) words.push(`--nodes ${nodes}`);
  if (maxNodes !== undefined) words.push(`--max-nodes ${maxNodes}`);
  if (calm) words.push('--calm');
  return words.join(' ');
}

try {
  process.exitCode = await main(parseOptions(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n--help lists the options`);
  process.exitCode = 2;
}

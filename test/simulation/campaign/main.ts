/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The fault campaign: many seeds, each a scenario of its own.
//
//   --seeds 1000    how many, from --from 0 on
//   --seed S        one alone, with its scenario printed
//   --nodes N       so many nodes in each; --max-nodes N: no more than so many
//   --shrink        make the scenarios that fail smaller
//   --canaries      break one rule of the protocol at a time, and see that the campaign notices
import { parseArgs } from 'node:util';
import { runCanaries } from './canaries.js';
import { play } from './play.js';
import { drawScenario, type Scenario } from './scenario.js';
import { shrink } from './shrink.js';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '0' },
    seed: { type: 'string' },
    nodes: { type: 'string' },
    'max-nodes': { type: 'string' },
    shrink: { type: 'boolean', default: false },
    canaries: { type: 'boolean', default: false },
    'stop-at-first': { type: 'boolean', default: false },
  },
});

const numberOf = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : Number(text);
const options = { nodes: numberOf(values.nodes), maxNodes: numberOf(values['max-nodes']) };

async function fails(scenario: Scenario): Promise<string | undefined> {
  try {
    await play(scenario);
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

async function report(scenario: Scenario, failure: string): Promise<void> {
  console.log(`\nseed ${scenario.seed} fails: ${failure}`);
  console.log(`replay: npm run sim:campaign -- --seed ${scenario.seed} --nodes ${scenario.nodes}`);
  if (!values.shrink) return;
  const smaller = await shrink(scenario, fails);
  console.log(`smallest: ${JSON.stringify(smaller, undefined, 1)}`);
  console.log(await fails(smaller));
}

async function one(seed: number): Promise<number> {
  const scenario = drawScenario(seed, options);
  console.log(JSON.stringify(scenario, undefined, 1));
  const failure = await fails(scenario);
  if (failure === undefined) {
    console.log(`seed ${seed} passes:`, await play(scenario));
    return 0;
  }
  await report(scenario, failure);
  return 1;
}

async function many(from: number, count: number): Promise<number> {
  const failed: number[] = [];
  const startedAt = performance.now();
  for (let seed = from; seed < from + count; seed++) {
    const scenario = drawScenario(seed, options);
    const failure = await fails(scenario);
    if (failure !== undefined) {
      failed.push(seed);
      await report(scenario, failure);
      if (values['stop-at-first']) break;
    }
    const done = seed - from + 1;
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    if (done % 50 === 0)
      console.log(`${done} of ${count} seeds, ${failed.length} failed, ${seconds} s`);
  }
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  console.log(`seeds ${from} to ${from + count - 1} in ${seconds} s: ${failed.length} failed`);
  if (failed.length > 0) console.log(`failed: ${failed.join(' ')}`);
  return failed.length > 0 ? 1 : 0;
}

if (values.canaries) process.exitCode = await runCanaries({ seeds: Number(values.seeds) });
else if (values.seed !== undefined) process.exitCode = await one(Number(values.seed));
else process.exitCode = await many(Number(values.from), Number(values.seeds));

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Runs the campaign against broken copies of the library. The compiled tree is copied, the one file
// that differs is compiled anew, and a thread plays scenarios with that tree until one fails.

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';
import { canaries } from './canaries.js';
import type { Canary } from './canary.js';
import { drawScenario } from './draw.js';
import { Hand, share } from './hand.js';
import type { Failure } from './judge.js';
import type { Options } from './options.js';
import { Progress } from './progress.js';
import type { Scenario } from './scenario.js';

/** Small clusters show what is wrong as well as large ones, and sooner. */
const defaultMaxNodes = 10;
const limitMs = 60_000;
const tree = fileURLToPath(new URL('../../../', import.meta.url));
const newHand = (folder: string): Hand => {
  const module = pathToFileURL(join(folder, 'test/simulation/campaign/worker.js'));
  return new Hand({ module, limitMs });
};

interface Catch {
  readonly scenario: Scenario;
  readonly failure: Failure;
}

/** @returns 1 when a canary was not noticed, or no canary has that name; else 0 */
export async function runCanaries(options: Options): Promise<number> {
  const chosen = canaries.filter(({ name }) => name.includes(options.canary));
  const missed: string[] = [];
  const progress = new Progress(chosen.length);
  const hands = Math.min(options.jobs, chosen.length);
  const sound = Array.from({ length: hands }, () => newHand(tree));
  await share(chosen, hands, async (canary, i) => {
    const startedAt = performance.now();
    const caught = await findOut(canary, options, sound[i] as Hand);
    if (caught === undefined) missed.push(canary.name);
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
    console.log(describe(canary, caught, seconds));
    progress.tick(`${missed.length} missed`);
  });
  await Promise.all(sound.map((hand) => hand.end()));
  const caught = chosen.length - missed.length;
  console.log(`${caught} of ${chosen.length} canaries were caught in ${progress.elapsed}`);
  if (chosen.length === 0) console.log(`no canary has "${options.canary}" in its name`);
  return caught > 0 && missed.length === 0 ? 0 : 1;
}

function describe({ name }: Canary, caught: Catch | undefined, seconds: string): string {
  if (caught === undefined) return `MISSED  ${name} (${seconds} s)`;
  const { scenario, failure } = caught;
  const [first] = failure.text.split('\n');
  const where = `seed ${scenario.seed}${scenario.isCalm ? ', calm,' : ''} in ${seconds} s`;
  return `caught  ${name}\n        by ${where}: ${first?.slice(0, 200)}`;
}

/** The first seed that fails with the canary and passes without; undefined when none does. */
async function findOut(canary: Canary, options: Options, sound: Hand): Promise<Catch | undefined> {
  const folder = mkdtempSync(join('node_modules', '.cache', 'canary-'));
  const broken = newHand(folder);
  try {
    for (const part of ['package.json', 'src', 'test']) {
      cpSync(join(tree, part), join(folder, part), { recursive: true });
    }
    const file = join('src', canary.file);
    const text = breakIt(canary, readFileSync(file, 'utf8'));
    writeFileSync(join(folder, file.replace(/\.ts$/, '.js')), compiled(text));
    for (const scenario of scenariosFor(options, canary)) {
      const failure = await failureIn(broken, scenario);
      if (failure === undefined) continue;
      const alas = await failureIn(sound, scenario);
      if (alas !== undefined) {
        console.log(`seed ${scenario.seed} fails anyway: ${alas.text}`);
        continue;
      }
      return { scenario, failure };
    }
    return undefined;
  } finally {
    await broken.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Calm ones first: they take no time, and in them much less is allowed. */
function* scenariosFor(
  { from, seeds, ...options }: Options,
  { seed: ownSeed, part, needsFaults = false }: Canary,
): Generator<Scenario> {
  const { nodes, maxNodes = defaultMaxNodes } = options;
  const toolkit = part === undefined ? [] : [part];
  if (ownSeed !== undefined) yield drawScenario(ownSeed, { nodes, maxNodes, calm: false, toolkit });
  for (const calm of options.calm ? [true] : needsFaults ? [false] : [true, false]) {
    for (let seed = from, left = seeds; left > 0; seed++) {
      const scenario = drawScenario(seed, { nodes, maxNodes, calm, toolkit });
      if (part !== undefined && scenario.toolkit?.[part] === undefined) continue;
      left--;
      yield scenario;
    }
  }
}

async function failureIn(hand: Hand, scenario: Scenario): Promise<Failure | undefined> {
  const verdict = await hand.play(scenario);
  return 'failure' in verdict ? verdict.failure : undefined;
}

/** @throws Error when the canary does not fit. */
function breakIt({ name, file, from, to }: Canary, source: string): string {
  const places = source.split(from).length - 1;
  if (places !== 1) {
    throw new Error(`"${name}" does not fit ${file}: its text is there ${places} times`);
  }
  return source.replace(from, () => to);
}

function compiled(source: string): string {
  const compilerOptions = { module: ModuleKind.ESNext, target: ScriptTarget.ES2022 };
  return transpileModule(source, { compilerOptions }).outputText;
}

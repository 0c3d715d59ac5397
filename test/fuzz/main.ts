/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The fuzzer as a command: npm run fuzz -- --seconds 600 --seed 7
import { parseArgs } from 'node:util';
import { limits } from '../../src/wire/limits.js';
import type { Entrance } from './cluster.js';
import { writeFinding } from './finding.js';
import { findingsFolder, readItems } from './item-file.js';
import { lanesWith, nameOf } from './lane.js';
import { narrowed, replay } from './replay.js';
import { run, type Figures, type RunResult } from './run.js';
import { Dice } from './dice.js';
import { StateFuzz, stateMarks } from './state-messages.js';

const help = `Sends mutants of real and golden traffic to running nodes, and looks whether any of them does harm.

  npm run fuzz -- [options]

  --seconds N      for how long in all; 60
  --seed S         decides the mutants; drawn, and said, when it is not given
  --plain          only nodes without a key
  --encrypted      only nodes with a key
  --label TEXT     only nodes with this label ('' for none)
  --memory         only in memory and virtual time: fast, and the same for the same seed
  --sockets        only over real sockets
  --state          only messages of node-memberlist/state, against its decoders and its store
  --out FOLDER     where a finding is written; test/fuzz/corpus/findings
  --replay FILE    plays a finding or a part of the corpus instead, and says what happens
  --marks          prints at the end what the mutants reached
  --help           prints this

Ends with 1 when there is a finding, or when some layer was not reached.`;

const progressMs = 5_000;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string' },
      plain: { type: 'boolean', default: false },
      encrypted: { type: 'boolean', default: false },
      label: { type: 'string' },
      memory: { type: 'boolean', default: false },
      sockets: { type: 'boolean', default: false },
      state: { type: 'boolean', default: false },
      out: { type: 'string', default: findingsFolder },
      replay: { type: 'string' },
      marks: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(help);
    return 0;
  }
  if (values.replay !== undefined) return replayed(values.replay);
  const seconds = Number(values.seconds);
  if (!(seconds > 0 && seconds < Infinity))
    throw new RangeError('--seconds takes a number above 0');
  if (Buffer.byteLength(values.label ?? '') > limits.labelBytes) {
    throw new RangeError(`--label takes at most ${limits.labelBytes} bytes`);
  }
  const seed = values.seed ?? String(Math.floor(Math.random() * 2 ** 32));
  if (values.state) return stateFuzzed(seed, seconds);
  const lanes = lanesWith({
    ...(values.plain !== values.encrypted && { encrypted: values.encrypted }),
    ...(values.label !== undefined && { label: values.label }),
  });
  const both: readonly Entrance[] = ['memory', 'sockets'];
  const entrances =
    values.memory === values.sockets ? both : both.filter((entrance) => values[entrance]);
  console.log(
    `seed ${seed}, ${seconds} s: ${lanes.map(nameOf).join('; ')}; ${entrances.join(', ')}`,
  );

  // An unhandled failure becomes a finding, and does not end the process.
  process.on('uncaughtException', () => undefined);
  const progress = reporter();
  const result = await run({ lanes, entrances, seed, dose: { seconds }, progress });
  if (values.marks) printMarks(result);
  console.log(`\n${described(result)}`);
  for (const mark of result.unreached) console.error(`not reached: ${mark}`);
  const { finding } = result;
  if (finding !== undefined) {
    const path = writeFinding(await narrowed(finding), seed, values.out);
    console.error(`\nfound ${finding.kind} (${nameOf(finding.lane)}): ${finding.detail}`);
    console.error(`npm run fuzz -- --replay ${path}`);
  }
  return finding === undefined && result.unreached.length === 0 ? 0 : 1;
}

/** Every exception is a finding: it ends the run. */
function stateFuzzed(seed: string, seconds: number): number {
  const fuzz = new StateFuzz(new Dice(seed));
  const endsAt = performance.now() + seconds * 1_000;
  while (performance.now() < endsAt) fuzz.run(1_000);
  for (const [mark, times] of fuzz.marks) console.log(`${mark}: ${times.toLocaleString('en')}`);
  const unreached = stateMarks.filter((mark) => !fuzz.marks.has(mark));
  for (const mark of unreached) console.error(`not reached: ${mark}`);
  return unreached.length === 0 ? 0 : 1;
}

async function replayed(path: string): Promise<number> {
  const file = readItems(path);
  const { marks, finding } = await replay(file);
  for (const each of marks) console.log(`${nameOf(file.lane)}: ${summary(each)}`);
  console.log(finding === undefined ? 'no finding' : `${finding.kind}: ${finding.detail}`);
  return finding === undefined ? 0 : 1;
}

/** Each mark once, with its number. */
function summary(marks: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const mark of marks) counts.set(mark, (counts.get(mark) ?? 0) + 1);
  return [...counts].map(([mark, n]) => (n === 1 ? mark : `${mark} × ${n}`)).join(', ');
}

/** Prints the progress every few seconds. */
function reporter(): (figures: Figures) => void {
  const startedAt = performance.now();
  let printedAt = startedAt;
  let packetsThen = 0;
  return (figures) => {
    const now = performance.now();
    if (now - printedAt < progressMs) return;
    const rate = ((figures.packets - packetsThen) * 1_000) / (now - printedAt);
    const at = ((now - startedAt) / 1_000).toFixed(0).padStart(4);
    const rounded = `${rate.toFixed(0)} packets/s`;
    console.log(`${at} s  ${figures.where.padEnd(30)} ${described(figures)}, ${rounded}`);
    printedAt = now;
    packetsThen = figures.packets;
  };
}

function described(figures: Figures): string {
  const { packets, streams, slowestPacketMs, slowestStreamMs, eventLoopMs, heapGrown } = figures;
  const heap = process.memoryUsage().heapUsed;
  return [
    `${packets.toLocaleString('en')} packets`,
    `${streams.toLocaleString('en')} streams`,
    `heap ${mebibytes(heap)}, grown by ${mebibytes(heapGrown)} at most`,
    `longest turn ${slowestPacketMs.toFixed(1)} ms (streams ${slowestStreamMs.toFixed(1)} ms)`,
    `event loop late by ${eventLoopMs.toFixed(0)} ms (our own work too)`,
  ].join(', ');
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

function printMarks({ reached }: RunResult): void {
  for (const { lane, marks } of reached) {
    console.log(`\n${nameOf(lane)}`);
    for (const [mark, count] of [...marks].sort())
      console.log(`${String(count).padStart(9)}  ${mark}`);
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Our side of the benchmarks: reads tasks as lines of JSON from standard input, and writes answers to standard output.
// Ends when standard input ends. The counterpart is bench/go.

import { createInterface } from 'node:readline';
import type { TaskHandlers } from '../protocol.js';
import { gather, heap, joinAll, kill, start, stop, usage } from './cluster.js';
import { decode, encode } from './codec.js';
import { cryptoFloor } from './crypto-floor.js';
import { floorUsage, startFloor, stopFloor } from './floor.js';
import { growth } from './growth.js';
import { compress, decompress } from './lzw.js';
import { memory } from './memory.js';
import { packetsIn, packetsOut } from './packets.js';
import { pushPull, turns } from './push-pull.js';
import { ring } from './ring.js';

const handlers: TaskHandlers = {
  encode,
  decode,
  compress,
  decompress,
  packetsIn,
  packetsOut,
  pushPull,
  turns,
  memory,
  start,
  joinAll,
  gather,
  usage,
  heap,
  kill,
  stop,
  startFloor,
  floorUsage,
  stopFloor,
  cryptoFloor,
  growth,
  ring,
};

for await (const line of createInterface(process.stdin)) {
  const task = JSON.parse(line) as { id: number; do: keyof TaskHandlers };
  const { id } = task;
  let answer;
  try {
    const work = handlers[task.do] as (task: unknown) => unknown;
    answer = { id, result: await work(task) };
  } catch (error) {
    answer = { id, error: (error as Error).stack };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

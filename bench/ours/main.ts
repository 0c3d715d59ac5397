/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Our side of the benchmarks: does what lines of JSON on standard input say, and answers on standard
// output. Ends when standard input does. The counterpart is bench/go.

import { createInterface } from 'node:readline';
import type { Doing } from '../protocol.js';
import { gather, heap, joinAll, kill, start, stop, usage } from './cluster.js';
import { decode, encode } from './codec.js';
import { cryptoFloor } from './crypto-floor.js';
import { floorUsage, startFloor, stopFloor } from './floor.js';
import { growth } from './growth.js';
import { compress, decompress } from './lzw.js';
import { memory } from './memory.js';
import { packetsIn, packetsOut } from './packets.js';
import { pushPull, turns } from './push-pull.js';

const doing: Doing = {
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
};

for await (const line of createInterface(process.stdin)) {
  const task = JSON.parse(line) as { id: number; do: keyof Doing };
  const { id } = task;
  let answer;
  try {
    const work = doing[task.do] as (task: unknown) => unknown;
    answer = { id, result: await work(task) };
  } catch (error) {
    answer = { id, error: (error as Error).stack };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The memory of a known member.

import { readFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import type { MemoryTask } from '../protocol.js';
import { readParts } from './packets.js';
import { collectGarbage } from './stopwatch.js';
import { startTarget } from './target.js';

const ackAloneBytes = 100;

const warmUps = 3;

/** The heap growth when a push/pull adds members, and their updates have been gossiped. */
export async function memory(task: MemoryTask): Promise<{ bytes: number }> {
  // Compiled code and caches do not belong to a member: the warm-ups create them.
  for (let warmUp = 0; warmUp < warmUps; warmUp++) await grownBy(task);
  return { bytes: await grownBy(task) };
}

async function grownBy({ load, packets, members }: MemoryTask): Promise<number> {
  const [ping] = readParts(packets);
  const request = readFileSync(load);
  if (ping === undefined) throw new Error('there is no ping');
  let lastBytes = 0;
  const layers = { compress: false, key: '' };
  await using target = await startTarget(layers, {
    onSend: ({ length }) => (lastBytes = length),
  });
  const before = await bytesInUse();
  await target.transport.exchange(request);
  do target.transport.receive(ping);
  while (lastBytes >= ackAloneBytes);
  const after = await bytesInUse();
  if (target.list.numMembers !== members + 1) {
    throw new Error(`${target.list.numMembers} members are known`);
  }
  // The request must be in memory before and after.
  if (request.length === 0) throw new Error('the request is empty');
  return after - before;
}

/** Heap and array buffers, after garbage collection. */
export async function bytesInUse(): Promise<number> {
  // Objects held by a finished turn are freed by the next collection.
  for (let i = 0; i < 3; i++) {
    await turn();
    collectGarbage();
  }
  const { heapUsed, external } = process.memoryUsage();
  // External memory contains the array buffers.
  return heapUsed + external;
}

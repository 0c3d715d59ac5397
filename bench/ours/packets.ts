/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Received and sent packets, through the whole path between a transport and the member table.

import { readFileSync } from 'node:fs';
import type { PacketsResult, PacketsTask } from '../protocol.js';
import { collectGarbage, Stopwatch } from './stopwatch.js';
import { startLoadedTarget } from './target.js';
import { incarnationSum, messagesIn, recordsIn } from './unwrap.js';

/** A single ack is shorter, an ack with one broadcast longer. */
const ackAloneBytes = 100;
/** The last drains are timed: the first ones are slow. */
const timedDrains = 3;

/**
 * Delivers packets of alive messages to a node. Each pass uses a new node, so that the incarnations are
 * new.
 */
export async function packetsIn(task: PacketsTask): Promise<PacketsResult> {
  const packets = readParts(task.packets);
  const ask = readFileSync(task.ask);
  const watch = new Stopwatch();
  let messages = 0;
  let incarnations = 0;
  do {
    await using target = await startLoadedTarget(task, task.load, { countsAlives: true });
    const seenBefore = target.alivesSeen;
    collectGarbage();
    for (let at = 0; at < packets.length; at += task.burst) {
      if (at === task.untimed) watch.start();
      const burst = packets.slice(at, at + task.burst);
      const handled = target.expectAlives(burst.length * task.alivesPerPacket);
      for (const packet of burst) target.transport.receive(packet);
      await handled;
    }
    watch.stop(packets.length - task.untimed);
    messages = target.alivesSeen - seenBefore;
    incarnations = incarnationSum(recordsIn(await target.transport.exchange(ask), task));
  } while (watch.measuredMs < task.minMs);
  return { ...watch.total, packets: packets.length, messages, incarnations };
}

/** Pings a node that has just learned of its members until its acks carry no more updates, and again after more updates. */
export async function packetsOut(task: PacketsTask): Promise<PacketsResult> {
  const [ping] = readParts(task.packets);
  if (ping === undefined) throw new Error('there is no ping');
  const watch = new Stopwatch();
  let sent: Buffer[] = [];
  const onSend = (packet: Buffer): void => void sent.push(packet);
  do {
    await using target = await startLoadedTarget(task, task.load, { onSend });
    collectGarbage();
    const drain = (): void => {
      sent = [];
      do target.transport.receive(ping);
      while ((sent.at(-1)?.length ?? 0) >= ackAloneBytes);
    };
    drain();
    for (const [index, again] of task.again.entries()) {
      await target.transport.exchange(readFileSync(again));
      const isTimed = index >= task.again.length - timedDrains;
      if (isTimed) watch.start();
      drain();
      if (isTimed) watch.stop(sent.length);
    }
  } while (watch.measuredMs < task.minMs);
  let messages = 0;
  for (const packet of sent) messages += messagesIn(packet, task);
  return { ...watch.total, packets: sent.length, messages, incarnations: 0 };
}

/** Reads a file of byte strings, each after its length. */
export function readParts(file: string): Buffer[] {
  const all = readFileSync(file);
  const parts: Buffer[] = [];
  for (let at = 0; at < all.length;) {
    const start = at + 4;
    at = start + all.readUInt32BE(at);
    parts.push(all.subarray(start, at));
  }
  return parts;
}

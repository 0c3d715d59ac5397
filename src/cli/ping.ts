/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import { setTimeout as wait } from 'node:timers/promises';
import { printable } from '../wire/printable.js';
import { exitCodes, numberOf, type Command } from './command.js';
import { targetOf, TemporaryNode, nodeQueryOf, clusterOptionsHelp } from './temporary-node.js';

/** Pings a node. */
export const ping: Command = {
  summary: 'ping a node, over UDP or TCP, without joining',
  help: `usage: node-memberlist ping [options] [NAME/]HOST[:PORT]

Sends the same pings that members send each other, and prints the round trips. With a NAME, only a node
with that name answers. Exits with status 0 if all pings were answered.

  --count N         number of pings. Default: 3
  --interval MS     time between them. Default: 200
  --timeout MS      for each answer. Default: 1000
  --tcp             over TCP, as members do when UDP fails
${clusterOptionsHelp}

  node-memberlist ping 10.0.0.5
  node-memberlist ping web-1/10.0.0.5:7946 --key-file cluster.key
`,
  async run(words, io) {
    const { values, target, timeoutMs } = nodeQueryOf(words, {
      options: {
        count: { type: 'string' },
        interval: { type: 'string' },
        tcp: { type: 'boolean' },
      },
      timeoutMs: { to: 60_000, otherwise: 1_000 },
    });
    const count = Math.round(numberOf(values, 'count', { from: 1, to: 1e6, otherwise: 3 }));
    const intervalMs = numberOf(values, 'interval', { from: 0, to: 3_600_000, otherwise: 200 });
    const to = await targetOf(target);
    const node = await TemporaryNode.open(to, values, timeoutMs);
    const times: number[] = [];
    try {
      for (let i = 1; i <= count; i++) {
        const answer = await (values.tcp === true
          ? node.pingStream(to, timeoutMs)
          : node.ping(to, timeoutMs));
        if ('ms' in answer) times.push(answer.ms);
        const result = 'ms' in answer ? `${answer.ms.toFixed(2)} ms` : answer.failure;
        io.stdout.write(`${i}/${count} ${to.addr}: ${printable(result)}\n`);
        if (i < count) await wait(intervalMs);
      }
    } finally {
      await node.close();
    }
    io.stdout.write(`${summary(times, count)}\n`);
    if (times.length === 0) io.stderr.write(`try: node-memberlist doctor ${target}\n`);
    return times.length === count ? exitCodes.done : exitCodes.failed;
  },
};

function summary(times: readonly number[], count: number): string {
  const answered = `${times.length} of ${count} answered`;
  if (times.length === 0) return answered;
  const sorted = [...times].sort((a, b) => a - b);
  const shown = [sorted[0], sorted[sorted.length >> 1], sorted.at(-1)].map((ms) => ms?.toFixed(2));
  return `${answered}; ${shown.join(' / ')} ms (min / median / max)`;
}

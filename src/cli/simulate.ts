/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import { exitCodes, numberOf, parseWords, UsageError, type Command } from './command.js';
import { table } from './table.js';

const presets = { lan: 'lanConfig', wan: 'wanConfig', local: 'localConfig' } as const;
const SETTLE_MS = 3_600_000;

interface Times {
  readonly joined: number;
  readonly update: number;
  readonly suspected: number;
  readonly dead: number;
}

/** Measures how long updates and failure detection take, by running the cluster in virtual time. */
export const simulate: Command = {
  summary: 'simulate how fast updates and failures spread in a cluster',
  help: `usage: node-memberlist simulate [options]

Runs a whole cluster of production nodes in virtual time. Prints how long it takes, in virtual time, until
all nodes have joined, until all nodes know a change of metadata, until the first node suspects a crashed
node, and until all nodes know that it is dead. The same seed gives the same result.

  --nodes N         size of the cluster, 3 to 500. Default: 50
  --nodes N         cluster size, 3 to 500. Default: 50
  --loss SHARE      of packets, 0 to 0.9. Default: 0
  --loss FRACTION   of packets, 0 to 0.9. Default: 0
  --latency MS      one way. Default: 1
  --seed N          Default: 1
  --json            as JSON

  node-memberlist simulate --nodes 100 --loss 0.05
`,
  async run(words, io) {
    const { values, positionals } = parseWords(words, {
      nodes: { type: 'string' },
      preset: { type: 'string' },
      loss: { type: 'string' },
      latency: { type: 'string' },
      runs: { type: 'string' },
      seed: { type: 'string' },
      json: { type: 'boolean' },
    });
    if (positionals.length > 0) throw new UsageError(`simulate takes no '${positionals[0] ?? ''}'`);
    const preset = values.preset ?? 'lan';
    if (typeof preset !== 'string' || !Object.hasOwn(presets, preset)) {
      throw new UsageError('--preset must be lan, wan or local');
    }
    const whole = (name: string, from: number, to: number, otherwise: number): number =>
      Math.round(numberOf(values, name, { from, to, otherwise }));
    const size = whole('nodes', 3, 500, 50);
    const seed = whole('seed', 0, 2 ** 31, 1);
    const network = {
      loss: numberOf(values, 'loss', { from: 0, to: 0.9, otherwise: 0 }),
      latency: numberOf(values, 'latency', { from: 0, to: 10_000, otherwise: 1 }),
    };
    const runs: Times[] = [];
    for (let run = 0; run < whole('runs', 1, 1_000, 3); run++) {
      runs.push(await oneRun(size, seed + run, presets[preset as keyof typeof presets], network));
    }
    io.stdout.write(values.json === true ? `${JSON.stringify(runs)}\n` : textOf(runs, size));
    return exitCodes.done;
  },
};

async function oneRun(
  size: number,
  seed: number,
  preset: (typeof presets)[keyof typeof presets],
  network: { readonly loss: number; readonly latency: number },
): Promise<Times> {
  const [{ SimulatedCluster }, configs] = await Promise.all([
    import('../testing/index.js'),
    import('../config/presets.js'),
  ]);
  let meta = 'before';
  const nodeMeta = (): Buffer => Buffer.from(meta);
  const config = (name: string) => ({
    ...configs[preset](),
    ...(name === 'n0' && { delegate: { nodeMeta } }),
  });
  const cluster = await SimulatedCluster.create({ size, seed, config, network });
  try {
    const startedAt = cluster.now;
    await cluster.joinAll();
    await cluster.runUntil(() => cluster.converged(), { timeout: SETTLE_MS });
    const joined = cluster.now - startedAt;
    // The offset makes the start independent of the joins.
    await cluster.run(configs[preset]().pushPullInterval * 1.37);
    meta = 'after';
    void cluster
      .node('n0')
      .updateNode()
      .catch(() => undefined);
    const others = cluster
      .names()
      .slice(1)
      .map((name) => cluster.node(name));
    const update = await cluster.runUntil(
      () => others.every((list) => list.member('n0')?.meta.toString() === 'after'),
      { timeout: SETTLE_MS },
    );
    await cluster.run(configs[preset]().probeInterval * 7.31);
    const crashed = `n${size - 1}`;
    const survivors = cluster
      .names()
      .slice(0, -1)
      .map((name) => cluster.node(name));
    const stateAt = cluster.now;
    cluster.crash(crashed, { silent: true });
    const isGone = (state: string | undefined): boolean => state === undefined || state === 'dead';
    const suspected = await cluster.runUntil(
      () => survivors.some((list) => list.member(crashed)?.state !== 'alive'),
      { timeout: SETTLE_MS },
    );
    await cluster.runUntil(() => survivors.every((list) => isGone(list.member(crashed)?.state)), {
      timeout: SETTLE_MS,
    });
    return { joined, update, suspected, dead: cluster.now - stateAt };
  } finally {
    await cluster.close();
  }
}

function textOf(runs: readonly Times[], size: number): string {
  const row = (title: string, key: keyof Times): string[] => {
    const sorted = runs.map((run) => run[key]).sort((a, b) => a - b);
    const shown = [sorted[0], sorted[sorted.length >> 1], sorted.at(-1)];
    return [title, ...shown.map((ms) => `${((ms ?? 0) / 1000).toFixed(2)} s`)];
  };
  return table([
    [`${size} nodes, ${runs.length} ${runs.length === 1 ? 'run' : 'runs'}`, 'min', 'median', 'max'],
    row('all nodes have joined', 'joined'),
    row('all nodes know new metadata', 'update'),
    row('a crash is suspected', 'suspected'),
    row('all nodes know that it is dead', 'dead'),
  ]);
}

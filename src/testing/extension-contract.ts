/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The requirements for every extension, as checks for any test runner.
import assert from 'node:assert/strict';
import type { Logger, MemberlistConfig } from '../config/options.js';
import type { Extension, ExtensionContext } from '../extensions/extension.js';
import { SeededRandom } from './seeded-random.js';
import { SimulatedCluster } from './simulated-cluster.js';

/** One check. */
export interface ExtensionCheck {
  readonly name: string;
  /** Runs the check; rejects with a description of the violation. */
  readonly run: () => Promise<void>;
}

const RUN_MS = 30_000;
const FORGED_MESSAGES = 2_000;
const LONGEST_FORGED = 200;

/**
 * Checks that hold for every extension: joins, crashes, losses, leaves and arbitrary messages cause no exception; it
 * leaves no timer behind, behaves identically for the same seed, and sends nothing to nodes without it.
 *
 * ```ts
 * for (const { name, run } of extensionContract(() => createBus())) test(name, run);
 * ```
 *
 * @param create - creates a new extension for each node
 */
export function extensionContract(create: () => Extension): readonly ExtensionCheck[] {
  return [
    {
      name: 'faults in the cluster cause no exception and leave no timer',
      run: () => faults(create),
    },
    { name: 'the same seed gives the same run', run: () => sameSeed(create) },
    { name: 'arbitrary messages cause no exception', run: () => anyBytes(create) },
    { name: 'a node without it receives none of its messages', run: () => onlyToPeers(create) },
  ];
}

async function faults(create: () => Extension): Promise<void> {
  const { cluster, thrown } = await start(create, 5);
  await cluster.joinAll();
  await cluster.run(RUN_MS);
  cluster.crash('n1');
  await cluster.run(RUN_MS);
  await cluster.restart('n1');
  cluster.partition([
    ['n0', 'n1'],
    ['n2', 'n3', 'n4'],
  ]);
  await cluster.run(RUN_MS);
  cluster.heal();
  await cluster.leave('n4');
  await cluster.run(RUN_MS);
  await cluster.close();
  assert.deepEqual(thrown, []);
  assert.equal(cluster.timersLeft, 0, 'timers remain after the shutdown');
}

async function sameSeed(create: () => Extension): Promise<void> {
  const digests: string[] = [];
  for (let i = 0; i < 2; i++) {
    const { cluster } = await start(create, 3);
    await cluster.joinAll();
    await cluster.run(RUN_MS);
    digests.push(cluster.digest());
    await cluster.close();
  }
  const rule = 'two runs with one seed differ: use the clock and the random source of the context';
  assert.equal(digests[0], digests[1], rule);
}

async function anyBytes(create: () => Extension): Promise<void> {
  const { cluster, thrown } = await start(create, 2);
  const { name, version } = create();
  let forger: ExtensionContext | undefined;
  const forging: Extension = {
    name,
    ...(version !== undefined && { version }),
    attach: (context) => {
      forger = context;
      return undefined;
    },
  };
  await cluster.joinAll();
  await cluster.addNode('forger', { config: { use: [forging] } });
  await cluster.run(1_000);
  const random = new SeededRandom('any bytes');
  for (let i = 0; i < FORGED_MESSAGES; i++) {
    const length = Math.floor(random.next() * LONGEST_FORGED);
    const payload = Buffer.from(Array.from({ length }, () => Math.floor(random.next() * 256)));
    const how = i % 20 === 0 ? forger?.sendReliable('n0', payload) : forger?.send('n0', payload);
    await cluster.during(how ?? Promise.resolve());
  }
  await cluster.run(RUN_MS);
  await cluster.close();
  assert.deepEqual(thrown, []);
}

async function onlyToPeers(create: () => Extension): Promise<void> {
  const { cluster } = await start(create, 3);
  await cluster.joinAll();
  let received = 0;
  const notifyMsg = (): void => {
    received++;
  };
  // A node of this library drops messages for extensions that it does not have.
  const note = (_message: string, fields?: object): void => {
    if ((fields as { reason?: unknown } | undefined)?.reason === 'unknown-extension') received++;
  };
  const logger: Logger = { debug: note, info: note, warn: note, error: note };
  const config: MemberlistConfig = { use: [], delegate: { notifyMsg }, logger };
  const plain = await cluster.addNode('plain', { config });
  plain.on('message', () => received++);
  await cluster.run(2 * RUN_MS);
  await cluster.close();
  assert.equal(received, 0, 'messages that a node without the extension received');
}

/** A cluster of nodes with the extension, and the exceptions that it has thrown. */
async function start(
  create: () => Extension,
  size: number,
): Promise<{ cluster: SimulatedCluster; thrown: string[] }> {
  const thrown: string[] = [];
  const note = (message: string, fields?: object): void => {
    if ((fields as { code?: unknown } | undefined)?.code === 'extension-threw')
      thrown.push(message);
  };
  const logger: Logger = { debug: note, info: note, warn: note, error: note };
  const network = { loss: 0.05 };
  const config = { use: () => [create()], logger };
  return {
    cluster: await SimulatedCluster.create({ size, seed: 'contract', network, config }),
    thrown,
  };
}

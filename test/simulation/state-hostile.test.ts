/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A member that holds the key and lies: what it can cause is bounded and counted, and honest nodes agree again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Extension, ExtensionContext } from '../../src/index.js';
import { stateLimits } from '../../src/state/limits.js';
import { encodeDigests, encodeHash } from '../../src/state/messages.js';
import { createState, type State } from '../../src/state/index.js';
import { SimulatedCluster } from '../../src/testing/index.js';
import { boot, entry, message } from '../unit/state/maps.js';

class Attack {
  readonly states = new Map<string, State>();
  readonly warnings: string[] = [];
  readonly cluster: SimulatedCluster;
  readonly #forger: ExtensionContext;

  private constructor(cluster: SimulatedCluster, forger: ExtensionContext) {
    this.cluster = cluster;
    this.#forger = forger;
  }

  static async create(): Promise<Attack> {
    const states = new Map<string, State>();
    const warnings: string[] = [];
    const warn = (line: string): void => void warnings.push(line);
    const logger = { debug: () => undefined, info: () => undefined, warn, error: warn };
    const config = (name: string) => {
      const state = createState();
      states.set(name, state);
      return { use: [state], logger };
    };
    const cluster = await SimulatedCluster.create({ size: 3, seed: 'hostile', config });
    await cluster.joinAll();
    let forger: ExtensionContext | undefined;
    const forging: Extension = {
      name: 'state',
      version: 1,
      attach: (context) => {
        forger = context;
        return undefined;
      },
    };
    await cluster.addNode('forger', { config: { use: [forging] } });
    states.delete('forger');
    await cluster.runUntil(() => cluster.converged());
    const attack = new Attack(cluster, forger!);
    for (const [name, state] of states) {
      attack.states.set(name, state);
      state.set('name', name);
    }
    attack.warnings.push(...warnings);
    await cluster.run(1_000);
    warnings.length = 0;
    Object.defineProperty(attack, 'warnings', { value: warnings });
    return attack;
  }

  state(name: string): State {
    return this.states.get(name)!;
  }

  async send(to: string, payload: Buffer): Promise<void> {
    await this.cluster.during(this.#forger.send(to, payload));
  }

  async stream(to: string, payload: Buffer): Promise<void> {
    await this.cluster.during(this.#forger.sendReliable(to, payload));
  }

  /** Packets and bytes that a node sends while `attack` runs. */
  async sentBy(
    name: string,
    attack: () => Promise<void>,
  ): Promise<{ packets: number; bytes: number }> {
    const before = this.cluster.stats().byNode[name]!;
    await attack();
    await this.cluster.run(1_000);
    const after = this.cluster.stats().byNode[name]!;
    return {
      packets: after.packets - before.packets,
      bytes: after.packetBytes + after.streamBytes - before.packetBytes - before.streamBytes,
    };
  }

  /** All honest nodes read the value of each. */
  async untilTrue(key = 'name', timeout = 30_000): Promise<void> {
    const states = [...this.states.values()];
    const names = [...this.states.keys()];
    await this.cluster.runUntil(
      () => states.every((state) => names.every((name) => state.get(name, key) === name)),
      { timeout },
    );
  }
}

test('writes in the name of another member are replaced by what it wrote', async () => {
  const attack = await Attack.create();
  const now = attack.cluster.now;
  const forged = [entry(1, 'name', '\xa6forged')];
  for (const id of [boot(Math.floor(now)), boot(Math.floor(now) + 3_600_000)]) {
    await attack.send('n0', message({ name: 'n1', boot: id, entries: forged }));
    await attack.cluster.run(20);
    assert.equal(attack.state('n0').get('n1', 'name'), 'forged');
    await attack.untilTrue();
  }
  assert.ok(attack.warnings.some((line) => line.includes('published its map again')));
  await attack.cluster.close();
});

test('a forged version of a map does not shadow later writes', async () => {
  const attack = await Attack.create();
  const own = message({ name: 'n1', boot: boot(1), from: 0, to: 2 ** 53 - 1 });
  await attack.send('n0', own);
  // The boot id of n1 is known to all who read its digests.
  const id = await bootOf(attack, 'n1');
  await attack.send('n0', message({ name: 'n1', boot: id, from: 1, to: 2 ** 53 - 1 }));
  await attack.cluster.run(50);
  attack.state('n1').set('later', 'n1');
  attack.state('n0').set('later', 'n0');
  attack.state('n2').set('later', 'n2');
  await attack.untilTrue('later');
  await attack.cluster.close();
});

test('a member that forges all the time cannot make a node publish its map at the same rate', async () => {
  const attack = await Attack.create();
  let changes = 0;
  attack.state('n0').on('change', () => changes++);
  for (let i = 0; i < 600; i++) {
    const id = boot(Math.floor(attack.cluster.now) + 60_000);
    await attack.send(
      'n0',
      message({ name: 'n1', boot: id, entries: [entry(i + 1, 'name', '\x01')] }),
    );
    await attack.cluster.run(100);
  }
  assert.ok(changes < 20, `${changes}`);
  await attack.untilTrue('name', 120_000);
  await attack.cluster.close();
});

test('maps of invented members are not stored', async () => {
  const attack = await Attack.create();
  const before = attack.state('n0').sizes;
  for (let i = 0; i < 500; i++) {
    await attack.send('n0', message({ name: `no-${i}`, entries: [entry(1, 'x', '\x01')] }));
  }
  const digest = encodeDigests(
    Array.from({ length: 60_000 }, (_, i) => ({ name: `no-${i}`, boot: boot(9), version: 9 })),
    { wantsAnswer: true, budget: stateLimits.streamBytes, most: 1 },
  );
  await attack.stream('n0', digest[0]!);
  await attack.cluster.run(5_000);
  assert.deepEqual(attack.state('n0').sizes, before);
  await attack.cluster.close();
});

test('a digest of a million members is dropped, and costs little time', async () => {
  const attack = await Attack.create();
  const one = encodeDigests([{ name: 'n', boot: boot(9), version: 9 }], {
    ...{ wantsAnswer: true, budget: 100, most: 1 },
  })[0]!;
  const million = Buffer.concat([one.subarray(0, 2), ...Array<Buffer>(1e6).fill(one.subarray(2))]);
  const startedAt = process.cpuUsage();
  await attack.stream('n0', million);
  await attack.cluster.run(10);
  const { user } = process.cpuUsage(startedAt);
  assert.ok(user < 1_000_000, `${user} µs`);
  await attack.untilTrue();
  await attack.cluster.close();
});

test('floods of hashes and digests cause a bounded number of answers', async () => {
  const attack = await Attack.create();
  for (let i = 0; i < 1_000; i++) attack.state('n0').set(`key-${i}`, 'v'.repeat(20));
  await attack.cluster.run(5_000);
  const nothing = { boot: boot(0, 0), version: 0 };
  const digest = encodeDigests(
    ['n0', 'n1', 'n2'].map((name) => ({ name, ...nothing })),
    { wantsAnswer: true, budget: 1_000, most: 1 },
  )[0]!;
  const sent = await attack.sentBy('n0', async () => {
    for (let i = 0; i < 2_000; i++) {
      await attack.send('n0', encodeHash(Buffer.alloc(8, i)));
      await attack.send('n0', digest);
    }
  });
  const elapsedSeconds = 10;
  const most = stateLimits.answerBurst + elapsedSeconds * stateLimits.answersPerSecond + 200;
  assert.ok(sent.packets < most, `${sent.packets} packets`);
  assert.ok(sent.bytes < 20e6, `${sent.bytes} bytes`);
  await attack.cluster.close();
});

test('a map beyond the limits is cut off with one warning, also when it comes in pieces', async () => {
  const attack = await Attack.create();
  const id = boot(Math.floor(attack.cluster.now));
  const value = '\xc5\x03\xe8' + 'v'.repeat(1_000);
  for (let i = 0; i < 1_000; i++) {
    const entries = [entry(i + 1, `key-${i}`, value)];
    await attack.send('n0', message({ name: 'forger', boot: id, from: i, entries }));
    // Packets overtake each other otherwise.
    await attack.cluster.run(3);
  }
  await attack.cluster.run(1_000);
  const state = attack.state('n0');
  assert.deepEqual(state.of('forger'), {});
  assert.ok(state.sizes.bytes < 10_000);
  const cutOff = attack.warnings.filter((line) => line.includes('exceeds a limit'));
  // One from each node that it reached.
  assert.ok(cutOff.length >= 1 && cutOff.length <= 3, attack.warnings.join('\n'));
  await attack.untilTrue();
  await attack.cluster.close();
});

test('hostile values are not shown, and harm nobody', async () => {
  const attack = await Attack.create();
  const id = boot(Math.floor(attack.cluster.now));
  const values = ['\x91'.repeat(1_000), '\xdd\xff\xff\xff\xff', '\xc1', '', '\xc7\xff\x01'];
  const entries = values.map((value, i) => entry(i + 1, `key-${i}`, value));
  const changes: unknown[] = [];
  attack.state('n0').on('change', (change) => changes.push(change));
  await attack.send('n0', message({ name: 'forger', boot: id, entries }));
  await attack.cluster.run(1_000);
  assert.deepEqual(attack.state('n0').of('forger'), {});
  assert.deepEqual(attack.state('n2').of('forger'), {});
  assert.deepEqual(changes, []);
  await attack.cluster.close();
});

test('a start in the far future is refused, and later starts are not shadowed', async () => {
  const attack = await Attack.create();
  const far = boot(Math.floor(attack.cluster.now) + 10 * 86_400_000);
  for (const name of ['n1', 'forger', 'n0']) {
    await attack.send('n0', message({ name, boot: far, entries: [entry(1, 'name', '\x01')] }));
  }
  await attack.cluster.run(5_000);
  await attack.untilTrue();
  assert.deepEqual(attack.state('n0').of('forger'), {});
  assert.ok(attack.warnings.some((line) => line.includes('more than a day ahead')));
  attack.cluster.crash('n1');
  await attack.cluster.restart('n1');
  await attack.cluster.close();
});

/** The boot id of a node, as its digests have it. */
async function bootOf(attack: Attack, name: string): Promise<string> {
  const packets: Buffer[] = [];
  const tap = {
    packet: (packet: Buffer) => void packets.push(packet),
    stream: () => undefined,
  };
  attack.cluster.network.addTap(tap);
  await attack.send('n0', encodeHash(Buffer.alloc(8, 7)));
  await attack.cluster.run(20);
  const text = packets.map((packet) => packet.toString('hex')).join(' ');
  const found = new RegExp(`02${Buffer.from(name).toString('hex')}([0-9a-f]{16})`).exec(text);
  return found?.[1] ?? assert.fail(`no digest names ${name}`);
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Memberlist } from '../../src/index.js';
import { SimulatedCluster } from '../../src/testing/index.js';
import { end, joined, record, states, told } from './worlds.js';

/** Every deadline is short, so that a stall of seconds goes past many of them. */
const hasty = {
  probeInterval: 200,
  probeTimeout: 60,
  suspicionMult: 2,
  suspicionMaxTimeoutMult: 1,
  disableTcpPings: true,
};

/** Sends one numbered message; it arrives a few milliseconds later, unless something is in the way. */
async function send(
  cluster: SimulatedCluster,
  from: string,
  to: string,
  text: string,
): Promise<void> {
  const sender: Memberlist = cluster.node(from);
  await sender.sendBestEffort(sender.member(to)!, Buffer.from(text));
}

interface Letter {
  readonly text: string;
  readonly at: number;
}

function letters(cluster: SimulatedCluster, name: string): Letter[] {
  const list: Letter[] = [];
  cluster.node(name).on('message', (payload) => {
    list.push({ text: payload.toString(), at: cluster.now });
  });
  return list;
}

suite('a blocked node', () => {
  test('neither sends nor receives; afterwards everything goes its way, in order', async () => {
    const cluster = await joined({ size: 3, network: { latency: 1 } });
    const [came, went] = [letters(cluster, 'n1'), letters(cluster, 'n2')];
    const startedAt = cluster.now;
    cluster.block('n1', 2_000);
    for (const text of ['a', 'b', 'c']) {
      await send(cluster, 'n0', 'n1', text);
      await send(cluster, 'n1', 'n2', text);
    }
    await cluster.run(1_999);
    assert.deepEqual([came, went], [[], []]);
    await cluster.run(2);
    const at = (ms: number): Letter[] =>
      ['a', 'b', 'c'].map((text) => ({ text, at: startedAt + ms }));
    assert.deepEqual(came, at(2_000));
    assert.deepEqual(went, at(2_001));
    await end(cluster);
  });

  test('keeps its timers, so it takes others for dead when it is blocked for long', async () => {
    const cluster = await joined({ size: 8, seed: 2, config: hasty });
    const seen = record(cluster);
    cluster.block('n1', 10_000);
    await cluster.run(9_000);
    assert.ok(told(seen, 'suspect').some((text) => text.startsWith('n1: ')));
    assert.ok(told(seen, 'leave').some((text) => text.startsWith('n1: ')));
    assert.deepEqual(states(cluster, 'n1'), ['dead']);
    await cluster.runUntil(() => cluster.converged());
    await end(cluster);
  });

  test('has its streams wait too, and they are whole afterwards', async () => {
    const cluster = await joined({
      size: 2,
      network: { latency: 1 },
      config: { probeInterval: 0 },
    });
    const came = letters(cluster, 'n1');
    cluster.block('n1', 2_000);
    const n1 = cluster.node('n0').member('n1')!;
    const sent = cluster.node('n0').sendReliable(n1, Buffer.from('x'.repeat(200_000)));
    await cluster.run(1_990);
    assert.equal(came.length, 0);
    await cluster.during(sent);
    await cluster.run(50);
    assert.equal(came[0]?.text.length, 200_000);
    await end(cluster);
  });

  test('may be blocked again and for longer', async () => {
    const cluster = await joined({
      size: 2,
      network: { latency: 1 },
      config: { probeInterval: 0 },
    });
    const came = letters(cluster, 'n1');
    const startedAt = cluster.now;
    cluster.block('n1', 1_000);
    cluster.block('n1', 3_000);
    await send(cluster, 'n0', 'n1', 'x');
    await cluster.run(500);
    cluster.block('n1', 1_000);
    await cluster.run(5_000);
    assert.deepEqual(came, [{ text: 'x', at: startedAt + 3_000 }]);
    await end(cluster);
  });

  test('may crash, and what it held up is gone', async () => {
    const cluster = await joined({ size: 2, network: { latency: 1 } });
    const came = letters(cluster, 'n0');
    cluster.block('n1', 1_000);
    await send(cluster, 'n1', 'n0', 'x');
    await cluster.run(500);
    cluster.crash('n1');
    await cluster.run(5_000);
    assert.deepEqual(came, []);
    await end(cluster);
  });
});

suite('a frozen node', () => {
  test('fires its timers late, in their order, and then reads what has come', async () => {
    const cluster = await joined({
      size: 2,
      network: { latency: 1 },
      config: { probeInterval: 0 },
    });
    const order: string[] = [];
    const { clock } = cluster.node('n1').config;
    const note = (text: string) => () => void order.push(`${text} at ${cluster.now - startedAt}`);
    const startedAt = cluster.now;
    cluster.node('n1').on('message', (payload) => {
      note(`message ${payload.toString()}`)();
      clock.afterTurn(note('turn after a message'));
    });
    clock.setTimer(300, note('timer 300'));
    clock.setTimer(200, () => {
      note('timer 200')();
      clock.afterTurn(note('turn after a timer'));
    });
    clock.setTimer(250, note('cancelled')).cancel();
    const doomed = clock.setTimer(260, note('cancelled in the stall'));
    clock.setTimer(1_500, note('timer 1500'));
    cluster.freeze('n1', 1_000);
    clock.afterTurn(note('turn'));
    await cluster.run(100);
    await send(cluster, 'n0', 'n1', 'x');
    await cluster.run(890);
    doomed.cancel();
    assert.deepEqual(order, []);
    await cluster.run(1_000);
    assert.deepEqual(order, [
      'timer 200 at 1000',
      'timer 300 at 1000',
      // The message was read before these, but it is told at the end of the turn, after them.
      'turn at 1000',
      'turn after a timer at 1000',
      'message x at 1000',
      'turn after a message at 1000',
      'timer 1500 at 1500',
    ]);
    await end(cluster);
  });

  test('accuses nobody when it wakes, however short its deadlines are', async () => {
    for (let seed = 0; seed < 10; seed++) {
      const cluster = await joined({ size: 8, seed, config: hasty });
      const seen = record(cluster);
      for (const ms of [100, 300, 1_000, 3_000]) {
        cluster.freeze('n1', ms);
        await cluster.run(ms + 700 + 13 * seed);
      }
      await cluster.run(5_000);
      const accused = seen.filter(
        ({ event }) => event.type === 'suspect' && event.node.name !== 'n1',
      );
      assert.deepEqual(accused, [], `seed ${seed}`);
      await cluster.runUntil(() => cluster.converged());
      await end(cluster);
    }
  });

  test('is accused itself, refutes when it wakes, and doubts itself', async () => {
    const cluster = await joined({ size: 8, seed: 1 });
    const seen = record(cluster);
    cluster.freeze('n1', 5_000);
    await cluster.run(4_900);
    assert.ok(told(seen, 'suspect').every((text) => text.endsWith(': n1')));
    assert.ok(told(seen, 'suspect').length > 0);
    const before = cluster.node('n1').localNode.incarnation;
    await cluster.run(5_000);
    assert.deepEqual(told(seen, 'leave'), []);
    assert.ok(cluster.node('n1').localNode.incarnation > before);
    await cluster.runUntil(() => cluster.converged());
    await end(cluster);
  });

  test('may be blocked as well: it reads nothing before both are over', async () => {
    for (const [block, freeze] of [
      [1_000, 2_000],
      [2_000, 1_000],
    ] as const) {
      const cluster = await joined({
        size: 2,
        network: { latency: 1 },
        config: { probeInterval: 0 },
      });
      const came = letters(cluster, 'n1');
      const startedAt = cluster.now;
      cluster.block('n1', block);
      cluster.freeze('n1', freeze);
      await send(cluster, 'n0', 'n1', 'x');
      await cluster.run(5_000);
      assert.deepEqual(came, [{ text: 'x', at: startedAt + 2_000 }]);
      await end(cluster);
    }
  });

  test('may crash and come back while it is frozen', async () => {
    const cluster = await joined({ size: 4, seed: 3 });
    cluster.freeze('n1', 10_000);
    await cluster.run(1_000);
    cluster.crash('n1');
    await cluster.restart('n1');
    await cluster.runUntil(() => cluster.converged(), { timeout: 8_000 });
    await end(cluster);
  });
});

suite('a node whose clock jumps', () => {
  test('has its own time ahead, and what is due by then fires late, at once', async () => {
    const cluster = await SimulatedCluster.create({ size: 2, config: { probeInterval: 0 } });
    const { clock } = cluster.node('n1').config;
    const fired: string[] = [];
    const note = (text: string) => () => void fired.push(`${text} at ${cluster.now}`);
    clock.setTimer(5_000, note('due after the jump'));
    clock.setTimer(3_000, note('second'));
    clock.setTimer(2_000, note('first'));
    await cluster.run(100);
    cluster.jump('n1', 4_000);
    assert.equal(clock.now(), 4_100);
    assert.equal(cluster.node('n0').config.clock.now(), 100);
    await cluster.run(0);
    assert.deepEqual(fired, ['first at 100', 'second at 100']);
    await cluster.run(2_000);
    assert.deepEqual(fired.slice(2), ['due after the jump at 1000']);
    assert.throws(() => cluster.jump('n1', -1), RangeError);
    await end(cluster);
  });

  test('accuses nobody, and the cluster stays as it is', async () => {
    for (let seed = 0; seed < 10; seed++) {
      const cluster = await joined({ size: 8, seed, config: hasty });
      const seen = record(cluster);
      for (const ms of [500, 3_000, 60_000]) {
        cluster.jump('n1', ms);
        await cluster.run(1_000 + 17 * seed);
      }
      assert.deepEqual(told(seen, 'suspect'), [], `seed ${seed}`);
      assert.deepEqual(told(seen, 'leave'), []);
      assert.ok(cluster.converged());
      await end(cluster);
    }
  });
});

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Stage } from './stage.js';

const intervalMs = 30_000;
const end = new Error('the end');

suite('rejoining the lost', () => {
  test('who failed is contacted, by name, until it is back', async () => {
    const stage = new Stage();
    stage.rejoiner.start();
    stage.fails('a', 2);
    await stage.driver.run(5 * intervalMs);
    assert.deepEqual(
      new Set(stage.contacts.map(({ address }) => `${address.name} ${address.addr}`)),
      new Set(['a 10.0.0.2:7946']),
    );
    assert.equal(stage.contacts.length, 5);
    assert.deepEqual(stage.counters.rejoins, { joined: 0, failed: 5 });
    stage.lives('a', 2);
    await stage.driver.run(intervalMs);
    assert.deepEqual(stage.counters.rejoins, { joined: 1, failed: 5 });
    assert.equal(stage.reports.at(-1)?.code, 'rejoined');
    await stage.driver.run(10 * intervalMs);
    assert.equal(stage.contacts.length, 6);
    assert.equal(stage.clock.pending, 0, 'nobody is lost, so no timer is needed');
  });

  test('who left is not pursued, nor who failed and then left', async () => {
    const stage = new Stage();
    stage.rejoiner.start();
    stage.leaves('a', 2);
    assert.equal(stage.clock.pending, 0);
    stage.fails('b', 3);
    stage.leaves('b', 3);
    await stage.driver.run(5 * intervalMs);
    assert.deepEqual(stage.contacts, []);
  });

  test('an address at which somebody lives by now is left alone', async () => {
    const stage = new Stage();
    stage.rejoiner.start();
    stage.fails('a', 2);
    stage.joins('b', 2);
    stage.fails('c', 1);
    await stage.driver.run(5 * intervalMs);
    assert.deepEqual(stage.contacts, []);
  });

  test('one attempt has its time, and the next does not overlap it', async () => {
    const stage = new Stage({ rejoin: { interval: 1_000, timeout: 2_500 } });
    stage.answer = (_address, signal) =>
      new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason as Error)),
      );
    stage.rejoiner.start();
    stage.fails('a', 2);
    await stage.driver.run(12_000);
    const times = stage.contacts.map(({ at }) => at);
    assert.ok(times.length >= 4);
    for (const [i, at] of times.slice(1).entries()) assert.equal(at - (times[i] as number), 2_500);
    const [report] = stage.reports;
    assert.ok(report?.code === 'rejoin-failed');
    assert.match(report.error.message, /did not finish within 2500 ms/);
  });

  test('stopping gives up what goes on, without a word, and leaves no timer', async () => {
    const stage = new Stage();
    let reason: unknown;
    stage.answer = (_address, signal) =>
      new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => {
          reason = signal.reason;
          reject(signal.reason as Error);
        }),
      );
    stage.rejoiner.start();
    stage.fails('a', 2);
    await stage.driver.run(intervalMs);
    assert.equal(stage.contacts.length, 1);
    stage.rejoiner.stop(end);
    await stage.driver.settle();
    assert.equal(reason, end);
    assert.deepEqual(stage.reports, []);
    assert.equal(stage.clock.pending, 0);
    stage.fails('b', 3);
    assert.equal(stage.clock.pending, 0);
    stage.rejoiner.start();
    await stage.driver.run(10 * intervalMs);
    assert.equal(stage.contacts.length, 1, 'who was lost before is forgotten');
  });

  test('switched off it remembers nobody', async () => {
    const stage = new Stage({ rejoin: false });
    stage.rejoiner.start();
    stage.fails('a', 2);
    assert.equal(stage.rejoiner.candidates.size, 0);
    assert.equal(stage.clock.pending, 0);
    await stage.driver.run(10 * intervalMs);
    assert.deepEqual(stage.contacts, []);
  });
});

suite('seeds', () => {
  test('are tried at once, and again after about 1, 2, 4, … s until somebody answers', async () => {
    const stage = new Stage({ seeds: ['10.0.0.2', '10.0.0.3:80'] });
    stage.rejoiner.start();
    await stage.driver.run(0);
    assert.deepEqual(stage.addrs.sort(), ['10.0.0.2:7946', '10.0.0.3:80']);
    await stage.driver.run(200_000);
    const times = [...new Set(stage.contacts.map(({ at }) => at))];
    for (const [i, at] of times.slice(1).entries()) {
      const pause = at - (times[i] as number);
      const usual = Math.min(intervalMs, 1_000 * 2 ** i);
      assert.ok(pause >= usual / 2 && pause < usual * 1.5, `pause ${i} is ${pause}`);
    }
    stage.lives('a', 2);
    await stage.driver.run(60_000);
    assert.equal(stage.table.length, 2);
    assert.equal(stage.counters.rejoins.joined, 1);
  });

  test('are not tried at the start when there is company already', async () => {
    const stage = new Stage({ seeds: ['10.0.0.2'], rejoin: false });
    stage.joins('a', 9);
    stage.rejoiner.start();
    await stage.driver.run(100_000);
    assert.deepEqual(stage.contacts, []);
  });

  test('that are no members are tried later, too, by one node in each interval', async () => {
    const stage = new Stage({ seeds: ['10.0.0.2', '10.0.0.3', '10.0.0.1'] });
    for (let host = 3; host < 12; host++) stage.joins(`n${host}`, host);
    stage.rejoiner.start();
    await stage.driver.run(1_000 * intervalMs);
    assert.deepEqual(new Set(stage.addrs), new Set(['10.0.0.2:7946']));
    assert.ok(stage.contacts.length > 60 && stage.contacts.length < 140, 'one of ten is ours');
  });

  test('are not tried later when rejoin is off', async () => {
    const stage = new Stage({ seeds: ['10.0.0.2'], rejoin: false });
    stage.rejoiner.start();
    await stage.driver.run(0);
    stage.joins('a', 9);
    await stage.driver.run(100_000);
    assert.equal(stage.contacts.length, 1);
    assert.equal(stage.clock.pending, 0);
  });

  test('a function is asked each time, and may fail, or forget to answer', async () => {
    const asked: AbortSignal[] = [];
    const answers = [
      () => Promise.reject(new Error('no answer')),
      () => new Promise<string[]>(() => undefined),
      () => Promise.resolve([1] as unknown as string[]),
      () => Promise.resolve(['10.0.0.2']),
    ];
    const stage = new Stage({
      seeds: (signal) => {
        asked.push(signal);
        return answers[asked.length - 1]?.() ?? Promise.resolve([]);
      },
    });
    stage.lives('a', 2);
    stage.rejoiner.start();
    await stage.driver.run(30_000);
    assert.equal(asked.length, 4);
    assert.equal(asked[1]?.aborted, true);
    assert.equal(stage.table.length, 2);
    assert.deepEqual(stage.codes(), [
      'seeds-failed',
      'seeds-failed',
      'seeds-unreachable',
      'seeds-failed',
      'rejoined',
    ]);
  });

  test('a name without an answer does not keep others from being tried', async () => {
    const names: Record<string, string[]> = { b: ['10.0.0.2', '10.0.0.1'] };
    const lookup = (host: string): Promise<{ address: string }[]> => {
      const found = names[host];
      if (found === undefined) return Promise.reject(new Error(`ENOTFOUND ${host}`));
      return Promise.resolve(found.map((address) => ({ address })));
    };
    const srv = (): Promise<{ name: string; port: number }[]> =>
      Promise.resolve([
        { name: 'gone', port: 1 },
        { name: 'b', port: 2 },
      ]);
    const resolver = { lookup, srv };
    const stage = new Stage({ seeds: ['a', 'b', 'srv+_g._udp.c', 'srv+d'] }, { resolver });
    stage.rejoiner.start();
    await stage.driver.run(0);
    assert.deepEqual(stage.addrs.sort(), ['10.0.0.1:2', '10.0.0.2:2', '10.0.0.2:7946']);
    assert.equal(stage.codes()[0], 'seeds-failed');
  });

  test('who must have a name and has none is not contacted', async () => {
    const stage = new Stage({ seeds: ['10.0.0.2', 'a/10.0.0.3'], requireNodeNames: true });
    stage.rejoiner.start();
    await stage.driver.run(0);
    assert.deepEqual(stage.addrs, ['10.0.0.3:7946']);
    assert.deepEqual(stage.codes(), ['rejoin-failed', 'rejoin-failed']);
  });

  test('many are tried eight at a time, in random order, and no more once one told of all', async () => {
    const seeds = Array.from({ length: 100 }, (_, i) => `10.0.0.${i + 2}`);
    const stage = new Stage({ seeds });
    stage.answer = () => {
      if (stage.table.length === 1) for (let i = 0; i < 100; i++) stage.joins(`n${i}`, i + 2);
      return Promise.resolve();
    };
    stage.rejoiner.start();
    await stage.driver.run(0);
    assert.ok(stage.contacts.length <= 8);
    const inOrder = seeds.slice(0, stage.contacts.length).map((seed) => `${seed}:7946`);
    assert.notDeepEqual(stage.addrs, inOrder);
  });

  const blackHole = (signal: AbortSignal): Promise<never> =>
    new Promise((_resolve, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason as Error)),
    );

  for (const live of [2, 27, 52]) {
    test(`fifty black holes keep nobody from number ${live} for 3 s`, async () => {
      const seeds = Array.from({ length: 51 }, (_, i) => `10.0.0.${i + 2}`);
      const stage = new Stage({ seeds });
      let reachedAt: number | undefined;
      stage.answer = ({ addr }, signal) => {
        if (addr !== `10.0.0.${live}:7946`) return blackHole(signal);
        reachedAt = stage.clock.now();
        stage.joins('live', live);
        return Promise.resolve();
      };
      stage.rejoiner.start();
      await stage.driver.run(3_000);
      assert.ok(reachedAt !== undefined && reachedAt < 2_000, `reached at ${reachedAt}`);
    });
  }

  test('of more black holes than fit into a look all get their turn before one gets another', async () => {
    const seeds = Array.from({ length: 200 }, (_, i) => `10.0.0.${i + 2}`);
    const stage = new Stage({ seeds });
    stage.answer = (_address, signal) => blackHole(signal);
    stage.rejoiner.start();
    await stage.driver.run(100_000);
    const first = stage.addrs.slice(0, 200);
    assert.equal(new Set(first).size, 200);
    assert.ok(stage.contacts.length > 200);
  });

  test('a name server that does not answer holds up the other seeds for a moment only', async () => {
    const lookup = (name: string, signal: AbortSignal): Promise<{ address: string }[]> =>
      name === 'slow' ? blackHole(signal) : Promise.resolve([{ address: '10.0.0.3' }]);
    const stage = new Stage({ seeds: ['slow', 'quick', '10.0.0.2'] }, { resolver: { lookup } });
    stage.rejoiner.start();
    await stage.driver.run(250);
    assert.deepEqual(stage.addrs.sort(), ['10.0.0.2:7946', '10.0.0.3:7946']);
    await stage.driver.run(10_000);
    const [report] = stage.reports.filter(({ code }) => code === 'seeds-failed');
    assert.ok(report?.code === 'seeds-failed');
    assert.equal(report.peer, 'slow');
    assert.match(report.error.message, /did not finish within 10000 ms/);
  });

  test('an address that is found late is contacted when it is found', async () => {
    const lookup = (): Promise<{ address: string }[]> =>
      new Promise((resolve) => {
        stage.clock.setTimer(5_000, () => resolve([{ address: '10.0.0.2' }]));
      });
    const stage: Stage = new Stage({ seeds: ['late', '10.0.0.3'] }, { resolver: { lookup } });
    stage.rejoiner.start();
    await stage.driver.run(5_000);
    assert.deepEqual(stage.addrs, ['10.0.0.3:7946', '10.0.0.2:7946']);
  });

  test('that hang leave those of an earlier life half of the time', async () => {
    const unmet = [{ name: 'old', addr: '10.0.0.9:7946' }];
    const stage = new Stage({ seeds: ['10.0.0.2'] }, { unmet });
    stage.answer = ({ addr }, signal) => {
      if (addr !== '10.0.0.9:7946') return blackHole(signal);
      stage.joins('old', 9);
      return Promise.resolve();
    };
    stage.rejoiner.start();
    await stage.driver.run(5_000);
    assert.equal(stage.table.length, 2);
  });

  test('that nobody answers are warned of once, with the last error, and again after a success', async () => {
    const stage = new Stage({ seeds: ['10.0.0.2'] });
    const warnings = (): string[] =>
      stage.reports.flatMap((report) =>
        report.code === 'seeds-unreachable' ? [`${report.peer}: ${report.error.message}`] : [],
      );
    stage.rejoiner.start();
    await stage.driver.run(9_000);
    assert.deepEqual(warnings(), [], 'not at once');
    await stage.driver.run(600_000);
    const line = '10.0.0.2:7946: 10.0.0.2:7946 refused';
    assert.deepEqual(warnings(), [line]);
    stage.lives('a', 2);
    await stage.driver.run(60_000);
    assert.equal(stage.table.length, 2);
    stage.answer = ({ addr }) => Promise.reject(new Error(`${addr} refused`));
    stage.leaves('a', 2);
    await stage.driver.run(600_000);
    assert.deepEqual(warnings(), [line, line]);
  });

  test('that are only ourselves are nothing to be warned of', async () => {
    const stage = new Stage({ seeds: ['10.0.0.1'] });
    stage.rejoiner.start();
    await stage.driver.run(600_000);
    assert.deepEqual(stage.codes(), []);
  });
});

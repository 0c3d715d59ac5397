/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Processes that are told to stop, by real signals.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ConfigError, leaveOnSignals, localConfig, Memberlist } from '../../src/index.js';

const script = fileURLToPath(new URL('./leaving-child.ts', import.meta.url));
const bindAddr = '127.7.4.1';

suite('leaveOnSignals', () => {
  for (const [i, signal] of (['SIGTERM', 'SIGINT'] as const).entries()) {
    test(`a node leaves on ${signal} and its process ends well, in under 2 s`, async () => {
      await using list = await Memberlist.create({ ...localConfig(), name: 'stays', bindAddr });
      const child = fork(script, [`127.7.4.${i + 2}`, bindAddr], { execArgv: ['--import', 'tsx'] });
      await once(child, 'message');
      const left = once(list, 'leave');
      const toldAt = performance.now();
      child.kill(signal);
      const [code, endedBy] = (await once(child, 'exit')) as [number | null, string | null];
      assert.deepEqual([code, endedBy], [0, null]);
      assert.ok(performance.now() - toldAt < 2_000);
      assert.equal((await left)[1], 'left');
    });
  }

  test('of two nodes in one process the slower one leaves as well before it ends', async () => {
    await using list = await Memberlist.create({ ...localConfig(), name: 'stays', bindAddr });
    const names = ['127.7.4.5', '127.7.4.6'] as const;
    const child = fork(script, [names[0], bindAddr, names[1]], { execArgv: ['--import', 'tsx'] });
    await once(child, 'message');
    const left = new Map<string, string>();
    list.on('leave', ({ name }, reason) => left.set(name, reason));
    child.kill('SIGTERM');
    const [code] = (await once(child, 'exit')) as [number | null];
    assert.equal(code, 0);
    while (left.size < 2) await once(list, 'leave');
    assert.deepEqual(
      [...left.entries()].sort(),
      names.map((name) => [name, 'left']),
    );
  });

  test('a second signal ends the process at once', async () => {
    const list = await Memberlist.create({ ...localConfig(), name: 'stays', bindAddr });
    const child = fork(script, ['127.7.4.4', bindAddr], { execArgv: ['--import', 'tsx'] });
    await once(child, 'message');
    child.kill('SIGINT');
    child.kill('SIGTERM');
    const [code] = (await once(child, 'exit')) as [number | null];
    assert.ok(code === 128 + 15 || code === 128 + 2, `code ${code}`);
    await list.shutdown();
  });

  test('can be taken back, and refuses what is no signal', async () => {
    const before = process.listenerCount('SIGTERM');
    await using list = await Memberlist.create({ ...localConfig(), name: 'stays', bindAddr });
    const off = leaveOnSignals(list);
    assert.equal(process.listenerCount('SIGTERM'), before + 1);
    const offToo = leaveOnSignals(list, ['SIGTERM', 'SIGHUP']);
    assert.equal(process.listenerCount('SIGTERM'), before + 1, 'one for all lists');
    off();
    off();
    assert.equal(process.listenerCount('SIGTERM'), before + 1);
    offToo();
    assert.equal(process.listenerCount('SIGTERM'), before);
    assert.equal(process.listenerCount('SIGHUP'), 0);
    for (const signals of [[], ['SIGNAL'], 'SIGTERM'] as unknown as NodeJS.Signals[][]) {
      assert.throws(() => leaveOnSignals(list, signals), ConfigError);
    }
    for (const timeout of [0, NaN, 700_000]) {
      assert.throws(() => leaveOnSignals(list, ['SIGTERM'], { timeout }), ConfigError);
    }
  });
});

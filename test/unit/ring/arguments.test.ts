/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The node that the functions are called with, and names of singletons.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ConfigError, ShutdownError } from '../../../src/index.js';
import { createRing, runSingleton, share } from '../../../src/ring/index.js';
import { SimulatedCluster } from '../../../src/testing/index.js';

const calls = {
  createRing: (list: never) => createRing(list),
  share: (list: never) => share(list, { total: 1 }),
  runSingleton: (list: never) => runSingleton(list, 'mailer', () => undefined),
};

for (const [name, call] of Object.entries(calls)) {
  test(`${name} without a Memberlist is a ConfigError that says what it is`, () => {
    for (const wrong of [undefined, null, {}, 'list', { name: 'bus', attach: () => undefined }]) {
      assert.throws(
        () => call(wrong as never),
        (error) =>
          error instanceof ConfigError &&
          error.problems[0]?.field === 'list' &&
          error.message.includes(`list: must be a Memberlist; ${name} is a function on one`),
      );
    }
  });

  test(`${name} after the shutdown names itself`, async () => {
    const cluster = await SimulatedCluster.create({ size: 1 });
    const list = cluster.node('n0');
    await cluster.close();
    assert.throws(
      () => call(list as never),
      (error) => error instanceof ShutdownError && error.message.startsWith(`${name}: `),
    );
  });
}

suite('a second singleton with the same name', () => {
  test('is a ConfigError on the same node, until the first has ended', async () => {
    await using cluster = await SimulatedCluster.create({ size: 2 });
    await cluster.joinAll();
    const list = cluster.node('n0');
    let end: (() => void) | undefined;
    const task = (): Promise<void> => new Promise((resolve) => (end = resolve));
    const options = {
      filter: ({ name }: { name: string }) => name === 'n0',
      stopInMinority: false,
    };
    const first = runSingleton(list, 'mailer', task, options);
    const again = (): unknown => runSingleton(list, 'mailer', task, options);
    const isTaken = (error: unknown): boolean =>
      error instanceof ConfigError && error.problems[0]?.field === 'name';
    assert.throws(again, isTaken);
    runSingleton(list, 'cleaner', () => undefined);
    runSingleton(cluster.node('n1'), 'mailer', task, options);
    await cluster.runUntil(() => first.running);
    const stopped = first.stop();
    assert.throws(again, isTaken);
    end?.();
    await cluster.during(stopped);
    again();
  });

  test('is accepted after a call that failed', async () => {
    await using cluster = await SimulatedCluster.create({ size: 1 });
    const list = cluster.node('n0');
    const wrong = { settle: -1 };
    assert.throws(() => runSingleton(list, 'mailer', () => undefined, wrong), /settle/);
    runSingleton(list, 'mailer', () => undefined);
  });
});

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A singleton on real sockets, with the system's clock.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { localConfig, Memberlist } from '../../src/index.js';
import { createRing, runSingleton, type Singleton } from '../../src/ring/index.js';

test(
  'a task moves when its node leaves, and when it is shut down',
  { timeout: 60_000 },
  async () => {
    const lists: Memberlist[] = [];
    for (const name of ['a', 'b', 'c']) {
      const config = { ...localConfig(), name, bindAddr: '127.0.0.1', bindPort: 0 };
      lists.push(await Memberlist.create({ ...config, logger: false }));
    }
    const [first] = lists as [Memberlist];
    for (const list of lists.slice(1)) await list.join([first.localNode.address]);
    for (const list of lists) await list.ready({ minMembers: 3 });
    const rings = lists.map((list) => createRing(list, { settle: 100 }));
    const started: string[] = [];
    let onStart: () => void = () => undefined;
    const singletons = new Map<string, Singleton>();
    let running = 0;
    for (const list of lists) {
      const { name } = list.config;
      const task = async (signal: AbortSignal): Promise<void> => {
        assert.equal(++running, 1);
        started.push(name);
        onStart();
        await once(signal, 'abort');
        running--;
      };
      const options = { settle: 200, stopInMinority: false };
      singletons.set(name, runSingleton(list, 'mailer', task, options));
    }
    const nextStart = (): Promise<void> => new Promise((resolve) => (onStart = resolve));
    const listOf = (name: string | undefined): Memberlist =>
      lists.find(({ config }) => config.name === name) as Memberlist;

    if (started.length === 0) await nextStart();
    assert.equal(rings.filter((ring) => ring.isMine('mailer')).length, 1);
    const leaving = listOf(started[0]);
    const again = nextStart();
    await leaving.leave();
    assert.equal(singletons.get(started[0] as string)?.running, false);
    await again;
    assert.equal(started.length, 2);
    assert.notEqual(started[1], started[0]);

    const last = nextStart();
    await listOf(started[1]).shutdown();
    await last;
    assert.equal(new Set(started).size, 3);
    await Promise.all(lists.map((list) => list.shutdown()));
    assert.equal(running, 0);
  },
);

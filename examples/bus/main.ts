/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Three nodes, each with a cache. A value that one of them changes is dropped by all.
import { localConfig, Memberlist } from 'node-memberlist';
import { createBus } from 'node-memberlist/bus';
import { Cache } from './cache.js';

const database = new Map([['user:7', 'Ada']]);

async function start(
  name: string,
  seed?: string,
): Promise<{ list: Memberlist; cache: Cache<string> }> {
  const bus = createBus();
  const config = { ...localConfig(), name, bindAddr: '127.0.0.1', bindPort: 0, use: [bus] };
  const list = await Memberlist.create(config);
  if (seed !== undefined) await list.join([seed]);
  bus.subscribe('stale', ({ payload, publisher }) => {
    console.log('%s: %s is stale, says %s', name, payload.toString(), publisher);
  });
  return { list, cache: new Cache(bus, (key) => Promise.resolve(database.get(key) ?? 'unknown')) };
}

const a = await start('a');
const b = await start('b', a.list.localNode.address);
const c = await start('c', a.list.localNode.address);
for (const { list } of [a, b, c]) await list.ready({ minMembers: 3 });
console.log('c reads %s', await c.cache.get('user:7'));

database.set('user:7', 'Grace');
await a.cache.invalidate('user:7');
while (c.cache.has('user:7')) await new Promise((resolve) => setTimeout(resolve, 1));
console.log('c reads %s', await c.cache.get('user:7'));
for (const { list } of [a, b, c]) await list[Symbol.asyncDispose]();

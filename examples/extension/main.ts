/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Three nodes with a cache each. A key that one node invalidates is dropped by all, including one that joins later.
import { localConfig, Memberlist } from 'node-memberlist';
import { Invalidation } from './invalidation.js';

async function start(
  name: string,
  seed?: string,
): Promise<{ list: Memberlist; own: Invalidation }> {
  const own = new Invalidation((key) => console.log('%s drops %s', name, key));
  const config = { ...localConfig(), name, bindAddr: '127.0.0.1', bindPort: 0, use: [own] };
  const list = await Memberlist.create(config);
  if (seed !== undefined) await list.join([seed]);
  return { list, own };
}

const a = await start('a');
const b = await start('b', a.list.localNode.address);
await b.list.ready({ minMembers: 2 });
a.own.invalidate('user:7');
const c = await start('c', a.list.localNode.address);
await c.list.ready({ minMembers: 3 });
c.own.invalidate('user:8');
await new Promise((resolve) => setTimeout(resolve, 3_000));
for (const { list } of [a, b, c]) await list[Symbol.asyncDispose]();

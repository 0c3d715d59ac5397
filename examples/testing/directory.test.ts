/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// In real time, with a network in memory: no port is taken, nothing sleeps.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, beforeEach, test } from 'node:test';
import { localConfig, type Node } from 'node-memberlist';
import { MemoryNetwork } from 'node-memberlist/testing';
import { Directory } from './directory.js';

let network: MemoryNetwork;
let started: Directory[];

beforeEach(() => {
  network = new MemoryNetwork();
  started = [];
});

// A transport keeps the process alive until it is shut down, as a socket does.
afterEach(() => Promise.all(started.map(({ list }) => list.shutdown())));

async function start(name: string, ...offers: string[]): Promise<Directory> {
  const transport = network.transport(name);
  const directory = await Directory.start(offers, { ...localConfig(), name, transport });
  started.push(directory);
  return directory;
}

test('a directory knows what those offer who join', async () => {
  const [web, mail] = [await start('web', 'http', 'ftp'), await start('mail', 'smtp')];
  const joined = once(web.list, 'join');
  await mail.list.join([web.list.localNode.address]);
  await joined;
  assert.deepEqual(web.whoOffers('smtp'), ['mail']);
  assert.deepEqual(mail.whoOffers('http'), ['web']);
});

test('a directory forgets at once what somebody offered who leaves', async () => {
  const [web, mail] = [await start('web', 'http'), await start('mail', 'smtp')];
  await mail.list.join([web.list.localNode.address]);
  const left = once(web.list, 'leave');
  await mail.stop();
  const [node, reason] = (await left) as [Node, string];
  assert.deepEqual([node.name, reason], ['mail', 'left']);
  assert.deepEqual(web.whoOffers('smtp'), []);
});

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// In real time, with an in-memory network: no port is used, and nothing sleeps.

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

// Like a socket, a transport keeps the process alive until it is shut down.
afterEach(() => Promise.all(started.map(({ list }) => list.shutdown())));

async function start(name: string, ...offers: string[]): Promise<Directory> {
  const transport = network.transport(name);
  const directory = await Directory.start(offers, { ...localConfig(), name, transport });
  started.push(directory);
  return directory;
}

test('a directory learns the offers of a member that joins', async () => {
  const [web, mail] = [await start('web', 'http', 'ftp'), await start('mail', 'smtp')];
  const joined = once(web.list, 'join');
  await mail.list.join([web.list.localNode.address]);
  await joined;
  assert.deepEqual(web.membersOffering('smtp'), ['mail']);
  assert.deepEqual(mail.membersOffering('http'), ['web']);
});

test('a directory removes the offers of a member that leaves', async () => {
  const [web, mail] = [await start('web', 'http'), await start('mail', 'smtp')];
  await mail.list.join([web.list.localNode.address]);
  const left = once(web.list, 'leave');
  await mail.stop();
  const [node, reason] = (await left) as [Node, string];
  assert.deepEqual([node.name, reason], ['mail', 'left']);
  assert.deepEqual(web.membersOffering('smtp'), []);
});

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A process that waits for its node at the top level of its module when a signal arrives. The arguments name what it
// waits for and what its `after` hook does.
import { writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { leaveOnSignals, localConfig, Memberlist } from '../../src/index.js';

const STDOUT = 1;
const [bindAddr = '', seed = '', operation = 'ready', hook = 'writes'] = process.argv.slice(2);
const list = await Memberlist.create({
  ...localConfig(),
  name: bindAddr,
  bindAddr,
  bindPort: 7946,
  seeds: [seed],
});
// It accepts connections and does not answer: a join of it takes until `tcpTimeout`.
createServer().listen(7946, '127.7.4.40').unref();
await list.ready();
leaveOnSignals(list, {
  after: async () => {
    // An unreferenced timer: nothing but leaveOnSignals keeps the process alive meanwhile.
    await new Promise((resolve) => setTimeout(resolve, 50).unref());
    if (hook === 'throws') throw new Error('the hook failed');
    writeSync(STDOUT, 'after\n');
  },
});
// What a program does whose start goes on during the shutdown.
const next = setInterval(() => {
  if (list.state !== 'shutdown') return;
  clearInterval(next);
  if (operation === 'late') void list.setMeta({ role: 'web' });
}, 5).unref();
process.send?.('ready', () => process.disconnect());
if (operation === 'join') await list.join(['127.7.4.40:7946']);
else await list.ready({ minMembers: 3, timeout: 60_000 });

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Three instances in one process: they share keys, a limit and a job, and one of them leaves.
import { localConfig, Memberlist } from 'node-memberlist';
import { Instance } from './jobs.js';

const keys = ['user:1', 'user:2', 'user:3', 'user:4', 'user:5', 'user:6'];
const lists: Memberlist[] = [];
for (const name of ['a', 'b', 'c']) {
  const list = await Memberlist.create({
    ...localConfig(),
    name,
    bindAddr: '127.0.0.1',
    bindPort: 0,
  });
  const [first] = lists;
  if (first !== undefined) await list.join([first.localNode.address]);
  lists.push(list);
}
for (const list of lists) await list.ready({ minMembers: 3 });
const instances = new Map(lists.map((list) => [list, new Instance(list, keys)]));
for (const { name, mailer } of instances.values()) {
  mailer.on('start', () => console.log('%s sends mails', name));
  mailer.on('stop', ({ reason }) => console.log('%s sends no mails: %s', name, reason));
}
await untilMailsAreSent();
show();

const [sender] = [...instances].find(([, { mailer }]) => mailer.running) ?? [];
await sender?.leave();
await sender?.shutdown();
if (sender !== undefined) instances.delete(sender);
await untilMailsAreSent();
show();
for (const list of instances.keys()) await list[Symbol.asyncDispose]();

async function untilMailsAreSent(): Promise<void> {
  const isSettled = ({ ring }: Instance): boolean => ring.isSettled;
  for (;;) {
    const all = [...instances.values()];
    if (all.some(({ mailer }) => mailer.running) && all.every(isSettled)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function show(): void {
  for (const { name, cached, limit } of instances.values()) {
    console.log('%s caches %s and may send %d mails', name, cached.join(' '), limit.value);
  }
}

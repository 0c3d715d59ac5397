/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Lists the members of an Alertmanager cluster without using their web pages: a member that only listens.
// Alertmanager gossips on port 9094; this member ignores what it sends its peers (silences, notifications).
//
//     npm start -- NAME BIND SEED
import { Memberlist, printable } from 'node-memberlist';

const [name, bindAddr, seed] = process.argv.slice(2);
if (seed === undefined) throw new Error('usage: main.ts NAME BIND SEED');

const list = await Memberlist.create({ name, bindAddr, bindPort: 9094 });
list.on('join', (node) => console.log('%s at %s joined', printable(node.name), node.address));
list.on('leave', (node, reason) =>
  console.log('%s at %s %s', printable(node.name), node.address, reason),
);
await list.join([seed]);
console.log(`${list.numMembers - 1} Alertmanagers`);

process.once('SIGTERM', () => {
  void list
    .leave()
    .finally(() => list.shutdown())
    .then(() => console.log('left'));
});

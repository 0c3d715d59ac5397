/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A Node process in a Serf cluster: `serf members` shows it with its tags, it sends and receives Serf's user events,
// and when it is stopped its status is `left`.
//
//     npm start -- NAME BIND SEED [KEY]
//
// KEY is the key that Serf has in -encrypt.
import { Memberlist, printable } from 'node-memberlist';
import { decodeSerfTags, serf } from 'node-memberlist/serf';

const [name, bindAddr, seed, secretKey] = process.argv.slice(2);
if (seed === undefined) throw new Error('usage: main.ts NAME BIND SEED [KEY]');

const cluster = serf({ tags: { role: 'web', runtime: 'node' } });
// An empty KEY is an error; plaintext must be requested explicitly.
const key = secretKey === undefined ? { plaintext: true } : { secretKey };
const list = await Memberlist.create({ use: [cluster], name, bindAddr, ...key });
cluster.on('event', ({ name: event, payload }) =>
  console.log('event %s: %s', printable(event), printable(payload.toString())),
);
list.on('join', ({ name, meta }) => {
  const tags = Object.entries(decodeSerfTags(meta) ?? {}).map((tag) => tag.join('='));
  console.log('%s joined with tags: %s', printable(name), printable(tags.join(', ')));
});
list.on('leave', (node, reason) => console.log('%s %s', printable(node.name), reason));

await list.join([seed]);
cluster.sendEvent('hello', Buffer.from(`from ${list.localNode.name}`));

process.once('SIGTERM', () => {
  void list
    .leave()
    .finally(() => list.shutdown())
    .then(() => console.log('left'));
});

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The service as a process. Its settings come from the environment, as usual for containers:
//
//     NAME      unique in the cluster. Default: the host's name
//     BIND      the IP to gossip at. Default: all, and the first private one is advertised
//     HTTP      IP:PORT to serve at. Default: 0.0.0.0:8080
//     SEEDS     members to join, separated by commas
//     KEY       the cluster's key in base64. Default: plaintext, which is logged as a warning
import { leaveOnSignals, printable } from 'node-memberlist';
import { Service } from './service.js';

const { NAME, BIND, HTTP = '0.0.0.0:8080', SEEDS = '', KEY } = process.env;
const colon = HTTP.lastIndexOf(':');
const seeds = SEEDS.split(',').filter((seed) => seed !== '');
// Without KEY the property is left out; a KEY that is set and empty is a ConfigError.
const key = KEY === undefined ? {} : { secretKey: KEY };
const service = await Service.start({
  host: HTTP.slice(0, colon),
  port: Number(HTTP.slice(colon + 1)),
  gossip: { name: NAME, bindAddr: BIND, seeds, ...key },
});
const { list } = service;
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => service.drain());
leaveOnSignals(list);
console.log(`${list.localNode.name} serves at ${service.url}`);
list.on('join', ({ name }) => console.log('%s joined', printable(name)));
list.on('leave', ({ name }, reason) => console.log('%s %s', printable(name), reason));

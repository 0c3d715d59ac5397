/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One or two nodes that leave when their process receives a signal. It reports when they have joined.
import { leaveOnSignals, localConfig, Memberlist } from '../../src/index.js';

const [bindAddr = '', seed = '', secondAddr] = process.argv.slice(2);
const list = await Memberlist.create({
  ...localConfig(),
  name: bindAddr,
  bindAddr,
  bindPort: 7946,
  seeds: [seed],
});
leaveOnSignals(list);
await list.ready();
if (secondAddr !== undefined) {
  const second = await Memberlist.create({
    ...localConfig(),
    // Delays its leave message.
    gossipInterval: 300,
    name: secondAddr,
    bindAddr: secondAddr,
    bindPort: 7946,
  });
  // Another signal than the first list's: a signal that ends the process ends both.
  leaveOnSignals(second, ['SIGHUP']);
  await second.join([seed]);
}
process.send?.('ready');

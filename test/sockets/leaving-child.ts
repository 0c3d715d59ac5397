/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A node, or two, that leave when their process is told to stop. It says when they are in company.
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
    // What it says about its leave goes out late.
    gossipInterval: 300,
    name: secondAddr,
    bindAddr: secondAddr,
    bindPort: 7946,
  });
  // Another signal than the first list's: what ends the process ends both.
  leaveOnSignals(second, ['SIGHUP']);
  await second.join([seed]);
}
process.send?.('ready');

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A node that leaves when its process is told to stop. It says when it is in company.
import { leaveOnSignals, localConfig, Memberlist } from '../../src/index.js';

const [bindAddr = '', seed = ''] = process.argv.slice(2);
const list = await Memberlist.create({
  ...localConfig(),
  name: bindAddr,
  bindAddr,
  bindPort: 7946,
  seeds: [seed],
});
leaveOnSignals(list);
await list.ready();
process.send?.('ready');

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A tool that queries its cluster and ends: its node is unref'd, so that it does not keep the process alive.
import { localConfig, Memberlist } from '../../src/index.js';

const [bindAddr = '', seed = '', keepsAlive = ''] = process.argv.slice(2);
const list = await Memberlist.create({ ...localConfig(), name: bindAddr, bindAddr, bindPort: 0 });
await list.join([seed]);
list.unref();
if (keepsAlive === 'ref') list.ref();
console.log(`${list.numMembers} members`);

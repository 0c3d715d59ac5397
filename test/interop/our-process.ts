/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One of our nodes as a process of its own, so that it can be killed. Run with a JSON configuration
// as its argument; it joins the seeds in it and lives until it is killed or its parent goes.
import { Memberlist, type MemberlistConfig } from '../../src/index.js';

const { seeds, ...config } = JSON.parse(process.argv[2] ?? '{}') as MemberlistConfig & {
  seeds: string[];
};
process.once('disconnect', () => process.exit(0));
const list = await Memberlist.create(config);
await list.join(seeds);
process.send?.('joined');

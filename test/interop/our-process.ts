/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One of our nodes as a separate process, so that it can be killed. Its argument is a configuration as JSON;
// it joins the seeds in it and runs until it is killed or its parent exits.
import { Memberlist, type MemberlistConfig } from '../../src/index.js';

const { seeds, ...config } = JSON.parse(process.argv[2] ?? '{}') as MemberlistConfig & {
  seeds: string[];
};
process.once('disconnect', () => process.exit(0));
const list = await Memberlist.create(config);
await list.join(seeds);
process.send?.('joined');

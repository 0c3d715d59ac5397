/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Runs the command line from the sources, as `bin/node-memberlist.js` does.
import { main } from '../../src/cli/main.js';

process.exitCode = await main(process.argv.slice(2), process);

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A few seeds of each scenario of rejoining; `npm run sim:rejoin` runs many.
import { suite, test } from 'node:test';
import { scenarios } from './rejoin/scenarios.js';

suite('a cluster finds together again', () => {
  for (const [name, run] of Object.entries(scenarios)) {
    test(name, async () => {
      for (const seed of name.includes('hundred') ? [1] : [1, 2, 3]) await run(seed);
    });
  }
});

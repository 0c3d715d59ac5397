/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// node --expose-gc --max-old-space-size=12000 --import tsx test/simulation/forged/main.ts FORGED [NODES [SEEDS]]
//
// Fills every table with FORGED made-up members and tells how long a killed member takes to be found, beside the
// same seeds without. All nodes live in this one process, so memory is that of NODES tables.
import { play } from './attack.js';

const [forged = 100_000, nodes = 6, seeds = 3] = process.argv.slice(2).map(Number);
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
for (let seed = 0; seed < seeds; seed++) {
  const usual = await play({ seed, nodes, forged: 0 });
  const startedAt = Date.now();
  const attacked = await play({ seed, nodes, forged });
  const took = seconds(Date.now() - startedAt);
  const { rss } = process.memoryUsage();
  console.log(
    `seed ${seed}: ${nodes} nodes, ${forged} forged: found after ${seconds(attacked.foundAfterMs)}, ` +
      `without ${seconds(usual.foundAfterMs)}; ${attacked.falsePositives} others declared dead; ` +
      `${took} of real time, ${Math.round(rss / 2 ** 20)} MiB`,
  );
}

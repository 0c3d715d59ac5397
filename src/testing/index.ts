/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What is published as `node-memberlist/testing`.

export {
  type Latency,
  MemoryNetwork,
  type MemoryNetworkOptions,
  type MemoryTransportOptions,
} from './memory-network.js';
export { SeededRandom } from './seeded-random.js';
export { VirtualClock, type VirtualClockOptions } from './virtual-clock.js';

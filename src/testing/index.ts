/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Also in the published types, so that projects find Node's types without listing them in `types`.
/// <reference types="node" preserve="true" />

// The published entry point `node-memberlist/testing`.
import '../runtime/require-node.js';

export type {
  AddNodeOptions,
  RestartOptions,
  SimulatedClusterEvents,
  SimulatedClusterOptions,
  SimulatedConfig,
} from './cluster-options.js';
export { extensionContract, type ExtensionCheck } from './extension-contract.js';
export type { Latency } from './latency.js';
export type { LinkChanges, LinkOptions } from './links.js';
export { MemoryNetwork } from './memory-network.js';
export type { MemoryTransport } from './memory-transport.js';
export type {
  MemoryNetworkOptions,
  MemoryTransportOptions,
  NetworkStats,
} from './network-options.js';
export { SeededRandom } from './seeded-random.js';
export { SimulatedCluster } from './simulated-cluster.js';
export type { TraceEntry } from './trace.js';
export type { Traffic } from './traffic.js';
export { VirtualClock, type VirtualClockOptions } from './virtual-clock.js';

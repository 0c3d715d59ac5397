/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What the nodes of all SWIM experiments are set to.

import type { SimulatedConfig } from '../../src/testing/index.js';

/** One protocol period, milliseconds. */
export const probeIntervalMs = 1_000;

/**
 * Probes are all that is looked at: no full exchanges, no pings over streams, nobody ever dies of a
 * suspicion (a million periods long at least), and nobody probes more slowly because it doubts itself.
 */
export const probing = {
  probeInterval: probeIntervalMs,
  probeTimeout: 500,
  pushPullInterval: 0,
  disableTcpPings: true,
  suspicionMult: 1_000_000,
  suspicionMaxTimeoutMult: 1,
  awarenessMaxMultiplier: 1,
} as const satisfies SimulatedConfig;

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The configuration of the nodes in all SWIM experiments.

import type { SimulatedConfig } from '../../src/testing/index.js';

/** One protocol period, milliseconds. */
export const probeIntervalMs = 1_000;

/**
 * Only probes are measured: no full exchanges, no pings over streams, no suspicion timeouts (at least a million
 * periods), and no slower probes of a degraded node.
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

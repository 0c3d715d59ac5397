/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lanConfig, localConfig, wanConfig } from '../../../src/config/presets.js';
import { resolveConfig } from '../../../src/config/resolve.js';
import { limits } from '../../../src/wire/limits.js';

// Table 9 of the behavior: LAN, WAN, local.
const table = {
  bindAddr: ['0.0.0.0', '0.0.0.0', '0.0.0.0'],
  bindPort: [7946, 7946, 7946],
  protocolVersion: [2, 2, 2],
  tcpTimeout: [10_000, 30_000, 1_000],
  indirectChecks: [3, 3, 1],
  retransmitMult: [4, 4, 2],
  suspicionMult: [4, 6, 3],
  suspicionMaxTimeoutMult: [6, 6, 6],
  pushPullInterval: [30_000, 60_000, 15_000],
  probeInterval: [1_000, 5_000, 1_000],
  probeTimeout: [500, 3_000, 200],
  awarenessMaxMultiplier: [8, 8, 8],
  gossipInterval: [200, 500, 100],
  gossipNodes: [3, 4, 3],
  gossipToTheDeadTime: [30_000, 60_000, 15_000],
  gossipVerifyIncoming: [true, true, true],
  gossipVerifyOutgoing: [true, true, true],
  enableCompression: [true, true, true],
  handoffQueueDepth: [1024, 1024, 1024],
  udpBufferSize: [1400, 1400, 1400],
  deadNodeReclaimTime: [0, 0, 0],
  maxMembers: [100_000, 100_000, 100_000],
  rejoin: Array<object>(3).fill({ interval: 30_000, timeout: 10_000, forgetAfter: 259_200_000 }),
  settleAfterJoin: [true, true, true],
  queueCheckInterval: [30_000, 30_000, 30_000],
} as const;

const presets = { lanConfig, wanConfig, localConfig };

for (const [column, [name, preset]] of Object.entries(presets).entries()) {
  test(`${name} has the defaults of its column`, () => {
    const expected = Object.fromEntries(
      Object.entries(table).map(([field, values]) => [field, values[column]]),
    );
    const actual = Object.fromEntries(
      Object.entries(preset()).filter(([field]) => Object.hasOwn(table, field)),
    );
    assert.deepEqual(actual, expected);
  });

  test(`${name} passes all rules and resolves to its own values`, () => {
    const { bindAddr, ...rest } = preset();
    const resolved = resolveConfig(preset());
    assert.deepEqual(resolved.bindAddr, [bindAddr]);
    for (const [field, value] of Object.entries(rest)) {
      assert.deepEqual(Object.entries(resolved).find(([key]) => key === field)?.[1], value, field);
    }
  });

  test(`${name} is a new object at each call`, () => {
    const first = preset();
    first.probeInterval = 1;
    assert.notEqual(preset().probeInterval, 1);
  });
}

test('settings that are not in the table are disabled', () => {
  const config = lanConfig();
  assert.equal(config.label, '');
  assert.equal(config.metrics, false);
  assert.equal(config.requireNodeNames, false);
  assert.equal(config.disableTcpPings, false);
  assert.equal(config.skipInboundLabelCheck, false);
  assert.equal(config.delegateProtocolVersion, 0);
});

test('no packet bound exceeds what a datagram can carry', () => {
  assert.ok(lanConfig().udpBufferSize <= limits.packetBytes);
  assert.ok(limits.decompressedPacketBytes * 100 <= limits.decompressedStreamBytes);
});

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { Registry } from 'prom-client';
import type { MemberlistConfig } from '../../../src/config/options.js';
import { rules } from '../../../src/config/rules.js';
import { systemClock } from '../../../src/runtime/system-clock.js';
import { systemRandom } from '../../../src/runtime/system-random.js';
import { Keyring } from '../../../src/security/keyring.js';

const nothing = () => undefined;

/** For each setting: values that are accepted, and values that are not. */
const cases: Record<keyof MemberlistConfig, { good: unknown[]; bad: unknown[] }> = {
  name: {
    good: ['a', 'x'.repeat(512), 'é'.repeat(256), '😀'],
    bad: ['', 'x'.repeat(513), 'é'.repeat(257), 'a\ud800', '\udc80', 7, null],
  },
  bindAddr: {
    good: ['0.0.0.0', '::', ['127.0.0.1'], ['127.0.0.1', '::1'], 'fe80::1%lo'],
    bad: ['', 'localhost', '127.0.0.1:80', '[::1]', [], ['::1', 5], ['::1', '::1'], 1, null],
  },
  bindPort: { good: [0, 65_535], bad: [-1, 65_536, 1.5, NaN, '80', null] },
  advertiseAddr: {
    good: ['10.0.0.1', '2001:db8::1', '::ffff:10.0.0.1'],
    bad: ['0.0.0.0', '::', '0:0::0', '::ffff:0.0.0.0', 'fe80::1%lo', '', 'example.org', 7],
  },
  advertisePort: { good: [0, 65_535], bad: [-1, 65_536, 0.5, '1'] },
  protocolVersion: { good: [1, 2, 3, 4, 5], bad: [0, 6, 2.5, '2'] },
  delegateProtocolVersion: { good: [0], bad: [-1, 256, 0.5, '0'] },
  delegateProtocolMin: { good: [0], bad: [-1, 256, 0.5, '0'] },
  delegateProtocolMax: { good: [0, 255], bad: [-1, 256, 0.5, '0'] },
  label: { good: ['', 'x'.repeat(255)], bad: ['x'.repeat(256), 'é'.repeat(128), '\udfff', 1] },
  skipInboundLabelCheck: { good: [true, false], bad: [0, 'true', null] },
  secretKey: {
    good: [Buffer.alloc(16), new Uint8Array(24), Buffer.alloc(32), 'A'.repeat(43) + '='],
    bad: [Buffer.alloc(15), Buffer.alloc(0), '', 'short', '?'.repeat(43), 5, null],
  },
  keyring: { good: [new Keyring(Buffer.alloc(16))], bad: [{}, Buffer.alloc(16), null] },
  plaintext: { good: [true, false], bad: [1, 'yes', null] },
  gossipVerifyIncoming: { good: [true, false], bad: [1] },
  gossipVerifyOutgoing: { good: [true, false], bad: [1] },
  cidrsAllowed: {
    good: [['10.0.0.0/8'], ['fd00::/8', '10.1.2.3']],
    bad: ['10.0.0.0/8', [], ['10.0.0.0/33'], ['nonsense'], ['10.0.0.0/8', 7], null],
  },
  requireNodeNames: { good: [true, false], bad: ['no'] },
  tcpTimeout: { good: [0.5, 2_147_483_647], bad: [0, -1, NaN, Infinity, 2_147_483_648, '1', 1n] },
  disableTcpPings: { good: [true, false], bad: [0] },
  disableTcpPingsForNode: { good: [() => true], bad: [true, {}] },
  probeInterval: { good: [0, 0.5, 1e12], bad: [-1, NaN, Infinity, '1', null] },
  probeTimeout: { good: [1, 5_000], bad: [0, -1, NaN, Infinity, 2_147_483_648, '1'] },
  indirectChecks: { good: [0, 3], bad: [-1, 1.5, NaN, Infinity, '3'] },
  awarenessMaxMultiplier: { good: [1, 8], bad: [0, 1.5, -8] },
  suspicionMult: { good: [1, 4], bad: [0, 1.5, NaN] },
  suspicionMaxTimeoutMult: { good: [1, 6], bad: [0, 1.5, NaN] },
  gossipInterval: { good: [0, 200], bad: [-1, NaN, '200'] },
  gossipNodes: { good: [0, 3], bad: [-1, 1.5] },
  gossipToTheDeadTime: { good: [0, 1e12], bad: [-1, NaN, Infinity] },
  retransmitMult: { good: [1, 4], bad: [0, 1.5] },
  pushPullInterval: { good: [0, 30_000], bad: [-1, NaN] },
  settleAfterJoin: { good: [true, false], bad: [null] },
  maxMembers: { good: [1, 1_000_000], bad: [0, 1.5, Infinity] },
  deadNodeReclaimTime: { good: [0, 1e12], bad: [-1, NaN, Infinity] },
  seeds: {
    good: [[], ['a', '10.0.0.1:7946', 'n/[::1]:80', 'srv+_gossip._udp.example.org'], nothing],
    bad: ['a', null, {}, [1], ['a', 'b:0'], ['srv+'], ['srv+a/b'], ['srv+a:80']],
  },
  keyFile: { good: ['/etc/gossip/keys'], bad: ['', 1, null, 'a\0'] },
  snapshot: {
    good: [{ path: '/var/lib/gossip.json' }],
    bad: ['/x', null, [], {}, { path: '' }, { path: 1 }, { path: 'a\0' }, { path: '/x', file: 1 }],
  },
  expectedMembers: { good: [1, 5], bad: [0, 1.5, NaN, '5'] },
  rejoin: {
    good: [false, {}, { interval: 1 }, { interval: 1, timeout: 1, forgetAfter: 2_147_483_647 }],
    bad: [true, null, [], { interval: 0 }, { timeout: -1 }, { forgetAfter: NaN }, { every: 1 }],
  },
  enableCompression: { good: [true, false], bad: [null] },
  udpBufferSize: { good: [512, 65_507], bad: [511, 65_508, 1400.5] },
  handoffQueueDepth: { good: [1, 1024], bad: [0, 1.5] },
  queueCheckInterval: { good: [0, 30_000], bad: [-1, NaN] },
  delegate: {
    good: [{}, { nodeMeta: nothing, extra: 1 }, { localState: undefined }],
    bad: [null, 1, nothing, { nodeMeta: 1 }, { mergeRemoteState: null }],
  },
  events: { good: [{}, { notifyJoin: nothing }], bad: [null, { notifyLeave: true }] },
  conflict: { good: [{ notifyConflict: nothing }], bad: [{}, null, { notifyConflict: 1 }] },
  merge: { good: [{ notifyMerge: nothing }], bad: [{}, null] },
  ping: { good: [{}, { ackPayload: nothing }], bad: [null, { notifyPingComplete: 1 }] },
  alive: { good: [{ notifyAlive: nothing }], bad: [{}, null] },
  use: {
    good: [
      [],
      () => [],
      [{ name: 'bus', attach: nothing }],
      [
        { name: 'a', version: 0, attach: nothing },
        { name: 'b-2', version: 255, attach: nothing },
      ],
    ],
    bad: [
      {},
      'bus',
      null,
      [null],
      [{ name: 'bus' }],
      [{ name: 'Bus', attach: nothing }],
      [{ name: '', attach: nothing }],
      [{ name: 'x'.repeat(17), attach: nothing }],
      [{ name: 'bus', version: 256, attach: nothing }],
      [{ name: 'bus', version: 0.5, attach: nothing }],
      [
        { name: 'bus', attach: nothing },
        { name: 'bus', attach: nothing },
      ],
      Array.from({ length: 16 }, (_, i) => ({ name: `long-name-of-${i}`, attach: nothing })),
    ],
  },
  transport: {
    good: [
      {
        start: nothing,
        finalAdvertiseAddr: nothing,
        writeTo: nothing,
        dial: nothing,
        shutdown: nothing,
      },
    ],
    bad: [{}, null, { start: nothing, finalAdvertiseAddr: nothing, writeTo: nothing }],
  },
  logger: {
    good: [console, false],
    bad: [true, null, nothing, { debug: nothing, info: nothing, warn: nothing }],
  },
  metrics: {
    good: [
      false,
      {},
      { registry: new Registry(), labels: { dc: 'east' }, prefix: 'my_' },
      { prefix: '', labels: undefined },
    ],
    bad: [
      true,
      null,
      [],
      { register: new Registry() },
      { registry: {} },
      { labels: { dc: 1 } },
      { labels: { 'd-c': 'x' } },
      { labels: { __dc: 'x' } },
      { labels: ['x'] },
      { prefix: '1_' },
      { prefix: 1 },
    ],
  },
  clock: { good: [systemClock], bad: [{}, Date, { now: nothing, setTimer: nothing }] },
  random: { good: [systemRandom], bad: [{}, Math.random] },
};

for (const [field, rule] of Object.entries(rules)) {
  test(`${field} accepts values that follow its rule and refuses the others`, () => {
    const { good, bad } = cases[field as keyof MemberlistConfig];
    for (const value of good) assert.equal(rule(value), undefined, `good: ${inspect(value)}`);
    for (const value of bad) assert.match(rule(value) ?? '', /must/, `bad: ${inspect(value)}`);
  });
}

test('methods of a class count as those of an object', () => {
  class Refusing {
    notifyAlive(): void {
      throw new Error('no');
    }
  }
  assert.equal(rules.alive(new Refusing()), undefined);
});

test('a rule names what is missing or wrong', () => {
  assert.equal(rules.logger({ info: nothing }), 'must have functions for debug, warn, error');
  assert.equal(rules.delegate({ nodeMeta: 1 }), 'must have functions for nodeMeta');
  assert.match(rules.cidrsAllowed(['10.0.0.0/8', '10.0.0.0/40']) ?? '', /^'10.0.0.0\/40' must/);
  assert.match(rules.metrics({ registers: {} }) ?? '', /'registers'.*registry, labels, prefix/);
  assert.match(rules.metrics({ prefix: 5 }) ?? '', /^prefix must/);
});

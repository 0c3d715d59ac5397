/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The source of received bytes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostOf, sourceOf } from '../../../src/wire/source.js';

test('the host is the part before the port, without brackets and with its zone', () => {
  for (const [addr, host] of [
    ['10.0.0.1:7946', '10.0.0.1'],
    ['[2001:db8::1]:7946', '2001:db8::1'],
    ['[fe80::1%eth0]:7946', 'fe80::1%eth0'],
    ['[::ffff:10.0.0.1]:7946', '::ffff:10.0.0.1'],
    ['peer-1:7946', 'peer-1'],
    ['peer-1', 'peer-1'],
    ['', ''],
    [':1', ''],
  ] as const) {
    assert.equal(hostOf(addr), host, addr);
  }
});

test('all ports of one IPv4 address are one source, however it is written; other addresses are other sources', () => {
  assert.equal(sourceOf('10.0.0.1:1'), sourceOf('10.0.0.1:65535'));
  assert.equal(sourceOf('10.0.0.1:1'), sourceOf('[::ffff:10.0.0.1]:1'));
  assert.equal(sourceOf('10.0.0.1:1'), sourceOf('[::ffff:a00:1]:1'));
  assert.notEqual(sourceOf('10.0.0.1:1'), sourceOf('10.0.0.2:1'));
  assert.notEqual(sourceOf('10.0.0.1:1'), sourceOf('[::a00:1]:1'));
});

test('64 bits of IPv6 are one source', () => {
  assert.equal(sourceOf('[2001:db8::1]:1'), sourceOf('[2001:db8:0:0:ffff::2]:2'));
  assert.notEqual(sourceOf('[2001:db8::1]:1'), sourceOf('[2001:db8:0:1::1]:1'));
  assert.equal(sourceOf('[fe80::1%eth0]:1'), sourceOf('[fe80::2%eth1]:1'));
});

test('text that is not an IP is its own source', () => {
  assert.equal(sourceOf('peer-1:7946'), 'peer-1');
  assert.notEqual(sourceOf('[not:an:ip]:1'), sourceOf('[not:an:ip2]:1'));
  assert.equal(sourceOf('nonsense'), 'nonsense');
});

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import type { NetworkInterfaceInfo } from 'node:os';
import { suite, test } from 'node:test';
import { SocketPicker, type BoundSocket } from '../../../src/transport/pick-socket.js';

function info(cidr: string): NetworkInterfaceInfo {
  const [address = ''] = cidr.split('/');
  const common = { address, netmask: '', mac: '', cidr, internal: false };
  return address.includes(':')
    ? { ...common, family: 'IPv6', scopeid: 0 }
    : { ...common, family: 'IPv4' };
}

const interfaces = {
  lo: [info('127.0.0.1/8'), info('::1/128')],
  eth0: [info('10.0.0.1/24'), info('fd00::1/64')],
  eth1: [info('10.0.1.1/24'), info('fe80::1/64')],
};

/** The bound address from which a packet is sent. */
function sourceFor(ip: string, bound: string[], defaultRoutes: string[] = []): string | undefined {
  const hasIpv4 = bound.some((address) => !address.includes(':'));
  const sockets = bound.map((address): BoundSocket => ({
    address,
    isIpv6: address.includes(':'),
    isDualStack: address === '::' && !hasIpv4,
  }));
  return new SocketPicker(sockets, { interfaces, defaultRoutes }).pick(ip)?.address;
}

suite('of several bound addresses a packet leaves by', () => {
  test('never loopback, to another host', () => {
    assert.equal(sourceFor('10.0.0.9', ['127.0.0.1', '10.0.0.1']), '10.0.0.1');
    assert.equal(sourceFor('192.0.2.1', ['127.0.0.1', '10.0.0.1']), '10.0.0.1');
    assert.equal(sourceFor('2001:db8::1', ['::1', 'fd00::1']), 'fd00::1');
    assert.equal(sourceFor('10.0.0.9', ['127.0.0.1', '127.0.0.2']), undefined);
    assert.equal(sourceFor('10.0.0.9', ['127.0.0.1', 'fd00::1']), undefined);
  });

  test('loopback, to loopback', () => {
    assert.equal(sourceFor('127.0.0.9', ['10.0.0.1', '127.0.0.1']), '127.0.0.1');
    assert.equal(sourceFor('127.0.0.9', ['10.0.0.1', '10.0.1.1']), '10.0.0.1');
  });

  test('the one in the same network', () => {
    const bound = ['10.0.0.1', '10.0.1.1', 'fd00::1'];
    assert.equal(sourceFor('10.0.1.9', bound), '10.0.1.1');
    assert.equal(sourceFor('10.0.0.9', bound), '10.0.0.1');
    assert.equal(sourceFor('fd00::9', bound), 'fd00::1');
    assert.equal(sourceFor('fe80::9%eth1', ['fd00::1', 'fe80::1%eth1']), 'fe80::1%eth1');
  });

  test('otherwise the one whose interface has a default route, otherwise the first', () => {
    const bound = ['10.0.0.1', '10.0.1.1'];
    assert.equal(sourceFor('192.0.2.1', bound, ['eth1']), '10.0.1.1');
    assert.equal(sourceFor('192.0.2.1', bound, ['10.0.1.1']), '10.0.1.1');
    assert.equal(sourceFor('192.0.2.1', bound), '10.0.0.1');
  });

  test('one of its own family, or the dual-stack one', () => {
    assert.equal(sourceFor('192.0.2.1', ['::']), '::');
    assert.equal(sourceFor('2001:db8::1', ['0.0.0.0', '::']), '::');
    assert.equal(sourceFor('192.0.2.1', ['0.0.0.0', '::']), '0.0.0.0');
    assert.equal(sourceFor('192.0.2.1', ['fd00::1', '::1']), undefined);
  });

  test('the only one, whatever it is', () => {
    assert.equal(sourceFor('10.0.0.9', ['127.0.0.1']), '127.0.0.1');
    assert.equal(sourceFor('2001:db8::1', ['127.0.0.1']), undefined);
  });
});

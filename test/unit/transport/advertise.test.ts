/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import type { NetworkInterfaceInfo } from 'node:os';
import { suite, test } from 'node:test';
import { ConfigError } from '../../../src/errors.js';
import { chooseAdvertiseAddr } from '../../../src/transport/advertise.js';

function info(address: string, internal = false): NetworkInterfaceInfo {
  const common = { address, netmask: '', mac: '', cidr: null, internal };
  return address.includes(':')
    ? { ...common, family: 'IPv6', scopeid: 0 }
    : { ...common, family: 'IPv4' };
}

function choose(
  bound: string,
  addresses: (string | NetworkInterfaceInfo)[],
  given?: string,
): string {
  const infos = addresses.map((entry) => (typeof entry === 'string' ? info(entry) : entry));
  return chooseAdvertiseAddr({
    given,
    bound: [bound],
    interfaces: { eth0: infos },
    defaultRoutes: [],
  });
}

suite('the address to advertise', () => {
  test('is the configured one, as canonical text', () => {
    assert.equal(choose('0.0.0.0', ['10.0.0.1'], '192.0.2.7'), '192.0.2.7');
    assert.equal(choose('10.0.0.1', [], '::ffff:192.0.2.7'), '192.0.2.7');
    assert.equal(choose('10.0.0.1', [], '2001:DB8:0:0::1'), '2001:db8::1');
  });

  test('is the bound one, without zone, if that is specific', () => {
    assert.equal(choose('127.0.0.1', ['10.0.0.1']), '127.0.0.1');
    assert.equal(choose('203.0.113.9', ['10.0.0.1']), '203.0.113.9');
    assert.equal(choose('fe80::1%eth0', ['10.0.0.1']), 'fe80::1');
  });

  for (const ip of [
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.1',
    '192.168.1.1',
    '100.64.0.1',
    '100.127.0.1',
  ]) {
    test(`is ${ip} behind 0.0.0.0, as a private address`, () => {
      assert.equal(choose('0.0.0.0', ['203.0.113.9', 'fd00::2', ip, '10.9.9.9']), ip);
    });
  }

  test('is the first private one of either family behind ::', () => {
    assert.equal(choose('::', ['2001:db8::1', 'fe80::1', 'fd00::2', '10.0.0.1']), 'fd00::2');
    assert.equal(choose('::', ['fe80::1', '10.0.0.1', 'fd00::2']), '10.0.0.1');
    assert.equal(choose('0:0::0', ['10.0.0.1']), '10.0.0.1');
  });

  test('follows the order of the interfaces', () => {
    const interfaces = { lo: [info('127.0.0.1', true)], gone: undefined, a: [info('10.0.0.1')] };
    const options = { given: undefined, bound: ['0.0.0.0'], interfaces, defaultRoutes: [] };
    assert.equal(chooseAdvertiseAddr(options), '10.0.0.1');
  });

  test('is never public, loopback or link-local; without any, the error says what to set', () => {
    const others = ['8.8.8.8', '172.32.0.1', '100.128.0.1', '169.254.1.1', info('10.0.0.1', true)];
    for (const addresses of [[], others]) {
      assert.throws(
        () => choose('0.0.0.0', addresses),
        (error) =>
          error instanceof ConfigError &&
          error.problems[0]?.field === 'advertiseAddr' &&
          error.problems[0].rule.includes('set advertiseAddr to'),
      );
    }
  });

  test('cannot be a text that is not an IP, or an unspecified IP', () => {
    for (const given of ['', 'localhost', '10.0.0.1:7946', '0.0.0.0', '::']) {
      assert.throws(() => choose('10.0.0.1', [], given), ConfigError);
    }
  });

  test('is the first of several bound ones that other hosts can reach', () => {
    const first = (...bound: string[]): string =>
      chooseAdvertiseAddr({ given: undefined, bound, interfaces: {}, defaultRoutes: [] });
    assert.equal(first('127.0.0.1', '10.0.0.1', '10.0.0.2'), '10.0.0.1');
    assert.equal(first('::1', 'fe80::1%eth0', '2001:db8::1'), '2001:db8::1');
    assert.equal(first('::1', 'fe80::1%eth0'), 'fe80::1');
    assert.equal(first('127.0.0.2', '127.0.0.3'), '127.0.0.2');
  });

  test('is not one that no bound socket can serve, if several are bound', () => {
    const bound = ['127.0.0.1', '::1'];
    const options = { bound, interfaces: {}, defaultRoutes: [] };
    assert.throws(() => chooseAdvertiseAddr({ ...options, given: '10.0.0.1' }), ConfigError);
    assert.equal(chooseAdvertiseAddr({ ...options, given: '127.0.0.1' }), '127.0.0.1');
    assert.equal(
      chooseAdvertiseAddr({ ...options, bound: ['127.0.0.1'], given: '10.0.0.1' }),
      '10.0.0.1',
      'a single one may be behind a tunnel',
    );
  });
});

suite('the address to advertise behind 0.0.0.0, with a default route', () => {
  const bound = ['0.0.0.0'];
  const docker0 = [info('172.17.0.1')];

  function chosen(
    interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>,
    ...defaultRoutes: string[]
  ): string {
    return chooseAdvertiseAddr({ given: undefined, bound, interfaces, defaultRoutes });
  }

  test('is the private one of its interface, wherever that is in the list', () => {
    const interfaces = { docker0, bond0: [info('198.51.100.1'), info('10.1.2.3')] };
    assert.equal(chosen(interfaces, 'bond0'), '10.1.2.3');
    assert.equal(chosen(interfaces, '10.1.2.3'), '10.1.2.3');
    assert.equal(chosen(interfaces, '198.51.100.1'), '10.1.2.3', 'known by an address');
  });

  test('is that of the better route if there are several', () => {
    const interfaces = { a: [info('10.0.0.1')], b: [info('10.0.1.1')], c: [info('10.0.2.1')] };
    assert.equal(chosen(interfaces, 'c', 'b'), '10.0.2.1');
    assert.equal(chosen(interfaces, 'gone', 'b'), '10.0.1.1');
  });

  test('is a private one of another interface rather than a public one', () => {
    const interfaces = { docker0, eth0: [info('203.0.113.7')], eth1: [info('10.0.0.7')] };
    assert.equal(chosen(interfaces, 'eth0'), '10.0.0.7');
  });

  for (const name of ['docker0', 'br-0123456789ab', 'cni0', 'virbr0', 'veth12', 'podman1']) {
    test(`is the public one rather than that of ${name}, which is valid on this host only`, () => {
      const interfaces = { [name]: docker0, ens3: [info('203.0.113.7')] };
      assert.equal(chosen(interfaces, 'ens3'), '203.0.113.7');
      assert.equal(chosen({ [name]: docker0 }), '172.17.0.1', 'better than none');
    });
  }

  test('without one, is never public', () => {
    assert.throws(() => chosen({ ens3: [info('203.0.113.7')] }), ConfigError);
  });

  test('is IPv4 behind 0.0.0.0 and of either family behind ::', () => {
    const interfaces = { a: [info('fd00::1')], b: [info('10.0.0.1')] };
    assert.equal(chosen(interfaces, 'a'), '10.0.0.1');
    const options = { given: undefined, bound: ['::'], interfaces, defaultRoutes: ['a'] };
    assert.equal(chooseAdvertiseAddr(options), 'fd00::1');
  });
});

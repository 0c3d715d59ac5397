/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CidrList } from '../../../src/security/cidr.js';

function check(cidrs: string[], allowed: string[], refused: string[]): void {
  const list = new CidrList(cidrs);
  for (const ip of allowed) assert.equal(list.allows(ip), true, `${ip} in ${cidrs.join()}`);
  for (const ip of refused) assert.equal(list.allows(ip), false, `${ip} not in ${cidrs.join()}`);
}

test('an IP is allowed if one of the networks contains it', () => {
  check(
    ['10.0.0.0/8', '192.168.4.0/22', 'fd00::/8'],
    ['10.0.0.0', '10.255.255.255', '192.168.7.255', 'fd12::1', 'FDFF::'],
    ['9.255.255.255', '11.0.0.0', '192.168.8.0', 'fe80::1', '::1'],
  );
});

test('a bare IP allows only itself', () => {
  check(
    ['10.0.0.1', '2001:db8::1'],
    ['10.0.0.1', '2001:db8::1', '2001:db8:0:0::0:1'],
    ['10.0.0.2', '2001:db8::2'],
  );
});

test('a network may be given by any of its addresses', () => {
  check(['10.1.2.3/8', 'fd12::5/8'], ['10.9.9.9', 'fd99::'], ['11.1.2.3', 'fe00::']);
});

test('the network of all IPv4 addresses contains no IPv6 address, and vice versa', () => {
  check(['0.0.0.0/0'], ['1.2.3.4', '255.255.255.255'], ['::1', '2001:db8::1']);
  check(['::/0'], ['::1', '2001:db8::1'], ['1.2.3.4', '::ffff:1.2.3.4']);
});

test('IPv4 in IPv6 notation is IPv4, in addresses and in networks', () => {
  check(
    ['10.0.0.0/8'],
    ['::ffff:10.0.0.1', '::FFFF:a00:1', '0:0:0:0:0:ffff:10.0.0.1'],
    ['::a00:1'],
  );
  check(['::ffff:10.0.0.0/104'], ['10.9.9.9', '::ffff:10.1.1.1'], ['11.0.0.1', '::1']);
  check(['::ffff:10.0.0.1'], ['10.0.0.1'], ['10.0.0.2']);
});

test('the zone of an address is ignored', () => {
  check(['fe80::/10'], ['fe80::1%eth0'], ['fd00::1%eth0']);
});

test('a text that is not an IP is not allowed', () => {
  check(['0.0.0.0/0', '::/0'], [], ['', 'localhost', '10.0.0.1:80', '[::1]', '10.0.0', '%eth0']);
});

test('an empty list allows nothing', () => {
  check([], [], ['10.0.0.1', '::1']);
});

test('prefixes that end within a byte are exact to the bit', () => {
  check(['2001:db8::/33'], ['2001:db8:7fff::'], ['2001:db8:8000::']);
  check(['10.0.0.0/9'], ['10.127.255.255'], ['10.128.0.0']);
  check(['10.0.0.4/31'], ['10.0.0.4', '10.0.0.5'], ['10.0.0.3', '10.0.0.6']);
});

test('text that is not a network is refused with a reason', () => {
  for (const cidr of ['', '/8', 'ten/8', '10.0.0/8', '[::1]/8', 'fe80::%eth0/10', ' 10.0.0.0/8']) {
    assert.match(CidrList.problemWith(cidr) ?? '', /must be a network/, cidr);
  }
  for (const cidr of ['10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/-1', '::/1.5', '::/8/8']) {
    assert.match(CidrList.problemWith(cidr) ?? '', /prefix length from 0 to/, cidr);
  }
  for (const cidr of ['10.0.0.0/8', '::/0', '10.0.0.1', '10.0.0.0/08', '::ffff:1.2.3.4/128']) {
    assert.equal(CidrList.problemWith(cidr), undefined, cidr);
  }
  assert.throws(() => new CidrList(['10.0.0.0/8', 'x']), /'x' must be a network/);
});

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import {
  ipFromBytes,
  ipToBytes,
  isSameIp,
  joinHostPort,
  splitHostPort,
} from '../../../src/wire/address.js';

/** Bytes and their canonical text. */
const canonical = [
  ['00000000', '0.0.0.0'],
  ['7f000005', '127.0.0.5'],
  ['ffffffff', '255.255.255.255'],
  ['00000000000000000000000000000000', '::'],
  ['00000000000000000000000000000001', '::1'],
  ['fe800000000000000000000000000000', 'fe80::'],
  ['20010db8000000000000000000000001', '2001:db8::1'],
  ['20010db8000000010001000100010001', '2001:db8:0:1:1:1:1:1'],
  ['20010db8000000000001000000000001', '2001:db8::1:0:0:1'],
  ['20010000000000010000000000000001', '2001:0:0:1::1'],
  ['00000001000000000000000000000000', '0:1::'],
  ['00000000000200030004000500060007', '::2:3:4:5:6:7'],
  ['00010002000300040005000600070000', '1:2:3:4:5:6:7:0'],
  ['abcdef0123456789abcdef0123456789', 'abcd:ef01:2345:6789:abcd:ef01:2345:6789'],
  ['0000000000000000000000000a000001', '::a00:1'],
  ['0000000000000000fffe00000a000001', '::fffe:0:a00:1'],
  ['0000000000000000ffff00000a000001', '::ffff:0:a00:1'],
  ['00000000000000000001ffff0a000001', '::1:ffff:a00:1'],
  ['0000000000000000000000ff0a000001', '::ff:a00:1'],
  ['00000000000000000000ff000a000001', '::ff00:a00:1'],
] as const;

for (const [hex, text] of canonical) {
  test(`${text} is the text of its bytes and vice versa`, () => {
    assert.equal(ipFromBytes(Buffer.from(hex, 'hex')), text);
    assert.equal(ipToBytes(text)?.toString('hex'), hex);
  });
}

test('an IPv4 address mapped into IPv6 is an IPv4 address', () => {
  const mapped = Buffer.from('00000000000000000000ffff0a00032c', 'hex');
  assert.equal(ipFromBytes(mapped), '10.0.3.44');
  for (const text of ['::ffff:10.0.3.44', '::FFFF:a00:32c', '0:0:0:0:0:ffff:10.0.3.44']) {
    assert.deepEqual(ipToBytes(text), Buffer.from([10, 0, 3, 44]));
  }
});

test('other spellings of an IPv6 address are accepted', () => {
  for (const [text, hex] of [
    ['2001:0DB8:0000:0000:0000:0000:0000:0001', '20010db8000000000000000000000001'],
    ['1:2:3:4:5:6:7::', '00010002000300040005000600070000'],
    ['::2:3:4:5:6:7:8', '00000002000300040005000600070008'],
    ['1:2:3::5:6:7:8', '00010002000300000005000600070008'],
    ['64:ff9b::192.0.2.33', '0064ff9b0000000000000000c0000221'],
    ['1:2:3:4:5:6:255.254.253.252', '000100020003000400050006fffefdfc'],
  ] as const) {
    assert.equal(ipToBytes(text)?.toString('hex'), hex, text);
  }
});

test('bytes of any other length have no text', () => {
  for (let length = 0; length < 40; length++) {
    if (length === 4 || length === 16) continue;
    assert.equal(ipFromBytes(Buffer.alloc(length)), undefined);
  }
});

test('text that is not an IP has no bytes', () => {
  for (const text of [
    ...['', ' ', '.', '...', '1.2.3', '1.2.3.4.5', '1.2.3.256', '01.2.3.4', '1.2.3.4 ', ' 1.2.3.4'],
    ...['1.2.3.-4', '1.2.3.0x4', '1.2.3.1e1', '1..3.4', '1.2.3.4\n', '１.2.3.4', 'localhost'],
    ...[':', ':::', '1', '1:2', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1:2:3:4::5:6:7:8'],
    ...['1::2::3', '::1::', '1:2:3:4:5:6:7:', ':1:2:3:4:5:6:7', ':1::', '1:::2', '12345::', '::g'],
    ...[
      'fe80::1%eth0',
      '[::1]',
      '::1.2.3',
      '::1.2.3.4:5',
      '1.2.3.4::',
      '::1.2.3.256',
      '::01.2.3.4',
    ],
    ...['1:2:3:4:5:6:7:1.2.3.4', '::1\n', ':: 1', '::-1', '::+1', '::1/64'],
  ]) {
    assert.equal(ipToBytes(text), undefined, JSON.stringify(text));
  }
});

test('addresses compare as equal whether mapped or not', () => {
  const short = Buffer.from('0a00032c', 'hex');
  const mapped = Buffer.from('00000000000000000000ffff0a00032c', 'hex');
  const compatible = Buffer.from('0000000000000000000000000a00032c', 'hex');
  assert.equal(isSameIp(short, Uint8Array.from(short)), true);
  assert.equal(isSameIp(short, mapped), true);
  assert.equal(isSameIp(mapped, short), true);
  assert.equal(isSameIp(mapped, Buffer.from(mapped)), true);
  assert.equal(isSameIp(short, compatible), false);
  assert.equal(isSameIp(mapped, compatible), false);
  assert.equal(isSameIp(compatible, Buffer.from(compatible)), true);
  assert.equal(isSameIp(short, Buffer.from('0a00032d', 'hex')), false);
  assert.equal(isSameIp(mapped, Buffer.from('0a00032d', 'hex')), false);
});

test('bytes that are not an address equal only themselves', () => {
  assert.equal(isSameIp(Buffer.alloc(0), Buffer.alloc(0)), true);
  assert.equal(isSameIp(Buffer.alloc(0), Buffer.alloc(4)), false);
  assert.equal(isSameIp(Buffer.alloc(5), Buffer.alloc(4)), false);
});

test('a host and a port are joined, IPv6 in brackets', () => {
  assert.equal(joinHostPort('10.0.0.1', 7946), '10.0.0.1:7946');
  assert.equal(joinHostPort('2001:db8::1', 0), '[2001:db8::1]:0');
});

test('an address is split into its host and port', () => {
  for (const [address, host, port] of [
    ['10.0.0.1:7946', '10.0.0.1', 7946],
    ['[2001:db8::1]:1', '2001:db8::1', 1],
    ['[::ffff:10.0.0.1]:80', '::ffff:10.0.0.1', 80],
    ['localhost:0', 'localhost', 0],
    ['node-1.dc1.example.com.:65535', 'node-1.dc1.example.com.', 65535],
    ['_gossip.my_service:7946', '_gossip.my_service', 7946],
    ['1and1.com:7946', '1and1.com', 7946],
  ] as const) {
    assert.deepEqual(splitHostPort(address), { host, port });
  }
});

test('text that is not an address with a port is not split', () => {
  for (const address of [
    ...['', ':', ':80', 'host', 'host:', '10.0.0.1', '::1', '2001:db8::1:80', '[::1]', '[::1]:'],
    ...['[]:80', '[10.0.0.1]:80', '[host]:80', '[::1:80', '::1]:80', '[[::1]]:80', '[::1]x:80'],
    ...['[fe80::1%eth0]:80', 'fe80::1%eth0:80', 'host:65536', 'host:99999', 'host:123456'],
    ...[
      'host:-1',
      'host:+1',
      'host: 1',
      'host:1 ',
      'host:1e3',
      'host:0x50',
      'host:80\n',
      'host:８',
    ],
    ...['ho st:80', ' host:80', 'host\n:80', 'a..b:80', '.a:80', '.:80', 'a/b:80', 'u@host:80'],
    ...['1.2.3.256:80', '1.2.3:80', '01.2.3.4:80', '127:80', 'http://host:80', 'h\u00f6st:80'],
    ...[`${'a'.repeat(64)}:80`, `${'a.'.repeat(127)}:80`],
  ]) {
    assert.equal(splitHostPort(address), undefined, JSON.stringify(address));
  }
});

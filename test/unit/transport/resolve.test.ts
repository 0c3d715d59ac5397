/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Lookup, type Seed, parseSeed, resolveSeed } from '../../../src/transport/resolve.js';

const forms: [seed: string, parsed: Seed][] = [
  ['db1', { host: 'db1', port: 7946 }],
  ['db1.example.org', { host: 'db1.example.org', port: 7946 }],
  ['db1:80', { host: 'db1', port: 80 }],
  ['192.0.2.1', { host: '192.0.2.1', port: 7946 }],
  ['192.0.2.1:65535', { host: '192.0.2.1', port: 65_535 }],
  ['::1', { host: '::1', port: 7946 }],
  ['2001:db8::80', { host: '2001:db8::80', port: 7946 }],
  ['[::1]', { host: '::1', port: 7946 }],
  ['[2001:db8::1]:80', { host: '2001:db8::1', port: 80 }],
  ['n1/db1', { name: 'n1', host: 'db1', port: 7946 }],
  ['n1/db1:80', { name: 'n1', host: 'db1', port: 80 }],
  ['n1/[::1]:80', { name: 'n1', host: '::1', port: 80 }],
  ['n1/::1', { name: 'n1', host: '::1', port: 7946 }],
  ['srv+_gossip._udp.example.org', { host: '_gossip._udp.example.org', port: 7946, isSrv: true }],
  ['node of mine:1/192.0.2.1', { name: 'node of mine:1', host: '192.0.2.1', port: 7946 }],
];

const mistakes: [seed: string, why: RegExp][] = [
  ['srv+', /not the name of SRV records/],
  ['srv+db1:80', /not the name of SRV records/],
  ['srv+n1/db1', /not the name of SRV records/],
  ['', /host is empty/],
  [':80', /host is empty/],
  ['n1/', /host is empty/],
  ['n1/:80', /host is empty/],
  ['/db1', /node name .* is empty/],
  ['db1:', /port must be .* not ""/],
  ['db1:0', /port must be/],
  ['db1:65536', /port must be/],
  ['db1:-1', /port must be/],
  ['db1:http', /port must be/],
  ['db1:8e1', /port must be/],
  ['[::1]:99999', /port must be/],
  ['[db1]:80', /only an IPv6 address/],
  ['[127.0.0.1]:80', /only an IPv6 address/],
  ['[::1', /only an IPv6 address/],
  ['[::1]80', /only an IPv6 address/],
  ['a:b:c', /not an IPv6 address/],
  ['d b1', /not a host name/],
  [' db1', /not a host name/],
  ['n1/n2/db1', /not a host name/],
];

/** Answers every name with `addresses` and records the queried names. */
function answering(...addresses: string[]): { asked: string[]; lookup: Lookup } {
  const asked: string[] = [];
  const lookup: Lookup = (hostname) => {
    asked.push(hostname);
    return Promise.resolve(addresses.map((address) => ({ address })));
  };
  return { asked, lookup };
}

suite('a seed', () => {
  for (const [seed, parsed] of forms) {
    test(`"${seed}" is understood`, () => assert.deepEqual(parseSeed(seed, 7946), parsed));
  }

  for (const [seed, why] of mistakes) {
    test(`"${seed}" is refused with a reason`, async () => {
      assert.throws(() => parseSeed(seed, 7946), why);
      await assert.rejects(resolveSeed(seed, { defaultPort: 7946 }), why);
    });
  }

  test('that is an IP needs no lookup', async () => {
    const { asked, lookup } = answering('192.0.2.9');
    const options = { defaultPort: 7946, lookup };
    assert.deepEqual(await resolveSeed('192.0.2.1', options), [{ addr: '192.0.2.1:7946' }]);
    assert.deepEqual(await resolveSeed('n/[2001:DB8::0]:1', options), [
      { addr: '[2001:db8::]:1', name: 'n' },
    ]);
    assert.deepEqual(await resolveSeed('::ffff:192.0.2.1', options), [{ addr: '192.0.2.1:7946' }]);
    assert.deepEqual(asked, []);
  });

  test('that is a name resolves to all its addresses, without duplicates, in the order of the answer', async () => {
    const { asked, lookup } = answering(
      '192.0.2.2',
      '2001:db8::1',
      '::ffff:192.0.2.2',
      '192.0.2.1',
    );
    const addresses = await resolveSeed('n/db1:80', { defaultPort: 7946, lookup });
    assert.deepEqual(asked, ['db1']);
    assert.deepEqual(addresses, [
      { addr: '192.0.2.2:80', name: 'n' },
      { addr: '[2001:db8::1]:80', name: 'n' },
      { addr: '192.0.2.1:80', name: 'n' },
    ]);
  });

  test('whose name has no address, or cannot be resolved, rejects', async () => {
    const { lookup } = answering();
    await assert.rejects(resolveSeed('db1', { defaultPort: 1, lookup }), /"db1" has no address/);
    const failing = (): Promise<never> => Promise.reject(new Error('getaddrinfo ENOTFOUND db1'));
    const options = { defaultPort: 1, lookup: failing };
    await assert.rejects(resolveSeed('db1', options), /ENOTFOUND/);
  });

  test('that is localhost is resolved by the system', async () => {
    const addresses = await resolveSeed('localhost:80', { defaultPort: 7946 });
    const local = new Set(['127.0.0.1:80', '[::1]:80']);
    assert.ok(addresses.length > 0 && addresses.every(({ addr }) => local.has(addr)));
  });
});

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { suite, test } from 'node:test';
import {
  findDefaultRoutes,
  ipv4DefaultRoutes,
  ipv6DefaultRoutes,
  localAddressFor,
} from '../../../src/transport/default-route.js';

const header = 'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n';

function ipv4(name: string, to: string, flags: string, metric: number, mask: string): string {
  return `${name}\t${to}\t0102000A\t${flags}\t0\t0\t${metric}\t${mask}\t0\t0\t0  \n`;
}

function ipv6(name: string, to: string, length: string, metric: string, flags: string): string {
  const unspecified = '0'.repeat(32);
  return `${to} ${length} ${unspecified} 00 ${unspecified} ${metric} 00000001 00000000 ${flags}     ${name}\n`;
}

const any = '0'.repeat(32);
const all = '00000000';

suite('default routes', () => {
  test('of IPv4 are the active routes to all destinations, by ascending metric', () => {
    const table =
      header +
      ipv4('docker0', '000011AC', '0001', 0, '0000FFFF') +
      ipv4('wlan0', all, '0003', 600, all) +
      ipv4('eth0', all, '0003', 100, all) +
      ipv4('down0', all, '0002', 0, all) +
      ipv4('lo', all, '0201', 0, all) +
      ipv4('tun0', all, '0003', 50, '00000080') +
      ipv4('eth0', all, '0003', 700, all);
    assert.deepEqual(ipv4DefaultRoutes(table), ['eth0', 'wlan0']);
    assert.deepEqual(ipv4DefaultRoutes(header), []);
    assert.deepEqual(ipv4DefaultRoutes(''), []);
  });

  test('of IPv6 are found in the same way, except the reject route', () => {
    const table =
      ipv6('eth1', `fd${'0'.repeat(30)}`, '40', '00000100', '00000001') +
      ipv6('eth1', any, '00', '00000400', '00000003') +
      ipv6('eth0', any, '00', '00000064', '00000003') +
      ipv6('lo', any, '00', 'ffffffff', '00200200') +
      ipv6('eth2', any, '40', '00000000', '00000003');
    assert.deepEqual(ipv6DefaultRoutes(table), ['eth0', 'eth1']);
    assert.deepEqual(ipv6DefaultRoutes('nonsense\n'), []);
  });

  test('of this machine can be read', async () => {
    assert.ok(Array.isArray(await findDefaultRoutes()));
    for (const type of ['udp4', 'udp6'] as const) {
      const address = await localAddressFor(type);
      assert.ok(address === undefined || isIP(address) > 0);
    }
  });
});

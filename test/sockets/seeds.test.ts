/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Seeds from a real name server, over UDP and TCP, whose answers change while nodes join.
import assert from 'node:assert/strict';
import { setServers } from 'node:dns';
import { Resolver as DnsResolver } from 'node:dns/promises';
import { once } from 'node:events';
import { suite, test } from 'node:test';
import { localConfig, Memberlist, type MemberlistConfig } from '../../src/index.js';
import { NameServer } from './dns/name-server.js';

const serverIp = '127.7.5.53';
const serverPort = 5353;
const name = 'gossip.example.org';
const service = `srv+_gossip._udp.${name}`;
const withinMs = 30_000;

/** Replaces getaddrinfo: the system's resolver does not know the test's names. */
const resolver = {
  lookup: async (host: string): Promise<{ address: string }[]> => {
    const dns = new DnsResolver({ timeout: 1_000, tries: 2 });
    dns.setServers([`${serverIp}:${serverPort}`]);
    return (await dns.resolve4(host)).map((address) => ({ address }));
  },
};

async function node(
  host: number,
  seeds: string[],
  more: MemberlistConfig = {},
): Promise<Memberlist> {
  const config: MemberlistConfig = {
    ...localConfig(),
    name: `n${host}`,
    bindAddr: `127.7.5.${host}`,
    seeds,
    deadNodeReclaimTime: 1,
    rejoin: { interval: 1_000, timeout: 2_000 },
    ...more,
  };
  return Memberlist.createWith(config, { resolver });
}

async function shutDown(lists: Iterable<Memberlist>): Promise<void> {
  await Promise.all(Array.from(lists, (list) => list.shutdown()));
}

suite('seeds of a real name server', () => {
  test('NXDOMAIN, then only dead addresses, then the right ones; then all are replaced', async () => {
    await using dns = new NameServer();
    await dns.listen(serverIp, serverPort);
    const first = [await node(1, [name]), await node(2, [name])];
    const others: Memberlist[] = [];
    try {
      await assert.rejects(first[0]!.ready({ timeout: 1_500 }));
      assert.ok(dns.queries.udp >= 2, 'it was queried more than once');
      dns.hosts.set(name, ['127.7.5.201', '127.7.5.202']);
      await assert.rejects(first[0]!.ready({ timeout: 1_500 }));
      dns.hosts.set(name, ['127.7.5.201', '127.7.5.1', '127.7.5.2']);
      await Promise.all(first.map((list) => list.ready({ timeout: withinMs })));

      // All addresses are replaced while a node runs: the others leave, and return at other addresses.
      dns.hosts.set(name, ['127.7.5.3', '127.7.5.4']);
      const stays = first[0]!;
      const gone = once(stays, 'leave');
      await first[1]!.leave();
      await first[1]!.shutdown();
      await gone;
      const back = { name: 'n2' };
      others.push(await node(3, [name], back), await node(4, [name]));
      await Promise.all(
        [...others, stays].map((list) => list.ready({ minMembers: 3, timeout: withinMs })),
      );
      assert.equal(stays.member('n2')?.address, '127.7.5.3:7946');
    } finally {
      await shutDown([...first, ...others]);
    }
  });

  test('SRV records contain ports, and large answers arrive by TCP', async () => {
    await using dns = new NameServer();
    await dns.listen(serverIp, serverPort);
    setServers([`${serverIp}:${serverPort}`]);
    const lists = [await node(11, [service]), await node(12, [service], { bindPort: 7999 })];
    try {
      const dead = Array.from({ length: 40 }, (_, i) => ({
        target: `gone${i}.${name}`,
        port: 7946,
      }));
      dns.hosts.set(`a.${name}`, ['127.7.5.11']);
      dns.hosts.set(`b.${name}`, ['127.7.5.12']);
      dns.services.set(`_gossip._udp.${name}`, [
        ...dead,
        { target: `a.${name}`, port: 7946 },
        { target: `b.${name}`, port: 7999 },
      ]);
      await Promise.all(lists.map((list) => list.ready({ timeout: withinMs })));
      assert.ok(dns.queries.tcp > 0, 'the answer was too long for UDP');
    } finally {
      await shutDown(lists);
    }
  });
});

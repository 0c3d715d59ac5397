/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Report } from '../../../src/core/reports.js';
import {
  Memberlist,
  NetTransport,
  ProtocolError,
  type MemberlistConfig,
  type Transport,
} from '../../../src/index.js';
import { OwnAddress, type OwnAddressInit } from '../../../src/node/own-address.js';
import { MemoryNetwork, SimulatedCluster, VirtualClock } from '../../../src/testing/index.js';
import { Log, mute } from '../memberlist/cluster.js';

class Stage {
  readonly clock = new VirtualClock();
  readonly reports: Report[] = [];
  readonly local: Set<string>;
  looks = 0;
  readonly address: OwnAddress;

  constructor(
    ip: string,
    { local = [ip], ...init }: Partial<OwnAddressInit> & { local?: string[] } = {},
  ) {
    this.local = new Set(local);
    const transport = {
      isLocal: (each: string) => {
        this.looks++;
        return this.local.has(each);
      },
    };
    const report = (each: Report): void => void this.reports.push(each);
    this.address = new OwnAddress(
      { transport, clock: this.clock, report },
      { ip, port: 7946, mayBePlain: true, allowsIp: () => true, ...init },
    );
  }

  get codes(): string[] {
    return this.reports.map(({ code }) => code);
  }

  /** Looks again and again for so long. */
  pass(ms: number): void {
    for (let passed = 0; passed < ms; passed += 100) {
      this.clock.advance(100);
      this.address.check();
    }
  }
}

suite('the advertised address', () => {
  test('that is gone is reported once, and again after it was back', () => {
    const stage = new Stage('10.0.0.1');
    stage.pass(60_000);
    assert.deepEqual(stage.codes, []);
    stage.local.clear();
    stage.pass(60_000);
    assert.deepEqual(stage.codes, ['address-gone']);
    assert.equal((stage.reports[0] as { address?: string }).address, '10.0.0.1:7946');
    stage.local.add('10.0.0.1');
    stage.pass(60_000);
    stage.local.clear();
    stage.pass(60_000);
    assert.deepEqual(stage.codes, ['address-gone', 'address-gone']);
  });

  test('is looked for every ten seconds at most', () => {
    const stage = new Stage('10.0.0.1');
    stage.looks = 0;
    stage.pass(60_000);
    assert.equal(stage.looks, 6);
  });

  test('that was never one of this machine, as behind NAT, is not looked for', () => {
    const stage = new Stage('198.51.100.7', { local: ['10.0.0.1'] });
    stage.looks = 0;
    stage.pass(60_000);
    assert.deepEqual(stage.codes, []);
    assert.equal(stage.looks, 0);
  });

  test('that is public, or not allowed by ourselves, is reported at once', () => {
    assert.deepEqual(new Stage('203.0.113.7', { mayBePlain: false }).codes, ['public-address']);
    assert.deepEqual(new Stage('203.0.113.7').codes, []);
    assert.deepEqual(new Stage('10.0.0.1', { allowsIp: () => false }).codes, [
      'address-not-allowed',
    ]);
  });

  test('that other hosts reach in plaintext is reported in one line, and loopback is not', () => {
    for (const [ip, codes] of [
      ['10.0.0.1', ['plaintext']],
      ['169.254.1.1', ['plaintext']],
      ['fd00::1', ['plaintext']],
      ['2001:db8::1', ['public-address']],
      ['127.0.0.1', []],
      ['127.9.9.9', []],
      ['::1', []],
    ] as const) {
      assert.deepEqual(new Stage(ip, { mayBePlain: false }).codes, codes, ip);
      assert.deepEqual(new Stage(ip, { mayBePlain: true }).codes, [], ip);
    }
  });

  test('that is loopback is reported once when another host is to be joined', () => {
    const stage = new Stage('127.0.0.1', { local: ['127.0.0.1', '10.0.0.1'] });
    for (const addr of ['127.0.0.2:7946', '[::1]:7946', '10.0.0.1:7947']) {
      stage.address.beforeJoin({ addr });
    }
    assert.deepEqual(stage.codes, [], 'this host reaches it');
    for (const addr of ['10.0.0.2:7946', '[fd00::1]:7946']) stage.address.beforeJoin({ addr });
    assert.deepEqual(stage.codes, ['loopback-advertised']);
    assert.equal(stage.reports[0]?.peer, '10.0.0.2:7946');
  });

  test('cannot be joined', () => {
    const { address } = new Stage('10.0.0.1');
    assert.throws(() => address.beforeJoin({ addr: '10.0.0.1:7946' }), ProtocolError);
    address.beforeJoin({ addr: '10.0.0.1:7947' });
  });
});

suite('a node', () => {
  test('whose address is gone says so, by what it sends at intervals', async (t) => {
    await using cluster = await SimulatedCluster.create({ size: 2 });
    const { network } = cluster;
    const make = network.transport.bind(network);
    let isLocal = true;
    t.mock.method(network, 'transport', (...args: Parameters<typeof make>) =>
      Object.assign(make(...args), { isLocal: () => isLocal }),
    );
    const log = new Log();
    await cluster.addNode('x', { config: { logger: log } });
    await cluster.joinAll();
    await cluster.run(120_000);
    assert.deepEqual(log.of('address-gone'), []);
    isLocal = false;
    await cluster.run(120_000);
    assert.equal(log.of('address-gone').length, 1);
    assert.equal(log.of('address-gone')[0]?.level, 'warn');
  });

  test('in plaintext says so once, unless it is meant, in one process, or at loopback', async () => {
    const network = new MemoryNetwork();
    let nodes = 0;
    const codes = async (config: MemberlistConfig, isInProcess = false): Promise<unknown[]> => {
      const log = new Log();
      const transport = Object.assign(network.transport(`${++nodes}`), { isInProcess });
      await using list = await Memberlist.create({ ...mute, ...config, transport, logger: log });
      await list.updateNode();
      return log.lines.flatMap(({ level, fields }) => (level === 'warn' ? [fields.code] : []));
    };
    assert.deepEqual(await codes({}), ['plaintext']);
    assert.deepEqual(await codes({ advertiseAddr: '203.0.113.7' }), ['public-address']);
    assert.deepEqual(await codes({ advertiseAddr: '127.0.0.1' }), []);
    assert.deepEqual(await codes({ plaintext: true }), []);
    assert.deepEqual(await codes({ plaintext: true, advertiseAddr: '203.0.113.7' }), []);
    assert.deepEqual(await codes({ secretKey: Buffer.alloc(16, 1) }), []);
    assert.deepEqual(await codes({}, true), []);
    assert.equal(network.transport('x').isInProcess, true, 'memory transports are no network');
    assert.equal(
      (new NetTransport({ bindAddr: '127.0.0.1', bindPort: 0 }) as Transport).isInProcess,
      undefined,
    );
  });

  test('that advertises loopback says so when its seeds are elsewhere', async () => {
    await using cluster = await SimulatedCluster.create({ size: 1 });
    const log = new Log();
    const seeds = ['10.0.0.1', '10.0.0.7'];
    await cluster.addNode('x', { addr: '127.0.0.1:7946', config: { logger: log, seeds } });
    await cluster.run(60_000);
    const [line, ...more] = log.of('loopback-advertised');
    assert.equal(line?.level, 'warn');
    assert.deepEqual(more, []);
  });
});

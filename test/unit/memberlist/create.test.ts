/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { describe, it } from 'node:test';
import {
  ConfigError,
  Keyring,
  Memberlist,
  type MemberlistConfig,
  MessageTooLargeError,
  lanConfig,
} from '../../../src/index.js';
import { MemoryNetwork } from '../../../src/testing/index.js';
import { Cluster, Log, altered, fast, rejection } from './cluster.js';

void describe('Memberlist.create', () => {
  void it('fills in the defaults of a LAN and the name of the host', async () => {
    const transport = new MemoryNetwork().transport('a');
    await using list = await Memberlist.create({ transport });
    const { config } = list;
    assert.equal(config.name, hostname());
    for (const [field, value] of Object.entries(lanConfig())) {
      const expected: unknown = field === 'bindAddr' ? [value] : value;
      assert.deepEqual(config[field as keyof typeof config], expected, field);
    }
    assert.equal(list.keyring, undefined);
    assert.equal(list.healthScore, 0);
  });

  void it('is what a constructor call in JavaScript is pointed to', () => {
    const Constructor = Memberlist as unknown as new (config?: object) => Memberlist;
    for (const given of [undefined, {}, { name: 'a' }]) {
      assert.throws(
        () => new Constructor(given),
        (error: Error) =>
          error instanceof ConfigError && error.message.includes('await Memberlist.create(config)'),
      );
    }
  });

  void it('starts as a cluster of its own', async () => {
    await using cluster = new Cluster();
    const a = await cluster.node('a');
    const { localNode } = a;
    assert.equal(localNode.name, 'a');
    assert.equal(localNode.state, 'alive');
    assert.equal(localNode.address, `${localNode.addr}:${localNode.port}`);
    assert.deepEqual(localNode.protocol, { min: 1, max: 5, current: 2 });
    assert.deepEqual(localNode.delegateProtocol, { min: 0, max: 0, current: 0 });
    assert.ok(localNode.incarnation >= 1);
    assert.deepEqual(a.members(), [localNode]);
    assert.equal(a.numMembers, 1);
  });

  void it('freezes the configuration, and later changes of what was given do not count', async () => {
    await using cluster = new Cluster();
    const given: MemberlistConfig = { ...fast, cidrsAllowed: ['10.0.0.0/8'] };
    const { config } = await cluster.node('a', given);
    assert.ok(Object.isFrozen(config));
    assert.ok(Object.isFrozen(config.bindAddr));
    assert.ok(Object.isFrozen(config.cidrsAllowed));
    given.probeInterval = 1;
    assert.equal(config.probeInterval, fast.probeInterval);
  });

  void it('turns a secretKey into a keyring, and shows it nowhere', async () => {
    await using cluster = new Cluster();
    const secretKey = Buffer.alloc(32, 'k');
    const { config, keyring } = await cluster.node('a', { secretKey });
    assert.ok(keyring instanceof Keyring);
    assert.ok(!('secretKey' in config));
    assert.deepEqual(keyring.primaryKey, secretKey);
  });

  void it('reports every mistake at once, before anything is bound', async () => {
    let started = false;
    const transport = altered(new MemoryNetwork().transport('a'), {
      start: () => {
        started = true;
        return Promise.resolve();
      },
    });
    const wrong = { probeInterval: -1, name: '', gossipNode: 3, secretKey: 'short', transport };
    const error = await rejection(Memberlist.create(wrong as MemberlistConfig), ConfigError);
    const fields = error.problems.map(({ field }) => field).sort();
    assert.deepEqual(fields, ['gossipNode', 'name', 'probeInterval', 'secretKey']);
    const hint = error.problems.find(({ field }) => field === 'gossipNode');
    assert.match(hint?.rule ?? '', /gossipNodes/);
    assert.ok(!error.message.includes('short'));
    assert.equal(error.code, 'ERR_MEMBERLIST_CONFIG');
    assert.equal(started, false);
  });

  void it('takes metadata of 512 bytes', async () => {
    await using cluster = new Cluster();
    const meta = Buffer.alloc(512, 1);
    const limits: number[] = [];
    const nodeMeta = (limit: number): Buffer => {
      limits.push(limit);
      return meta;
    };
    const a = await cluster.node('a', { delegate: { nodeMeta } });
    assert.deepEqual(a.localNode.meta, meta);
    assert.deepEqual(limits, [512]);
  });

  const cases: [why: string, config: MemberlistConfig, limit: RegExp][] = [
    ['metadata over 512 bytes', { delegate: { nodeMeta: () => Buffer.alloc(513) } }, /512/],
    [
      'name and metadata that fit into no packet',
      {
        name: 'n'.repeat(200),
        udpBufferSize: 512,
        delegate: { nodeMeta: () => Buffer.alloc(400) },
      },
      /name and metadata/,
    ],
  ];
  for (const [why, config, text] of cases) {
    void it(`rejects ${why}, and the transport is free again`, async () => {
      const network = new MemoryNetwork();
      const create = (more: MemberlistConfig): Promise<Memberlist> =>
        Memberlist.create({ ...fast, ...more, transport: network.transport('a') });
      const error = await rejection(create(config), MessageTooLargeError);
      assert.match(error.message, text);
      await (await create({ name: 'a' })).shutdown();
    });
  }

  void it('rejects with what nodeMeta throws, and the transport is free again', async () => {
    const network = new MemoryNetwork();
    const broken = new Error('no metadata today');
    const nodeMeta = (): Buffer => {
      throw broken;
    };
    const create = (config: MemberlistConfig): Promise<Memberlist> =>
      Memberlist.create({ ...fast, ...config, transport: network.transport('a') });
    await assert.rejects(create({ delegate: { nodeMeta } }), broken);
    await (await create({})).shutdown();
  });

  void it('shuts a transport down that could not start, and rejects with its error', async () => {
    const failure = new Error('the cable is out');
    let shutdowns = 0;
    const transport = altered(new MemoryNetwork().transport('a'), {
      start: () => Promise.reject(failure),
      shutdown: () => {
        shutdowns++;
        return Promise.resolve();
      },
    });
    await assert.rejects(Memberlist.create({ ...fast, transport }), failure);
    assert.equal(shutdowns, 1);
  });

  void it('rejects when the transport has nothing to advertise, and shuts it down', async () => {
    const network = new MemoryNetwork();
    const transport = altered(network.transport('a'), {
      finalAdvertiseAddr: () => ({ addr: 'nowhere', port: 1 }),
    });
    const error = await rejection(Memberlist.create({ ...fast, transport }), ConfigError);
    assert.equal(error.problems[0]?.field, 'advertiseAddr');
    await (await Memberlist.create({ ...fast, transport: network.transport('a') })).shutdown();
  });

  void it('advertises what it is told to, and warns of a public address without a key', async () => {
    await using cluster = new Cluster();
    const log = new Log();
    const a = await cluster.node('a', {
      advertiseAddr: '8.8.8.8',
      advertisePort: 99,
      logger: log,
      transport: altered(cluster.network.transport('a'), {}), // not known to stay in the process
    });
    assert.equal(a.localNode.address, '8.8.8.8:99');
    assert.equal(log.of('public-address')[0]?.level, 'warn');
    const quiet = new Log();
    const secretKey = Buffer.alloc(16, 1);
    await cluster.node('b', { advertiseAddr: '8.8.8.8', secretKey, logger: quiet });
    assert.deepEqual(quiet.of('public-address'), []);
  });
});

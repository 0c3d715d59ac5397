/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Push/pulls that go wrong, as the log and the table show it.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Connection, Memberlist, MemberlistConfig } from '../../../src/index.js';
import { Driver } from '../../../src/testing/driver.js';
import { VirtualClock } from '../../../src/testing/index.js';
import { limits } from '../../../src/wire/limits.js';
import { encodePushPull, StreamReader } from '../../../src/wire/stream-codec.js';
import { layersOf } from '../exchange/acceptor-harness.js';
import { Cluster, Log, addressOf, altered, fast, mute, names, until } from './cluster.js';

const MiB = 2 ** 20;
const noBytes = Buffer.alloc(0);
/** Of the segments on a path with a small MTU, those of this length and more get lost. */
const SMALL_MTU = 100;

/** A push/pull of these members with a user state of so many bytes, in pieces. */
function* pushPullWith(members: readonly string[], size: number): Generator<Buffer> {
  const vsn = Buffer.of(1, 5, 2, 0, 0, 0);
  const records = members.map((name, i) => ({
    ...{ name, addr: Buffer.of(10, 9, 0, i + 1), port: 7946 },
    ...{ meta: null, incarnation: 1, state: 0, vsn },
  }));
  const message = encodePushPull({ join: false, records, userState: noBytes });
  const at = message.indexOf('UserStateLen') + 'UserStateLen'.length;
  const length = Buffer.alloc(5, 0xce);
  length.writeUInt32BE(size, 1);
  yield Buffer.concat([message.subarray(0, at), length, message.subarray(at + 1)]);
  for (let rest = size; rest > 0; rest -= MiB) yield Buffer.alloc(Math.min(rest, MiB), 7);
}

/** A stream of a peer that is no node: what it says is written by hand. */
async function withStream(
  cluster: Cluster,
  to: Memberlist,
  talk: (connection: Connection) => Promise<void>,
): Promise<void> {
  const transport = cluster.network.transport('by hand');
  await transport.start({ packet: () => undefined, stream: () => undefined });
  try {
    await talk(await transport.dial(addressOf(to), { timeout: 5_000 }));
  } finally {
    await transport.shutdown();
  }
}

async function answerOn(connection: Connection): Promise<number | undefined> {
  const reader = new StreamReader(layersOf(), { expectLabel: false });
  for (;;) {
    const chunk = await connection.read();
    if (chunk === null) return undefined;
    const message = reader.push(chunk);
    if (message !== undefined) return message.type;
  }
}

void describe('a push/pull with a user state over 20 MiB', () => {
  const size = limits.stateBytes + 5 * MiB;
  for (const merges of [true, false]) {
    const how = merges ? 'with' : 'without';
    void it(`gives its members, ${how} mergeRemoteState`, async () => {
      await using cluster = new Cluster();
      const log = new Log();
      const states: number[] = [];
      const mergeRemoteState = (state: Buffer): void => void states.push(state.length);
      const delegate = merges ? { mergeRemoteState } : {};
      const config = { ...mute, enableCompression: false, logger: log, delegate };
      const a = await cluster.node('a', config);
      await withStream(cluster, a, async (connection) => {
        for (const piece of pushPullWith(['x', 'y'], size)) await connection.write(piece);
        assert.equal(await answerOn(connection), 6);
        connection.close();
      });
      await until(a, () => names(a).length === 3);
      assert.deepEqual(names(a), ['a', 'x', 'y']);
      assert.deepEqual(states, []);
      const told = log.of('state-too-large').map(({ level, fields }) => [level, fields.size]);
      assert.deepEqual(told, merges ? [['warn', size]] : []);
    });
  }

  void it('gives its members although the stream breaks before the state has ended', async () => {
    await using cluster = new Cluster();
    const a = await cluster.node('a', { ...mute, enableCompression: false });
    await withStream(cluster, a, async (connection) => {
      const [head] = pushPullWith(['x', 'y'], size);
      await connection.write(head!);
      await connection.write(Buffer.alloc(MiB));
      connection.reset?.();
      await until(a, () => names(a).length === 3);
    });
  });
});

void describe('push/pulls that fail one after the other', () => {
  // What is written to a stream arrives only if it fits the MTU of the path; the system resends the rest in vain.
  const onSmallMtu = (connection: Connection): Connection => ({
    remoteAddress: connection.remoteAddress,
    read: () => connection.read(),
    write: (data) =>
      data.length < SMALL_MTU ? connection.write(data) : Promise.resolve(undefined),
    close: () => connection.close(),
    reset: () => connection.reset?.(),
  });

  for (const [what, hint] of [
    ['with a hint at the MTU where packets pass and streams stall', true],
    ['without it where streams are refused', false],
  ] as const) {
    void it(`are told at warn, once, ${what}`, async () => {
      // In virtual time: whether the dial or the transfer times out must not depend on how busy the machine is.
      const clock = new VirtualClock();
      const driver = new Driver(clock);
      const cluster = new Cluster({ clock });
      const log = new Log();
      const seen = (code: string, count: number): Promise<void> =>
        driver.until(() => log.of(code).length >= count, 60_000, code);
      // Ten probes between the first failure and the third.
      const probes = { probeInterval: 40, probeTimeout: 30, suspicionMult: 20 };
      const config = { ...fast, ...probes, clock, pushPullInterval: 200, tcpTimeout: 60 };
      const inner = cluster.network.transport('a');
      let isBad = false;
      const transport = altered(inner, {
        dial: async (to, options) => {
          if (isBad && !hint) throw new Error('connect ECONNREFUSED');
          const connection = await inner.dial(to, options);
          return isBad ? onSmallMtu(connection) : connection;
        },
      });
      const a = await cluster.node('a', { ...config, transport, logger: log });
      const quiet = { ...fast, clock, pushPullInterval: 0, settleAfterJoin: false };
      const b = await cluster.node('b', quiet);
      await driver.during(a.join([addressOf(b).addr]), 'the join');
      assert.equal(a.numMembers, 2);
      isBad = true;
      await seen('exchange-failed', 6);
      const told = log.of('exchanges-failing');
      assert.equal(told.length, 1);
      assert.equal(told[0]?.level, 'warn');
      assert.equal(told[0].fields.packetsPass, hint);
      assert.equal(told[0].message.includes('MTU'), hint);
      isBad = false;
      await seen('exchanged', log.of('exchanged').length + 1);
      await driver.during(cluster[Symbol.asyncDispose](), 'the end');
    });
  }
});

void describe('push/pulls whose tables lack this node', () => {
  void it('are told at warn, once, with the likely reasons', async () => {
    await using cluster = new Cluster();
    const log = new Log();
    const refuse = ({ name }: { name: string }): void => {
      if (name === 'a') throw new Error('a is not wanted here');
    };
    const config: MemberlistConfig = { ...fast, pushPullInterval: 30 };
    const a = await cluster.node('a', { ...config, logger: log });
    const b = await cluster.node('b', { ...fast, alive: { notifyAlive: refuse } });
    await a.join([addressOf(b).addr]);
    await until(a, () => log.of('exchanged').length > 8);
    const told = log.of('not-listed');
    assert.deepEqual(
      told.map(({ level, fields }) => [level, fields.peer, fields.count, fields.address]),
      [['warn', 'b', 3, a.localNode.address]],
    );
    assert.match(told[0]?.message ?? '', /cidrsAllowed.*advertiseAddr.*another cluster/);
  });

  void it('are not told where all is well', async () => {
    await using cluster = new Cluster();
    const log = new Log();
    const config: MemberlistConfig = { ...fast, pushPullInterval: 30 };
    const a = await cluster.node('a', { ...config, logger: log });
    const b = await cluster.node('b', fast);
    await a.join([addressOf(b).addr]);
    await until(a, () => log.of('exchanged').length > 8);
    assert.deepEqual(log.of('not-listed'), []);
  });
});

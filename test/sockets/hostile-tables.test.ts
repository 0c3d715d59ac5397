/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Push/pulls with large tables of forged members, over real streams. After each the node still answers pings,
// detects a killed member, and its memory is bounded.
import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { localConfig, Memberlist } from '../../src/index.js';
import { limits } from '../../src/wire/limits.js';
import type { MemberRecord } from '../../src/wire/messages.js';
import { encodePushPull } from '../../src/wire/stream-codec.js';
import { FORGED, type Status } from './hostile-tables-child.js';

const script = fileURLToPath(new URL('./hostile-tables-child.ts', import.meta.url));
const vsn = Buffer.of(1, 5, 2, 0, 0, 0);
const [alive, suspect, dead, left] = [0, 1, 2, 3];
/** Maximum number of records in one push/pull. */
const most = 200_000;
/** Some are declared dead before the last ones are in the table. */
const mostOfTheTable = 0.9 * limits.maxMembers;
const mostRss = 512e6;
/** Far more than necessary, also on a busy machine. */
const mostPings = 10;
const patienceMs = 90_000;

/** A node in a separate process, and two members of its cluster in this process. */
class TableCluster {
  readonly peer: Memberlist;
  readonly victim: Memberlist;
  readonly address: string;
  readonly #child: ChildProcess;
  readonly #host: string;

  private constructor(init: {
    child: ChildProcess;
    host: string;
    address: string;
    others: readonly [Memberlist, Memberlist];
  }) {
    this.#child = init.child;
    this.#host = init.host;
    this.address = init.address;
    [this.peer, this.victim] = init.others;
  }

  static async start(t: TestContext, third: number): Promise<TableCluster> {
    const host = `127.91.${third}.1`;
    const execArgv = ['--import', 'tsx'];
    const child = fork(script, [host], { execArgv });
    const started = once(child, 'message');
    const other = (name: string, at: number): Promise<Memberlist> =>
      Memberlist.create({
        ...localConfig(),
        name,
        tcpTimeout: 30_000,
        bindAddr: `127.91.${third}.${at}`,
        bindPort: 0,
        metrics: false,
        // These members are probed; they need not accept the table.
        maxMembers: 3,
      });
    const others = [await other('peer', 2), await other('victim', 3)] as const;
    t.after(async () => {
      await Promise.all(others.map((list) => list.shutdown()));
      child.kill('SIGKILL');
    });
    const [{ address }] = (await started) as [Status];
    for (const list of others) await list.join([address]);
    return new TableCluster({ child, host, address, others });
  }

  async status(): Promise<Status> {
    const answer = once(this.#child, 'message');
    this.#child.send('status');
    const [status] = (await answer) as [Status];
    return status;
  }

  async until(what: string, isSo: (status: Status) => boolean): Promise<Status> {
    for (const since = Date.now(); ;) {
      const status = await this.status();
      if (isSo(status)) return status;
      assert.ok(Date.now() - since < patienceMs, `${what}: ${JSON.stringify(status)}`);
      await wait(50);
    }
  }

  /** Sends a table, and waits until the node has answered with its own. */
  async send(records: readonly MemberRecord[]): Promise<void> {
    const port = Number(this.address.split(':').at(-1));
    const socket = connect({ host: this.#host, port });
    socket.on('error', () => undefined);
    const ended = Promise.race([once(socket, 'end'), once(socket, 'close')]);
    socket.write(encodePushPull({ join: false, records, userState: Buffer.alloc(0) }));
    socket.resume();
    await ended.catch(() => undefined);
    socket.destroy();
  }

  /** A busy machine may lose a ping; an unresponsive node loses all. */
  async #answersPings(): Promise<void> {
    const failures: unknown[] = [];
    while (failures.length < mostPings) {
      try {
        await this.peer.ping('target', this.address);
        return;
      } catch (error) {
        failures.push(error);
      }
    }
    throw new AggregateError(failures, 'the node answers no ping');
  }

  /** Asserts that the node answers pings, detects a killed member, and stays within its memory limit. */
  async assertWorks(t: TestContext): Promise<void> {
    await this.#answersPings();
    await this.until('the victim is alive', ({ living }) => living.includes('victim'));
    const since = performance.now();
    await this.victim.shutdown();
    const { peakRss, members } = await this.until(
      'the victim is declared dead',
      ({ living }) => !living.includes('victim'),
    );
    const seconds = ((performance.now() - since) / 1_000).toFixed(1);
    t.diagnostic(
      `declared dead after ${seconds} s, ${Math.round(peakRss / 1e6)} MB, ${members} members`,
    );
    await this.#answersPings();
    assert.ok(peakRss < mostRss, `${peakRss}`);
  }
}

function table(
  count: number,
  { state = alive, nameBytes = 0, each = false, from = 0 } = {},
): MemberRecord[] {
  return Array.from({ length: count }, (_, i) => {
    const n = from + i;
    return {
      name: `${FORGED}${n}`.padEnd(nameBytes, 'n'),
      addr: each
        ? Buffer.of(127, 200 + (n >> 16), (n >> 8) & 0xff, n & 0xff)
        : Buffer.of(127, 92, 0, 1),
      port: 7946,
      meta: null,
      incarnation: 1,
      state,
      vsn,
    };
  });
}

test('200,000 forged members at one address', async (t) => {
  const cluster = await TableCluster.start(t, 1);
  await cluster.send(table(most));
  await cluster.until('the table is full', ({ members }) => members > mostOfTheTable);
  await cluster.assertWorks(t);
});

test('200,000 forged members at one address each', async (t) => {
  const cluster = await TableCluster.start(t, 2);
  await cluster.send(table(most, { each: true }));
  await cluster.until('the table is full', ({ members }) => members > mostOfTheTable);
  await cluster.assertWorks(t);
});

test('forged members with the longest names that are admitted, and with longer ones', async (t) => {
  const cluster = await TableCluster.start(t, 3);
  const count = 10_000;
  await cluster.send(table(count, { nameBytes: 650, each: true }));
  await cluster.until('these are in the table', ({ members }) => members > 0.9 * count);
  await cluster.send(table(5_000, { nameBytes: 1_300, from: count }));
  await cluster.send(table(8, { nameBytes: 1024 * 1024, from: count }));
  const { members } = await cluster.status();
  assert.ok(members <= count + 3, 'longer names are not admitted');
  await cluster.assertWorks(t);
});

for (const [i, [what, state]] of (
  [
    ['suspect', suspect],
    ['dead', dead],
    ['left', left],
    ['in an unknown state', 77],
  ] as const
).entries()) {
  test(`200,000 unknown members that are ${what}, and then forged members that become so`, async (t) => {
    const cluster = await TableCluster.start(t, 4 + i);
    await cluster.send(table(most, { state }));
    assert.equal((await cluster.status()).members, 3, 'none of them is admitted');
    const count = 50_000;
    await cluster.send(table(count));
    await cluster.until(
      'the alive members are in the table',
      ({ members }) => members > 0.9 * count,
    );
    await cluster.send(table(count, { state }));
    await cluster.assertWorks(t);
  });
}

test('forged members of all states in one table', async (t) => {
  const cluster = await TableCluster.start(t, 8);
  const states = [alive, suspect, dead, left, 4, 255];
  const mixed = (): MemberRecord[] =>
    table(most).map((record, i) => ({ ...record, state: states[i % states.length] as number }));
  await cluster.send(mixed());
  await cluster.send(mixed().reverse());
  await cluster.assertWorks(t);
});

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Three `serf` agents and three nodes of ours in one cluster, with two builds of serf.
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import msgpack from 'msgpack-lite';
import { Memberlist, type MemberlistConfig } from '../../src/index.js';
import { eventually } from './eventually.js';
import { KillableNode } from './killable-node.js';
import { SERF_VERSIONS } from './mixed-cluster.js';
import { buildNewestSerf, newestSerf } from './newest-serf.js';
import { scenario } from './results.js';
import { debianSerf, SerfAgent, type SerfProgram } from './serf-agent.js';

const SETTLED_MS = 10_000;
const debian = await debianSerf();

async function serfSees(agent: SerfAgent, name: string, status: string | undefined): Promise<void> {
  await eventually(
    `${agent.name} reports ${name} as ${status ?? 'unknown'}`,
    async () => (await agent.members()).get(name)?.status,
    (seen) => seen === status,
  );
}

/** All scenarios with one build. */
function clusterWith(program: SerfProgram, network: string): void {
  const it = (name: string, run: () => void | Promise<void>): void =>
    scenario(program.title, name, run);
  const serfs = [1, 2, 3].map(
    (n) =>
      new SerfAgent({
        program,
        name: `serf-${n}`,
        ip: `${network}.${n}`,
        tags: { role: 'db', n: `${n}` },
      }),
  ) as [SerfAgent, SerfAgent, SerfAgent];
  const [first, second, third] = serfs;
  const ours: Memberlist[] = [];
  const events: string[] = [];
  let observer: Memberlist;
  let leaver: Memberlist;
  let killable: KillableNode | undefined;

  const configOf = (n: number): MemberlistConfig => ({
    name: `ours-${n}`,
    bindAddr: `${network}.${10 + n}`,
    ...SERF_VERSIONS,
  });

  async function createOurs(n: number): Promise<Memberlist> {
    const list = await Memberlist.create(configOf(n));
    ours.push(list);
    return list;
  }

  async function weSee(event: string): Promise<void> {
    await eventually(
      `an event '${event}'`,
      () => events,
      (seen) => seen.includes(event),
    );
  }

  before(async () => {
    await Promise.all(serfs.map((agent) => agent.start()));
    observer = await createOurs(1);
    leaver = await createOurs(2);
    observer.on('join', ({ name }) => events.push(`join ${name}`));
    observer.on('leave', ({ name }, reason) => events.push(`${reason} ${name}`));
  });

  after(async () => {
    await Promise.all([
      ...ours.map((list) => list.shutdown()),
      ...serfs.map((agent) => agent.kill()),
      killable?.kill(),
    ]);
  });

  it('we join a serf agent, and serf agents join us', async () => {
    await observer.join([first.address]);
    await leaver.join([`serf-1/${first.address}`]);
    await second.join(observer.localNode.address);
    await third.join(leaver.localNode.address);
    killable = await KillableNode.start(configOf(3), [first.address]);
  });

  it('every member lists all members within seconds', async () => {
    const allMembers = ['ours-1', 'ours-2', 'ours-3', 'serf-1', 'serf-2', 'serf-3'];
    for (const list of ours) {
      await eventually(
        `${list.localNode.name} lists all six`,
        () => list.members().map(({ name }) => name),
        (names) => names.length === 6 && allMembers.every((name) => names.includes(name)),
        SETTLED_MS,
      );
    }
    for (const agent of serfs) {
      for (const name of allMembers) await serfSees(agent, name, 'alive');
    }
  });

  it('the tags of serf agents arrive as metadata', () => {
    for (const [i, agent] of serfs.entries()) {
      const meta = observer.member(agent.name)?.meta;
      assert.ok(meta?.[0] === 255, 'metadata that begins with byte 255');
      assert.deepEqual(msgpack.decode(meta.subarray(1)), { role: 'db', n: `${i + 1}` });
    }
  });

  it('the versions of serf agents are known', () => {
    const node = observer.member('serf-1');
    assert.deepEqual(node?.protocol, { min: 1, max: 5, current: 2 });
    assert.equal(node.delegateProtocol.min, 2);
    assert.equal(node.delegateProtocol.max, 5);
  });

  it('a serf agent answers a standalone ping', async () => {
    assert.ok((await observer.ping('serf-2', second.address)) < 500);
  });

  it('a serf agent that leaves is reported as left', async () => {
    await second.leave();
    await weSee('left serf-2');
    assert.equal(observer.member('serf-2')?.state, 'left');
  });

  it('a serf agent that is killed is reported as failed', async () => {
    await third.kill();
    await weSee('failed serf-3');
    assert.equal(observer.member('serf-3')?.state, 'dead');
  });

  it('a serf agent that restarts is a member again', async () => {
    events.length = 0;
    await third.start();
    await third.join(observer.localNode.address);
    await weSee('join serf-3');
    await serfSees(first, 'serf-3', 'alive');
    await serfSees(third, 'ours-1', 'alive');
  });

  it('serf stops reporting our node as alive when it leaves', async () => {
    await leaver.leave();
    await leaver.shutdown();
    // Serf reports `left` only after a message of Serf's own; without it a member that leaves has failed.
    for (const agent of [first, third]) await serfSees(agent, 'ours-2', 'failed');
    await weSee('left ours-2');
  });

  it('serf stops reporting our node as alive when it is killed', async () => {
    await killable?.kill();
    for (const agent of [first, third]) await serfSees(agent, 'ours-3', 'failed');
    await weSee('failed ours-3');
  });

  it('serf logged no error or warning about our nodes, except for the killed node', () => {
    const lines = serfs.flatMap(({ name, log }) =>
      log.split('\n').map((line) => `${name}: ${line.trim()}`),
    );
    assert.ok(
      lines.some((line) => line.includes('[INFO] serf: EventMemberFailed: ours-3')),
      'the logs have the expected format',
    );
    const isWarning = (line: string): boolean => /\[(ERR|WARN)\]/.test(line);
    const namesUs = (line: string): boolean => /ours-|127\.0\.\d\.1[1-3]/.test(line);
    // Members that probe the killed node may log that no node answers at its address. The agent that was
    // killed learns after its return which member declared it dead.
    const isAboutKilledNode = (line: string): boolean =>
      /ours-3|127\.0\.\d\.13|^serf-3: .*Refuting a (suspect|dead) message/.test(line);
    assert.deepEqual(
      lines.filter((line) => isWarning(line) && namesUs(line) && !isAboutKilledNode(line)),
      [],
    );
  });
}

describe("Debian's serf agents and our nodes in one cluster", () => {
  clusterWith(debian, '127.0.1');
});

describe('the newest serf agents and our nodes in one cluster', () => {
  before(buildNewestSerf);
  clusterWith(newestSerf, '127.0.3');
});

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
    `${agent.name} calls ${name} ${status ?? 'nothing'}`,
    async () => (await agent.members()).get(name)?.status,
    (seen) => seen === status,
  );
}

/** The whole story with one build. */
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

  it('everybody lists everybody within seconds', async () => {
    const everybody = ['ours-1', 'ours-2', 'ours-3', 'serf-1', 'serf-2', 'serf-3'];
    for (const list of ours) {
      await eventually(
        `${list.localNode.name} lists all six`,
        () => list.members().map(({ name }) => name),
        (names) => names.length === 6 && everybody.every((name) => names.includes(name)),
        SETTLED_MS,
      );
    }
    for (const agent of serfs) {
      for (const name of everybody) await serfSees(agent, name, 'alive');
    }
  });

  it('the tags of serf agents are seen as metadata', () => {
    for (const [i, agent] of serfs.entries()) {
      const meta = observer.member(agent.name)?.meta;
      assert.ok(meta?.[0] === 255, 'metadata that begins with byte 255');
      assert.deepEqual(msgpack.decode(meta.subarray(1)), { role: 'db', n: `${i + 1}` });
    }
  });

  it('the versions of serf agents are seen', () => {
    const node = observer.member('serf-1');
    assert.deepEqual(node?.protocol, { min: 1, max: 5, current: 2 });
    assert.equal(node.delegateProtocol.min, 2);
    assert.equal(node.delegateProtocol.max, 5);
  });

  it('a standalone ping of a serf agent is answered', async () => {
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

  it('a serf agent that restarts is back', async () => {
    events.length = 0;
    await third.start();
    await third.join(observer.localNode.address);
    await weSee('join serf-3');
    await serfSees(first, 'serf-3', 'alive');
    await serfSees(third, 'ours-1', 'alive');
  });

  it('serf stops calling a node of ours alive when it leaves', async () => {
    await leaver.leave();
    await leaver.shutdown();
    // Serf's own word `left` takes a message of Serf's; without it a member that goes has failed.
    for (const agent of [first, third]) await serfSees(agent, 'ours-2', 'failed');
    await weSee('left ours-2');
  });

  it('serf stops calling a node of ours alive when it is killed', async () => {
    await killable?.kill();
    for (const agent of [first, third]) await serfSees(agent, 'ours-3', 'failed');
    await weSee('failed ours-3');
  });

  it('serf logged no error or warning that names us, but those that the kill caused', () => {
    const lines = serfs.flatMap(({ name, log }) =>
      log.split('\n').map((line) => `${name}: ${line.trim()}`),
    );
    assert.ok(
      lines.some((line) => line.includes('[INFO] serf: EventMemberFailed: ours-3')),
      'the logs were read, and have the form that is searched for',
    );
    const isComplaint = (line: string): boolean => /\[(ERR|WARN)\]/.test(line);
    const namesUs = (line: string): boolean => /ours-|127\.0\.\d\.1[1-3]/.test(line);
    // Those who probe the killed node may say that they find nobody at its address, and the agent
    // that was killed hears, when it is back, who had declared it dead.
    const isOfTheKilled = (line: string): boolean =>
      /ours-3|127\.0\.\d\.13|^serf-3: .*Refuting a (suspect|dead) message/.test(line);
    assert.deepEqual(
      lines.filter((line) => isComplaint(line) && namesUs(line) && !isOfTheKilled(line)),
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

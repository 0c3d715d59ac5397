/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Guests in a Serf cluster: two agents and two guests of ours, plain and encrypted. The checks use the output
// of `serf members` and the logs of the agents.
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { Keyring, Memberlist } from '../../src/index.js';
import { decodeSerfTags, serf, type SerfEvent } from '../../src/serf/index.js';
import { eventually } from './eventually.js';
import { buildNewestSerf, newestSerf } from './newest-serf.js';
import { scenario } from './results.js';
import { debianSerf, SerfAgent, type SerfMember, type SerfProgram } from './serf-agent.js';

const debian = await debianSerf();
const key = Keyring.generate().toString('base64');

interface Setting {
  readonly program: SerfProgram;
  readonly network: string;
  readonly secretKey?: string;
}

function guestsOf({ program, network, secretKey }: Setting): void {
  const it = (name: string, run: () => void | Promise<void>): void =>
    scenario(program.title, `${secretKey === undefined ? '' : 'encrypted: '}a guest ${name}`, run);
  const agents = [1, 2].map(
    (n) =>
      new SerfAgent({
        program,
        name: `serf-${n}`,
        ip: `${network}.${n}`,
        tags: { role: 'db' },
        args: secretKey === undefined ? [] : [`-encrypt=${secretKey}`],
      }),
  ) as [SerfAgent, SerfAgent];
  const [first, second] = agents;
  const guest = serf({ tags: { role: 'web', port: '8080' } });
  const other = serf({ tags: { role: 'worker' } });
  const received: SerfEvent[] = [];
  let list: Memberlist;
  let others: Memberlist;

  const create = (name: string, n: number, own: typeof guest): Promise<Memberlist> =>
    Memberlist.create({
      use: [own],
      name,
      bindAddr: `${network}.${n}`,
      ...(secretKey !== undefined && { secretKey }),
    });
  const asSeen = (agent: SerfAgent, name: string): Promise<SerfMember | undefined> =>
    agent.members().then((members) => members.get(name));
  async function allSee(name: string, status: string): Promise<void> {
    for (const agent of agents) {
      await eventually(
        `${agent.name} reports ${name} as ${status}`,
        () => asSeen(agent, name),
        (member) => member?.status === status,
      );
    }
  }

  before(async () => {
    await buildNewestSerf();
    await Promise.all(agents.map((agent) => agent.start()));
    await second.join(first.address);
    // An event from before our join: not for us. An agent that has not received it would give its own events
    // a time from before our join, and Serf's rule is to omit those.
    await first.command('event', 'too-early');
    await eventually(
      'the other agent receives it',
      () => second.log.includes('messageUserEventType: too-early'),
      (is) => is,
    );
    list = await create('ours-1', 11, guest);
    others = await create('ours-2', 12, other);
    guest.on('event', (event) => received.push(event));
  });

  after(async () => {
    await Promise.all([list.shutdown(), others.shutdown(), ...agents.map((agent) => agent.kill())]);
  });

  it('is a member, with its tags, and sees those of the agents', async () => {
    await list.join([first.address]);
    await others.join([second.address]);
    await allSee('ours-1', 'alive');
    await allSee('ours-2', 'alive');
    for (const agent of agents) {
      assert.deepEqual((await asSeen(agent, 'ours-1'))?.tags, { role: 'web', port: '8080' });
    }
    assert.deepEqual(decodeSerfTags(list.member('serf-1')!.meta), { role: 'db' });
  });

  it('receives each user event of the agents once, and none from before its join', async () => {
    await first.command('event', '-coalesce=false', 'deploy', 'version seven');
    await second.command('event', 'bare');
    await eventually(
      'two events',
      () => received.map(({ name }) => name),
      (names) => names.includes('deploy') && names.includes('bare'),
    );
    const [event] = received.filter(({ name }) => name === 'deploy');
    assert.equal(event?.payload.toString(), 'version seven');
    assert.equal(event.coalesce, false);
    assert.deepEqual(received.map(({ name }) => name).sort(), ['bare', 'deploy']);
  });

  it('sends user events that every agent and every other guest receives', async () => {
    const payloads: string[] = [];
    other.on('event', ({ name, payload }) => payloads.push(`${name}: ${payload.toString()}`));
    guest.sendEvent('from-us', Buffer.from('x'.repeat(300)));
    for (const agent of agents) {
      await eventually(
        `${agent.name} receives it`,
        () => agent.log.includes('messageUserEventType: from-us'),
        (is) => is,
      );
    }
    await eventually(
      'the other guest receives it',
      () => payloads,
      (all) => all.includes(`from-us: ${'x'.repeat(300)}`),
    );
  });

  it('changes its tags', async () => {
    await guest.setTags({ role: 'web', version: '2' });
    await eventually(
      'serf-2 sees the new tags',
      async () => (await asSeen(second, 'ours-1'))?.tags,
      (tags) => tags?.version === '2' && tags.port === undefined,
    );
  });

  it('acknowledges a query that it has no handler for, and passes it on', async () => {
    await eventually(
      'acks of all',
      async () => {
        const answer = await first.command('query', '-timeout=1s', '-format=json', 'who');
        return (JSON.parse(answer) as { Acks: string[] | null }).Acks ?? [];
      },
      (acks) => ['ours-1', 'ours-2', 'serf-1', 'serf-2'].every((name) => acks.includes(name)),
    );
  });

  it('that leaves is reported as left, not failed', async () => {
    await others.leave();
    await allSee('ours-2', 'left');
    for (const agent of agents) {
      assert.match(agent.log, /EventMemberLeave: ours-2/);
      assert.doesNotMatch(agent.log, /EventMemberFailed: ours-2/);
    }
    await others.shutdown();
  });

  it('that returns is alive again, also for an agent that joined later', async () => {
    others = await create('ours-2', 12, serf({ tags: { role: 'restarted' } }));
    await others.join([first.address]);
    await allSee('ours-2', 'alive');
    const late = new SerfAgent({
      program,
      name: 'serf-3',
      ip: `${network}.3`,
      args: secretKey === undefined ? [] : [`-encrypt=${secretKey}`],
    });
    await late.start();
    try {
      await late.join(list.localNode.address);
      for (const name of ['ours-1', 'ours-2', 'serf-1', 'serf-2']) {
        await eventually(
          `serf-3 reports ${name} as alive`,
          () => asSeen(late, name),
          (member) => member?.status === 'alive',
        );
      }
      assert.deepEqual((await asSeen(late, 'ours-2'))?.tags, { role: 'restarted' });
    } finally {
      await late.kill();
    }
  });

  it('reports an agent that leaves as left', async () => {
    await second.leave();
    await eventually(
      'ours-1 reports serf-2 as left',
      () => list.member('serf-2')?.state,
      (state) => state === 'left',
    );
  });

  it('causes no warnings in the agents', () => {
    // Not about the cluster: `serf query` may have exited when the agent streams the last ack to it
    // (agent.ipc).
    const warnings = agents
      .flatMap(({ log }) => log.split('\n'))
      .filter(
        (line) =>
          /\[(ERR|WARN)\]/.test(line) &&
          !/Serf shutdown detected|agent\.ipc:|serf-[234]|127\.\d+\.\d+\.[234]\b/.test(line),
      );
    assert.deepEqual(warnings, []);
  });
}

describe('guests in a cluster of serf agents', () => {
  describe(debian.title, () => guestsOf({ program: debian, network: '127.6.4' }));
  describe(`${debian.title}, encrypted`, () =>
    guestsOf({ program: debian, network: '127.6.5', secretKey: key }));
  describe(newestSerf.title, () =>
    guestsOf({ program: newestSerf, network: '127.6.6', secretKey: key }),
  );
});

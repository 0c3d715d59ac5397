/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Every command of `serf` in a cluster of three agents and two of our nodes, plain and encrypted; and what our nodes ask
// the agents. The checks use what the commands print, and the events and states of our nodes.
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { Keyring } from '../../src/index.js';
import { serf, type SerfAnswer } from '../../src/serf/index.js';
import { eventually } from './eventually.js';
import { buildNewestSerf, newestSerf } from './newest-serf.js';
import { scenario } from './results.js';
import { debianSerf, type SerfAgent } from './serf-agent.js';
import { Mixed, type Setting } from './serf-cluster.js';

interface QueryOutput {
  readonly Acks: string[] | null;
  readonly Responses: Record<string, string> | null;
}

const debian = await debianSerf();
const everyone = ['ours-1', 'ours-2', 'serf-1', 'serf-2', 'serf-3'];

/**
 * Repeats a query until it reached all members. As among agents alone, gossip may miss a member within the timeout,
 * above all on a busy machine.
 */
async function untilAllAnswered(run: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await run();
      return;
    } catch (error) {
      if (tries === 4) throw error;
    }
  }
}

async function answersOf(
  answers: AsyncIterable<SerfAnswer>,
): Promise<Record<'acks' | 'responses', string[]>> {
  const found = { acks: [] as string[], responses: [] as string[] };
  for await (const { type, from } of answers) found[`${type}s`].push(from);
  return { acks: found.acks.sort(), responses: found.responses.sort() };
}

function commandsOf(setting: Setting): void {
  const { program, isEncrypted } = setting;
  const it = (name: string, run: () => void | Promise<void>): void =>
    scenario(program.title, `${isEncrypted ? 'encrypted: ' : ''}${name}`, run);
  const mixed = new Mixed(setting);
  const [first, second, third] = mixed.agents;
  const [one, two] = mixed.guests;

  const ask = async (...args: string[]): Promise<QueryOutput> =>
    JSON.parse(await first.command('query', '-format=json', ...args)) as QueryOutput;

  before(async () => {
    await buildNewestSerf();
    await mixed.start();
  });
  after(() => mixed.stop());

  it('`serf members` lists all, by status and by tag', async () => {
    for (const name of everyone) await mixed.allSee(name, 'alive');
    const web = await first.command('members', '-tag', 'role=web', '-status=alive', '-format=json');
    const { members } = JSON.parse(web) as { members: { name: string; tags: object }[] };
    assert.deepEqual(members.map(({ name }) => name).sort(), ['ours-1', 'ours-2']);
    assert.deepEqual(members.find(({ name }) => name === 'ours-1')?.tags, { role: 'web', n: '1' });
    assert.match(await first.command('members', '-detailed'), /ours-1 .*Protocol Version: 4/s);
    const seen = one.members().find(({ name }) => name === 'serf-2');
    assert.deepEqual(seen?.tags, { role: 'db', n: '2' });
  });

  it('`serf event` reaches our nodes, and ours reach the agents', async () => {
    const printed = await first.command('event', '-coalesce=false', 'deploy', 'v7');
    assert.match(printed, /Event 'deploy' dispatched/);
    await eventually(
      'both have it',
      () => mixed.events.filter((each) => each.includes('deploy v7')).length,
      (count) => count === 2,
    );
    two.sendEvent('from-ours', Buffer.from('x'));
    for (const agent of mixed.agents) {
      await eventually(
        'the agent has it',
        () => agent.log.includes('messageUserEventType: from-ours'),
        (is) => is,
      );
    }
  });

  it('`serf query` prints acks of all and the responses of our nodes', () =>
    untilAllAnswered(async () => {
      const { Acks, Responses } = await ask('-timeout=3s', 'who', 'x');
      assert.deepEqual([...(Acks ?? [])].sort(), everyone);
      assert.deepEqual(Responses, { 'ours-1': 'ours-1 got x', 'ours-2': 'ours-2 got x' });
    }));

  it('`serf query` with filters by node and tag, with relays, and without acks', () =>
    untilAllAnswered(async () => {
      const byNode = await ask('-timeout=2s', '-node=ours-2', '-node=serf-2', 'who');
      assert.deepEqual(
        [byNode.Acks?.sort(), Object.keys(byNode.Responses ?? {})],
        [['ours-2', 'serf-2'], ['ours-2']],
      );
      const byTag = await ask('-timeout=2s', '-tag=role=^w', '-tag=n=1|7', 'who');
      assert.deepEqual([byTag.Acks, Object.keys(byTag.Responses ?? {})], [['ours-1'], ['ours-1']]);
      const none = await ask('-timeout=1s', '-tag=role=nothing', 'who');
      assert.deepEqual([none.Acks ?? [], none.Responses ?? {}], [[], {}]);
      const relayed = await ask('-timeout=2s', '-relay-factor=2', '-no-ack', 'who');
      assert.deepEqual(Object.keys(relayed.Responses ?? {}).sort(), ['ours-1', 'ours-2']);
      assert.deepEqual(relayed.Acks ?? [], []);
    }));

  it('our query is acknowledged by all members that its filters match', () =>
    untilAllAnswered(async () => {
      const all = await answersOf(one.query('who', '', { timeout: 3_000, requestAck: true }));
      assert.deepEqual(all, { acks: everyone, responses: ['ours-1', 'ours-2'] });
      const options = { timeout: 2_000, requestAck: true, relayFactor: 2 };
      const agents = await answersOf(
        one.query('who', '', { ...options, filterTags: { role: '^db$' } }),
      );
      assert.deepEqual(agents, { acks: ['serf-1', 'serf-2', 'serf-3'], responses: [] });
      const nodes = await answersOf(
        one.query('who', '', { ...options, filterNodes: ['serf-2', 'ours-2'] }),
      );
      assert.deepEqual(nodes, { acks: ['ours-2', 'serf-2'], responses: ['ours-2'] });
    }));

  it('`serf reachability` contacts all members; and ours by `_serf_ping`', () =>
    untilAllAnswered(async () => {
      const printed = await first.command('reachability');
      assert.match(printed, /Total members: 5, live members: 5/);
      assert.match(printed, /Successfully contacted all live nodes/);
      const { acks } = await answersOf(
        two.query('_serf_ping', '', { timeout: 3_000, requestAck: true }),
      );
      assert.deepEqual(acks, everyone);
    }));

  it('`serf rtt` estimates the distance between an agent and our node; and ours', async () => {
    for (const names of [['ours-1'], ['ours-1', 'ours-2'], ['serf-2', 'ours-2']]) {
      const printed = await eventually(
        `rtt ${names.join(' ')}`,
        () => first.command('rtt', ...names).catch(String),
        (text) => text.includes('Estimated'),
        60_000,
      );
      const ms = Number(/rtt: ([\d.]+) ms/.exec(printed)?.[1]);
      assert.ok(ms >= 0 && ms < 1_000, printed);
    }
    const ours = await eventually(
      'our rtt',
      () => one.rtt('serf-1', 'serf-2'),
      (ms) => ms !== undefined,
      60_000,
    );
    assert.ok(ours !== undefined && ours < 1_000);
    assert.equal(one.coordinate('serf-1')?.vec.length, 8);
  });

  it('`serf info` counts our nodes', async () => {
    const printed = await first.command('info');
    assert.match(printed, /members = 5/);
    assert.match(printed, /failed = 0/);
    assert.match(printed, new RegExp(`encrypted = ${isEncrypted}`));
  });

  it('`serf tags` reaches our nodes, and ours the agents', async () => {
    const updates: string[] = [];
    one.on('member', ({ type, members }) => updates.push(`${type} ${members[0]?.name}`));
    await second.command('tags', '-set', 'v=2', '-delete', 'n');
    await eventually(
      'the update',
      () => updates,
      (all) => all.includes('update serf-2'),
    );
    const seen = one.members().find(({ name }) => name === 'serf-2');
    assert.deepEqual(seen?.tags, { role: 'db', v: '2' });
    await two.setTags({ role: 'web', n: '2', v: '3' });
    await eventually(
      'the tags',
      async () => (await third.members()).get('ours-2')?.tags.v,
      (v) => v === '3',
    );
  });

  if (isEncrypted) {
    it('`serf keys`: the keys of all are listed and rotated under traffic without a failure', async () => {
      const next = Keyring.generate().toString('base64');
      const old = mixed.key.toString('base64');
      const list = await patientlyListed(first);
      assert.match(list, new RegExp(`${escaped(old)}\\s+\\[5/5\\]`));
      const over = new AbortController();
      let sent = 0;
      const traffic = (async () => {
        for (; !over.signal.aborted; sent++) {
          two.sendEvent(`traffic-${sent}`);
          await eventually(
            'the event',
            () => mixed.events,
            (all) => all.includes(`ours-1 traffic-${sent} `),
          );
        }
      })();
      for (const argument of [`-install=${next}`, `-use=${next}`, `-remove=${old}`]) {
        await untilAllAnswered(async () => {
          assert.match(await first.command('keys', argument), /Successfully|key/i);
        });
      }
      over.abort();
      await traffic;
      assert.match(await patientlyListed(second), new RegExp(`${escaped(next)}\\s+\\[5/5\\]`));
      for (const { keyring } of mixed.lists.slice(0, 2)) {
        assert.deepEqual(
          keyring?.keys().map((key) => key.toString('base64')),
          [next],
        );
      }
    });

    it('ours list and rotate the keys of the agents', async () => {
      const next = Keyring.generate(16).toString('base64');
      let old = '';
      const steps = [
        async () => {
          const { ok, keys } = await one.keys.list();
          old = keys.keys().next().value ?? '';
          assert.deepEqual([ok, [...keys.values()]], [true, [5]]);
        },
        async () => assert.equal((await one.keys.install(next)).ok, true),
        async () => assert.equal((await two.keys.use(next)).ok, true),
        async () => assert.equal((await one.keys.remove(old)).ok, true),
      ];
      for (const step of steps) await untilAllAnswered(step);
      assert.match(await patientlyListed(third), new RegExp(`${escaped(next)}\\s+\\[5/5\\]`));
      await untilAllAnswered(async () => {
        const { ok, numErrors } = await one.keys.remove(next);
        assert.deepEqual([ok, numErrors], [false, 5]);
      });
    });
  } else {
    it('`serf keys` without encryption: our nodes answer as agents do', async () => {
      await untilAllAnswered(async () => {
        const printed = await first.command('keys', '-list').catch(String);
        assert.match(printed, /5\/5 nodes reported failure/);
      });
      const messages = [...(await one.keys.list()).messages.values()];
      assert.deepEqual(new Set(messages), new Set(['Keyring is empty (encryption not enabled)']));
    });
  }

  it('an agent restarts from its snapshot', async () => {
    await third.kill();
    await mixed.allSee('serf-3', 'failed', ['serf-3']);
    await third.start();
    await mixed.allSee('serf-3', 'alive');
  });

  it('`serf force-leave`, with and without -prune, of members that failed', async () => {
    await third.kill();
    await mixed.allSee('serf-3', 'failed', ['serf-3']);
    await first.command('force-leave', 'serf-3');
    await mixed.allSee('serf-3', 'left', ['serf-3']);
    await second.command('force-leave', '-prune', 'serf-3');
    await mixed.allSee('serf-3', undefined, ['serf-3']);
  });

  it('forceLeave of ours, with and without prune', async () => {
    const extra = await mixed.node('ours-3', 13, serf());
    await extra.join([first.address]);
    await mixed.allSee('ours-3', 'alive', ['serf-3']);
    await extra.shutdown();
    await mixed.allSee('ours-3', 'failed', ['serf-3']);
    await one.forceLeave('ours-3');
    await mixed.allSee('ours-3', 'left', ['serf-3']);
    await two.forceLeave('ours-3', { prune: true });
    await mixed.allSee('ours-3', undefined, ['serf-3']);
  });

  it('a name conflict: the minority leaves, whether it is an agent or ours', async () => {
    const intruder = mixed.agent('ours-1', 21);
    await intruder.start();
    await intruder.join(second.address).catch(() => undefined);
    await eventually(
      'the agent with our name quits',
      () => intruder.log,
      (log) => log.includes('minority in name conflict'),
      30_000,
    );
    await intruder.kill();
    const ours = await mixed.node('serf-2', 22, serf());
    await ours.join([first.address]);
    await eventually(
      'ours with the name of an agent quits',
      () => ours.state,
      (state) => state === 'shutdown',
      30_000,
    );
    await mixed.allSee('ours-1', 'alive', ['serf-3']);
    await mixed.allSee('serf-2', 'alive', ['serf-3']);
    assert.equal(mixed.lists[0]?.state, 'running');
  });

  it('`serf monitor` shows our nodes and their events', async () => {
    const monitor = first.monitor();
    try {
      await eventually(
        'the monitor runs',
        () => monitor.output,
        (text) => text !== '',
      );
      one.sendEvent('monitored');
      await eventually(
        'the event',
        () => monitor.output,
        (text) => text.includes('messageUserEventType: monitored'),
      );
    } finally {
      await monitor.stop();
    }
  });

  it('agents log no error about our nodes', () => {
    const warnings = mixed.agents
      .flatMap(({ name, log }) => log.split('\n').map((line) => `${name}: ${line}`))
      .filter((line) => /\[(ERR|WARN)\]/.test(line) && /ours-[12]/.test(line))
      // About the conflict of the test; and an agent that was killed learns after its return who declared it dead.
      .filter((line) => !/conflict|Conflicting|^serf-3: .*Refuting a (suspect|dead)/.test(line));
    assert.deepEqual(warnings, []);
  });
}

async function patientlyListed(agent: SerfAgent): Promise<string> {
  let printed = '';
  await untilAllAnswered(async () => {
    printed = await agent.command('keys', '-list');
  });
  return printed;
}

function escaped(text: string): string {
  return text.replace(/[+/=]/g, '\\$&');
}

describe('the commands of serf', () => {
  for (const [i, program] of [debian, newestSerf].entries()) {
    for (const [j, isEncrypted] of [false, true].entries()) {
      describe(`${program.title}, ${isEncrypted ? 'encrypted' : 'plain'}`, () =>
        commandsOf({ program, network: `127.21.${2 * i + j}`, isEncrypted }));
    }
  }
});

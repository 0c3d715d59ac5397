/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Two extensions and a Serf guest in each of two nodes of ours, in one cluster with Go memberlist, two builds of serf, and
// nodes of ours that have one of the extensions or none. The extensions send all the time. A capture of the loopback
// interface shows which node receives what.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { Keyring, Memberlist, type Logger, type MemberlistConfig } from '../../src/index.js';
import { encodeSerfTags, serf, type SerfTags } from '../../src/serf/index.js';
import { eventually } from './eventually.js';
import { LoopbackCapture, type Traffic } from './loopback-capture.js';
import { SERF_VERSIONS } from './mixed-cluster.js';
import { buildNewestSerf, newestSerf } from './newest-serf.js';
import { OwnConnections } from './own-connections.js';
import { calm, type Peer } from './peers/peer.js';
import { buildGoPeer, goNode, goVersions, titleOf } from './peers/programs.js';
import { tableOf } from './peers/table-of.js';
import { scenario } from './results.js';
import { debianSerf, SerfAgent } from './serf-agent.js';
import { count, envelopesIn, isCompressed, sortTraffic, type Received } from './sorted-traffic.js';
import { paths, TrafficExtension, trafficKind } from './traffic-extension.js';

const port = 7946;
const rounds = 5;
const eventMs = 250;
const debian = await debianSerf();
const newestGo = goVersions.at(-1)!;
const title = [debian.title, newestSerf.title, titleOf(newestGo)].join(', ');

const bus = trafficKind('tapped-bus', 7);
const state = trafficKind('tapped-state', 9);
const byte = (value: number): string => String.fromCharCode(value);
/** What a node announces behind its metadata, as docs/EXTENSIONS.md describes it. */
function trailerOf(...names: [name: string, version: number][]): Buffer {
  const entries = names.map(([name, version]) => `${byte(name.length)}${name}${byte(version)}`);
  const text = entries.join('');
  return Buffer.from(`${text}${byte(text.length)}\xc1\xfd\xc1`, 'latin1');
}
const guestTrailer = trailerOf(['serf', 0], [bus.name, bus.version], [state.name, state.version]);
const busTrailer = trailerOf([bus.name, bus.version]);

interface Setting {
  readonly network: string;
  /** How long the extensions send once all are members. */
  readonly runMs: number;
  readonly secretKey?: string;
}

function mixedCluster({ network, runMs, secretKey }: Setting): void {
  const isPlain = secretKey === undefined;
  const it = (name: string, run: () => void | Promise<void>): void =>
    scenario(title, `${isPlain ? '' : 'encrypted: '}${name}`, run);
  const foreignIps = [1, 2, 3].map((n) => `${network}.${n}`);
  const key = isPlain ? {} : { secretKey };
  const agents = [newestSerf, debian].map(
    (program, i) =>
      new SerfAgent({
        program,
        name: `serf-${i + 1}`,
        ip: foreignIps[i]!,
        tags: { role: 'db' },
        args: isPlain ? [] : [`-encrypt=${secretKey}`],
      }),
  ) as [SerfAgent, SerfAgent];
  const go: Peer = goNode(newestGo, {
    ...calm,
    ...SERF_VERSIONS,
    ...key,
    name: 'go',
    bindAddr: foreignIps[2]!,
    bindPort: port,
    enableCompression: false,
    meta: Buffer.from('metadata of go').toString('base64'),
  });
  const tags: SerfTags = { role: 'web', port: '8080', text: 'ü and "quotes"' };
  const guests = [serf({ tags }), serf({ tags: { role: 'worker' } })] as const;
  const buses = new Map(
    ['ours-1', 'ours-2', 'ours-3'].map((name) => [name, new TrafficExtension(bus)]),
  );
  const states = new Map(['ours-1', 'ours-2'].map((name) => [name, new TrafficExtension(state)]));
  const all = [...buses.values(), ...states.values()];
  const ours: Memberlist[] = [];
  const connections = new OwnConnections();
  const control = `control ${randomBytes(8).toString('hex')}`;
  /** Lines of our nodes: errors, and messages of an extension that the node does not have. */
  const wrong: string[] = [];
  let capture: LoopbackCapture | undefined;
  let captured: Traffic | undefined;

  const logger = (name: string): Logger => {
    const look = (message: string, fields: object = {}): void => {
      if ((fields as { reason?: unknown }).reason === 'unknown-extension') {
        wrong.push(`${name}: ${message}`);
      }
    };
    const error = (message: string): void => void wrong.push(`${name}: ${message}`);
    return { debug: look, info: look, warn: look, error };
  };
  async function create(n: number, config: MemberlistConfig): Promise<Memberlist> {
    const list = await Memberlist.create({
      ...key,
      name: `ours-${n}`,
      bindAddr: `${network}.${10 + n}`,
      enableCompression: false,
      logger: logger(`ours-${n}`),
      ...config,
    });
    ours.push(list);
    return list;
  }
  const traffic = (name: string): TrafficExtension[] =>
    [buses.get(name), states.get(name)].filter((each) => each !== undefined);

  async function agentsSee(name: string, status: string, wanted?: SerfTags): Promise<void> {
    for (const agent of agents) {
      await eventually(
        `${agent.name} calls ${name} ${status}`,
        async () => (await agent.members()).get(name),
        (seen) =>
          seen?.status === status && (wanted === undefined || isDeepStrictEqual(seen.tags, wanted)),
      );
    }
  }
  async function goSees(name: string, meta: Buffer): Promise<void> {
    await eventually(
      `the metadata of ${name} at Go memberlist`,
      async () => (await go.members()).get(name)?.meta,
      (seen) => (seen ?? '') === meta.toString('base64'),
    );
  }

  before(async () => {
    const problem = buildGoPeer(newestGo);
    if (problem !== undefined) throw new Error(problem);
    await buildNewestSerf();
    if (isPlain) {
      connections.start();
      capture = await LoopbackCapture.start(`net ${network}.0/24 and port ${port}`);
    }
    await Promise.all([...agents.map((agent) => agent.start()), go.start()]);
    for (const [i, guest] of guests.entries()) {
      const use = [guest, ...traffic(`ours-${i + 1}`)];
      await create(i + 1, { use });
    }
    await create(3, { ...SERF_VERSIONS, use: traffic('ours-3') });
    await create(4, SERF_VERSIONS);
  });

  after(async () => {
    for (const extension of all) extension.stop();
    connections.stop();
    await capture?.kill();
    await Promise.all([
      ...ours.map((list) => list.shutdown()),
      ...agents.map((agent) => agent.kill()),
      go.kill(),
    ]);
  });

  it('extensions exchange messages while agents and Go memberlist join', async () => {
    const [first, second, third, fourth] = ours as [Memberlist, Memberlist, Memberlist, Memberlist];
    await second.join([first.localNode.address]);
    await third.join([second.localNode.address]);
    for (const [sender, receivers] of [
      ['ours-1', [buses.get('ours-2'), buses.get('ours-3'), states.get('ours-2')]],
      ['ours-2', [buses.get('ours-1'), buses.get('ours-3'), states.get('ours-1')]],
      ['ours-3', [buses.get('ours-1'), buses.get('ours-2')]],
    ] as const) {
      for (const receiver of receivers) {
        await eventually(
          `messages of ${sender} on all paths`,
          () => receiver?.silentPaths(sender),
          (silent) => silent?.length === 0,
        );
      }
    }
    await agents[0].join(first.localNode.address);
    await second.join([agents[1].address]);
    await third.join([go.address]);
    await fourth.join([go.address]);
    const count = ours.length + foreignIps.length;
    for (const list of ours) {
      await eventually(
        `${list.localNode.name} lists all`,
        () => list.members().length,
        (listed) => listed === count,
      );
    }
    await eventually(
      'Go memberlist lists all',
      async () => (await go.members()).size,
      (listed) => listed === count,
    );
  });

  it('`serf members` shows the tags of guests and nothing of their extensions', async () => {
    for (const [i, { tags }] of guests.entries()) await agentsSee(`ours-${i + 1}`, 'alive', tags);
    for (const name of ['ours-4', 'go', 'serf-1', 'serf-2']) await agentsSee(name, 'alive');
  });

  it('Go memberlist shows the metadata of guests: tags, then the trailer of the extensions', async () => {
    for (const [i, { tags }] of guests.entries()) {
      await goSees(`ours-${i + 1}`, Buffer.concat([encodeSerfTags(tags), guestTrailer]));
    }
    await goSees('ours-3', busTrailer);
    await goSees('ours-4', Buffer.alloc(0));
    assert.deepEqual(
      { ...ours[3]?.member('ours-1')?.extensions },
      { serf: 0, [bus.name]: bus.version, [state.name]: state.version },
    );
    assert.equal(ours[0]?.member('go')?.meta.toString(), 'metadata of go');
  });

  it('user messages and user events travel both ways at the same time', async () => {
    const [first, , , fourth] = ours as [Memberlist, Memberlist, Memberlist, Memberlist];
    for (const list of [first, fourth]) {
      const text = Buffer.from(`${control} from ${list.localNode.name}`);
      await list.sendBestEffort('go', text);
      await list.sendReliable('go', text);
      await go.untilBytes('message', text);
    }
    const received: string[] = [];
    fourth.on('message', (payload) => received.push(payload.toString('latin1')));
    for (const how of ['best effort', 'reliable'] as const) {
      await go.send({ name: 'ours-4' }, Buffer.from(`${how} from go`), how);
      await eventually(`${how} from go`, () => received.includes(`${how} from go`), Boolean);
    }
    const heard: string[] = [];
    guests[1].on('event', ({ name, payload }) => heard.push(`${name}: ${payload.toString()}`));
    for (const agent of agents) {
      await repeated(
        `an event of ${agent.name} reaches the other guest`,
        (name) => agent.command('event', '-coalesce=false', name, control),
        (name) => heard.includes(`${name}: ${control}`),
      );
    }
    await repeated(
      'an event of a guest reaches all',
      (name) => guests[0].sendEvent(name, Buffer.from(control)),
      (name) =>
        heard.includes(`${name}: ${control}`) &&
        agents.every(({ log }) => log.includes(`messageUserEventType: ${name}`)) &&
        go.events.some(
          (told) =>
            'bytes' in told && Buffer.from(told.bytes ?? '', 'base64').includes(name, 0, 'latin1'),
        ),
    );
  });

  it('changed tags and metadata reach agents, Go memberlist and our nodes', async () => {
    const changed = { role: 'web', version: '2' };
    await guests[0].setTags(changed);
    await agentsSee('ours-1', 'alive', changed);
    await goSees('ours-1', Buffer.concat([encodeSerfTags(changed), guestTrailer]));
    await go.setMeta(Buffer.from('changed by go'));
    await eventually(
      'the metadata of go',
      () => ours.map((list) => list.member('go')?.meta.toString()),
      (seen) => seen.every((meta) => meta === 'changed by go'),
    );
  });

  it('extensions exchange messages by packets, streams and gossip during the whole run', async () => {
    // Events of a guest: there is always something to gossip to agents and Go memberlist, too.
    const events = setInterval(() => guests[0].sendEvent('again', Buffer.from(control)), eventMs);
    try {
      for (let round = 1; round <= rounds; round++) {
        const earlier = all.map(({ received }) => ({ ...received }));
        await wait(runMs / rounds);
        for (const [i, { received, name }] of all.entries()) {
          for (const path of paths) {
            const isMore = received[path] > (earlier[i]?.[path] ?? 0);
            assert.ok(isMore, `ours-${(i % 3) + 1}, ${name}: no ${path} in round ${round}`);
          }
        }
      }
    } finally {
      clearInterval(events);
    }
    assert.ok(all.every(({ refused }) => refused > 0));
    assert.deepEqual(
      all.flatMap(({ problems }) => problems),
      [],
    );
    assert.deepEqual(wrong, []);
  });

  it('a guest with extensions that leaves is shown as left', async () => {
    await ours[1]?.leave();
    await agentsSee('ours-2', 'left');
    for (const agent of agents) assert.doesNotMatch(agent.log, /EventMemberFailed/);
    await go.until('the leave', (told) => told.event === 'leave' && told.node.name === 'ours-2');
    for (const extension of all) extension.stop();
    // The table is read over a connection of the test, which is not to be in the capture.
    captured = await capture?.stop();
    await eventually(
      'Go memberlist has it as left',
      async () => (await tableOf(go)).get('ours-2')?.state,
      (seen) => seen === 'left',
    );
  });

  it('agents and Go memberlist log no warning and no error', async () => {
    // Probes and exchanges that are in progress end.
    await wait(1_000);
    const lines = [...agents, go].flatMap(({ name, log }) =>
      log.split('\n').map((line) => `${name}: ${line.trim()}`),
    );
    assert.ok(
      lines.some((line) => line.includes('messageUserEventType')) &&
        lines.some((line) => /^go: .*memberlist: /.test(line)),
      'the logs were read',
    );
    assert.deepEqual(
      lines.filter((line) => /\[(ERR|ERROR|WARN)\]|panic:|DATA RACE/.test(line)),
      [],
    );
    assert.deepEqual(wrong, []);
  });

  if (!isPlain) return;

  it('no byte of the extensions reaches agents or Go memberlist, by a capture of loopback', () => {
    const { toForeign, betweenForeign, fromForeign, toOurs } = sortTraffic(captured!, {
      foreignIps,
      isOwnConnection: (client, server) => connections.has(client, server),
    });
    for (const [path, pieces] of Object.entries(toForeign)) {
      // The capture has what is sent there, and nothing hides the contents.
      assert.deepEqual(pieces.filter(isCompressed), [], `compressed ${path}`);
      assert.ok(count(pieces, control) > 0, `${path} with the control message`);
      assert.ok(count(pieces, guestTrailer) > 0, `${path} with the trailer`);
    }
    const foreign = [...Object.values(toForeign).flat(), ...betweenForeign, ...fromForeign];
    for (const { marker } of [bus, state]) assert.equal(count(foreign, marker), 0, marker);
    const trailers = [guestTrailer, busTrailer].map((trailer) => trailer.toString('latin1'));
    for (const piece of foreign) {
      const text = piece.toString('latin1');
      assert.deepEqual(envelopesIn(piece), []);
      // Only the trailer of the metadata has the names of extensions.
      const rest = trailers.reduce((left, trailer) => left.replaceAll(trailer, ''), text);
      assert.doesNotMatch(rest, /tapped-/);
    }
    // Our nodes with an extension are sent at least what it received; those without it are sent nothing of it.
    for (const n of [1, 2, 3, 4]) {
      const { packets, streams } = toOurs.get(`${network}.${10 + n}`) as Received;
      for (const [{ marker }, extension] of [
        [bus, buses.get(`ours-${n}`)],
        [state, states.get(`ours-${n}`)],
      ] as const) {
        const { packet = 0, gossip = 0, stream = 0 } = extension?.received ?? {};
        const seen = [count(packets, marker), count(streams, marker)] as const;
        if (extension === undefined) assert.deepEqual(seen, [0, 0]);
        else
          assert.ok(seen[0] >= packet + gossip && seen[1] >= stream, `ours-${n}: ${seen.join()}`);
      }
    }
  });
}

/** Does something up to four times, each time with another name: gossip may miss a member. */
async function repeated(
  what: string,
  act: (name: string) => unknown,
  isDone: (name: string) => boolean,
): Promise<void> {
  const names: string[] = [];
  for (const attempt of [1, 2, 3, 4]) {
    const name = `${what.replaceAll(' ', '-')}-${attempt}`;
    names.push(name);
    await act(name);
    try {
      await eventually(what, () => names.some(isDone), Boolean, 5_000);
      return;
    } catch (error) {
      if (attempt === 4) throw error;
    }
  }
}

describe('two extensions and a Serf guest in one node', { concurrency: 2 }, () => {
  describe('plain', { concurrency: 1 }, () => mixedCluster({ network: '127.7.2', runMs: 30_000 }));
  describe('encrypted', { concurrency: 1 }, () => {
    const secretKey = Keyring.generate().toString('base64');
    mixedCluster({ network: '127.7.3', runMs: 10_000, secretKey });
  });
});

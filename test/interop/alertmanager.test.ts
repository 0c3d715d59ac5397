/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Three Alertmanagers from Debian in one cluster with our nodes. Our nodes do not relay Alertmanager's gossip
// (silences, notifications), and must not impede it.
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { Memberlist, type MemberlistConfig } from '../../src/index.js';
import {
  Alertmanager,
  alertmanagerVersion,
  type AlertmanagerPeer,
} from './alertmanager-process.js';
import { eventually } from './eventually.js';
import { KillableNode } from './killable-node.js';
import { scenario } from './results.js';

const PORT = 9094;
// Alertmanager sends each message a few times only. Messages that are lost on a busy machine arrive with its
// push/pull, once a minute.
const SPREAD_MS = 70_000;
/**
 * An Alertmanager that a silence did not reach by gossip receives it by push/pull, once a minute with one of
 * three peers. One of these peers may not have it either.
 */
const SILENCE_MS = 4 * SPREAD_MS;
// A silent node is probed, suspected and then declared dead.
const NOTICED_MS = 40_000;
// Alertmanager sends messages above half a packet (700 bytes) over streams.
const LARGE = `large ${'x'.repeat(2000)}`;

const peer = `Alertmanager ${await alertmanagerVersion()} (Debian)`;
const first = new Alertmanager({ ip: '127.0.2.1' });
const second = new Alertmanager({ ip: '127.0.2.2', seeds: [first.address] });
const third = new Alertmanager({ ip: '127.0.2.3', seeds: [first.address] });
const theirs = [first, second, third];
const ours: Memberlist[] = [];
const events: string[] = [];
const messages: Buffer[] = [];
const states: Buffer[] = [];

const configOf = (n: number): MemberlistConfig => ({
  name: `ours-${n}`,
  bindAddr: `127.0.2.${10 + n}`,
  bindPort: PORT,
});

async function createOurs(n: number, config: MemberlistConfig = {}): Promise<Memberlist> {
  const list = await Memberlist.create({ ...configOf(n), ...config });
  ours.push(list);
  return list;
}

const asText = ({ name, address }: AlertmanagerPeer): string => `${name} at ${address}`;

/** Waits until the status page of each agent lists the right members, as `name at address`. */
async function theyList(
  agents: readonly Alertmanager[],
  isRight: (peers: readonly string[]) => boolean,
  withinMs = SPREAD_MS,
): Promise<void> {
  for (const agent of agents) {
    await eventually(
      `the list of ${agent.ip} is right`,
      async () => (await agent.peers()).map(asText),
      isRight,
      withinMs,
    );
  }
}

async function theyKnow(agents: readonly Alertmanager[], comment: string): Promise<void> {
  for (const agent of agents) {
    await eventually(
      `${agent.ip} knows the silence`,
      () => agent.silences(),
      (comments) => comments.includes(comment),
      SILENCE_MS,
    );
  }
}

async function weSee(event: string, withinMs = SPREAD_MS): Promise<void> {
  await eventually(
    `an event '${event}'`,
    () => events,
    (seen) => seen.includes(event),
    withinMs,
  );
}

async function weGet(what: string, received: readonly Buffer[], text: string): Promise<void> {
  await eventually(
    what,
    () => received.map((bytes) => bytes.toString('latin1')),
    (texts) => texts.some((bytes) => bytes.includes(text)),
    SPREAD_MS,
  );
}

describe('three Alertmanagers and our nodes in one cluster', () => {
  let observer: Memberlist;
  let killable: KillableNode | undefined;
  let killedName = '';

  before(async () => {
    await first.start();
    await Promise.all([second.start(), third.start()]);
    await theyList(theirs, (peers) => peers.length === 3);
    await first.silence('from before our join');
    await theyKnow(theirs, 'from before our join');
    observer = await createOurs(1, {
      delegate: { mergeRemoteState: (state) => void states.push(state) },
    });
    observer.on('join', ({ name }) => events.push(`join ${name}`));
    observer.on('leave', ({ name }, reason) => events.push(`${reason} ${name}`));
    observer.on('message', (payload) => messages.push(payload));
  });

  after(async () => {
    await Promise.all([
      ...ours.map((list) => list.shutdown()),
      ...theirs.map((agent) => agent.remove()),
      killable?.kill(),
    ]);
  });

  scenario(peer, 'we join, and all status pages list us by name and address', async () => {
    await observer.join([second.address]);
    await theyList(
      theirs,
      (peers) => peers.length === 4 && peers.includes(`ours-1 at 127.0.2.11:${PORT}`),
    );
  });

  scenario(peer, 'we list all Alertmanagers by name and address', async () => {
    const expected = theirs.map(asText);
    await eventually(
      'all four',
      () => observer.members().map(asText),
      (seen) => seen.length === 4 && expected.every((member) => seen.includes(member)),
      SPREAD_MS,
    );
  });

  scenario(peer, 'the state that they push contains the silence from before our join', async () => {
    await weGet('a state with the silence', states, 'from before our join');
  });

  scenario(peer, 'a silence spreads to all members, and reaches us by gossip', async () => {
    await third.silence('during our membership');
    await theyKnow(theirs, 'during our membership');
    await weGet('a message with the silence', messages, 'during our membership');
  });

  scenario(peer, 'a silence too large for packets spreads, and reaches us by stream', async () => {
    await second.silence(LARGE);
    await theyKnow(theirs, LARGE);
    await weGet('a message with the silence', messages, LARGE);
  });

  scenario(peer, 'an Alertmanager answers a ping', async () => {
    for (const { name, address } of theirs) assert.ok((await observer.ping(name, address)) < 500);
  });

  scenario(peer, 'their lists omit our node after it leaves', async () => {
    const leaver = await createOurs(2);
    await leaver.join([third.address]);
    await theyList(theirs, (peers) => peers.includes(`ours-2 at 127.0.2.12:${PORT}`));
    await weSee('join ours-2');
    await leaver.leave();
    await leaver.shutdown();
    await theyList(theirs, (peers) => !peers.join().includes('ours-2'));
    await weSee('left ours-2');
  });

  scenario(peer, 'their lists omit our node after it is killed', async () => {
    killable = await KillableNode.start(configOf(3), [first.address]);
    await theyList(theirs, (peers) => peers.includes(`ours-3 at 127.0.2.13:${PORT}`));
    await weSee('join ours-3');
    await killable.kill();
    await theyList(theirs, (peers) => !peers.join().includes('ours-3'), NOTICED_MS);
    await weSee('failed ours-3');
  });

  scenario(peer, 'an Alertmanager that is killed is reported as failed', async () => {
    await third.end('SIGKILL');
    await weSee(`failed ${third.name}`, NOTICED_MS);
    assert.equal(observer.member(third.name)?.state, 'dead');
  });

  scenario(
    peer,
    'an Alertmanager that returns with a new name at its old address is a member',
    async () => {
      killedName = third.name;
      await third.start();
      assert.notEqual(third.name, killedName);
      await weSee(`join ${third.name}`);
      await theyList(theirs, (peers) => peers.length === 4 && peers.join().includes('ours-1'));
      await third.silence('after all that');
      await theyKnow(theirs, 'after all that');
      await weGet('a message with the silence', messages, 'after all that');
    },
  );

  scenario(peer, 'an Alertmanager that is stopped is reported as left', async () => {
    await second.end('SIGTERM');
    await weSee(`left ${second.name}`);
    assert.equal(observer.member(second.name)?.state, 'left');
  });

  scenario(peer, 'their logs contain no warnings or errors about our nodes', () => {
    const lines = theirs.flatMap(({ ip, log }) => log.map((line) => `${ip}: ${line}`));
    assert.ok(
      lines.some((line) => /level=debug .*NotifyJoin.* node=ours-1 /.test(line)),
      'the logs have the expected format',
    );
    // Alertmanager logs the lines of memberlist at debug level, with the level of memberlist inside.
    const isWarning = (line: string): boolean => /level=(warn|error)|\[(ERR|WARN)\]/.test(line);
    const namesUs = (line: string): boolean => /ours-|127\.0\.2\.1[1-3]/.test(line);
    // Members that probe the killed node may log that no node answers at its address.
    const isAboutKilledNode = (line: string): boolean => /ours-3|127\.0\.2\.13/.test(line);
    // A member that still probes the killed Alertmanager may have sent us an indirect ping for it.
    const isAboutKilledPeer = (line: string): boolean =>
      line.includes(`Got ping for unexpected node '${killedName}'`);
    const isExpected = (line: string): boolean =>
      isAboutKilledNode(line) || isAboutKilledPeer(line);
    // The log lines that a user message or a state of ours in a foreign format would cause.
    const isAboutContent = (line: string): boolean =>
      /decode broadcast|merge broadcast|merge remote state|unknown state key/.test(line);
    assert.deepEqual(
      lines.filter((line) => isWarning(line) && namesUs(line) && !isExpected(line)),
      [],
    );
    assert.deepEqual(lines.filter(isAboutContent), []);
  });
});

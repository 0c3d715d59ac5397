/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// An encrypted cluster of Debian's serf, the newest one and two of our nodes: the keys of all members are
// rotated while messages flow, and no node gets in without the key.
//
// `serf keys` queries all members with a serf query, which our nodes do not answer: the command waits for
// them (some 3 s), then reports that two of four nodes reported success, and exits with status 1. The agents
// have changed their keys all the same. The test changes our keys by API.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { JoinError, Keyring, Memberlist, NoPingResponseError } from '../../src/index.js';
import { eventually } from './eventually.js';
import { MixedCluster, serfEvent, SERF_VERSIONS } from './mixed-cluster.js';
import { buildNewestSerf, newestSerf } from './newest-serf.js';
import { scenario } from './results.js';
import { debianSerf, SerfAgent } from './serf-agent.js';

// From AES-128 to AES-256.
const oldKey = Keyring.generate(16).toString('base64');
const newKey = Keyring.generate(32).toString('base64');
const folder = await mkdtemp(join(tmpdir(), 'memberlist-serf-'));
const keyringFile = join(folder, 'keyring.json');
const debian = await debianSerf();
const peer = `${debian.title}, ${newestSerf.title}`;

// One agent reads its key from a file that it keeps up to date, the other from its command line.
const first = new SerfAgent({
  program: debian,
  name: 'serf-debian',
  ip: '127.0.4.1',
  args: [`-keyring-file=${keyringFile}`],
});
const second = new SerfAgent({
  program: newestSerf,
  name: 'serf-newest',
  ip: '127.0.4.2',
  args: [`-encrypt=${oldKey}`],
});
const outsiders: SerfAgent[] = [];
const ours: Memberlist[] = [];

async function createOurs(
  name: string,
  ip: string,
  secretKey: Buffer | string | undefined,
): Promise<Memberlist> {
  const list = await Memberlist.create({
    name,
    bindAddr: ip,
    ...(secretKey !== undefined && { secretKey }),
    ...SERF_VERSIONS,
  });
  ours.push(list);
  return list;
}

describe('an encrypted cluster of serf agents and our nodes', () => {
  let cluster: MixedCluster;

  before(async () => {
    await writeFile(keyringFile, JSON.stringify([oldKey]));
    await buildNewestSerf();
    const serfs = [first, second];
    await Promise.all(serfs.map((agent) => agent.start()));
    await createOurs('ours-1', '127.0.4.11', oldKey);
    await createOurs('ours-2', '127.0.4.12', oldKey);
    cluster = new MixedCluster(serfs, [...ours]);
  });

  after(async () => {
    await Promise.all([
      ...ours.map((list) => list.shutdown()),
      ...[first, second, ...outsiders].map((agent) => agent.kill()),
    ]);
    await rm(folder, { recursive: true });
  });

  scenario(
    peer,
    'encrypted: joins in both directions form one cluster, and messages flow',
    async () => {
      const [one, other] = ours as [Memberlist, Memberlist];
      await one.join([first.address]);
      await second.join(one.localNode.address);
      await other.join([second.address]);
      await cluster.isWhole();
      await cluster.exchange('start');
      await cluster.mustBeUnchanged();
    },
  );

  const steps = [
    {
      step: 'install',
      argument: `-install=${newKey}`,
      changeOurs: (keyring: Keyring) => keyring.addKey(newKey),
      keys: [oldKey, newKey],
    },
    {
      step: 'use',
      argument: `-use=${newKey}`,
      changeOurs: (keyring: Keyring) => keyring.useKey(newKey),
      keys: [newKey, oldKey],
    },
    {
      step: 'remove',
      argument: `-remove=${oldKey}`,
      changeOurs: (keyring: Keyring) => keyring.removeKey(oldKey),
      keys: [newKey],
    },
  ];
  for (const { step, argument, changeOurs, keys } of steps) {
    const title = `rotation: \`serf keys -${step}\` and the same by our API, while messages flow`;
    scenario(peer, title, async () => {
      let isDone = false;
      const commanded = changeAgentKeys(first, argument).finally(() => (isDone = true));
      const flow = async (): Promise<void> => {
        for (let round = 0; !isDone; round++) await cluster.exchange(`${step}-${round}`);
      };
      const flowed = flow();
      for (const { keyring } of cluster.ours) if (keyring !== undefined) changeOurs(keyring);
      await Promise.all([commanded, flowed]);
      for (const { name, log } of cluster.serfs) {
        assert.match(log, new RegExp(`Received ${step}-key query`), name);
      }
      await eventually(
        'the keyring file is right',
        async () => JSON.parse(await readFile(keyringFile, 'utf8')) as unknown,
        (seen) => JSON.stringify(seen) === JSON.stringify(keys),
      );
      for (const { keyring } of cluster.ours) {
        assert.deepEqual(
          keyring?.keys().map((key) => key.toString('base64')),
          keys,
        );
      }
      await cluster.exchange(`after-${step}`);
      await cluster.mustBeUnchanged();
    });
  }

  const intruders = [
    { title: 'the removed key', secretKey: oldKey },
    { title: 'a wrong key', secretKey: Keyring.generate() },
    { title: 'no key', secretKey: undefined },
  ];
  for (const [i, { title, secretKey }] of intruders.entries()) {
    scenario(peer, `our node with ${title} cannot join, and changes no member`, async () => {
      // It has the name of a member, which would change if the others accepted its claims.
      const intruder = await createOurs('ours-2', `127.0.4.${21 + i}`, secretKey);
      const members = [first, second, ...cluster.ours.map(({ localNode }) => localNode)];
      for (const { name, address } of members) {
        await assert.rejects(intruder.join([address], { timeout: 5000 }), JoinError);
        await assert.rejects(intruder.ping(name, address), NoPingResponseError);
        await intruder.sendToAddress({ addr: address }, serfEvent(`intruder-${i}-message`));
      }
      assert.equal(intruder.numMembers, 1);
      await cluster.exchange(`after-intruder-${i}`);
      await cluster.mustBeUnchanged();
      assert.ok(!cluster.hasReceived(`intruder-${i}-message`));
      await intruder.shutdown();
    });
  }

  const outsiderAgents = [
    { title: 'a wrong key', args: [`-encrypt=${Keyring.generate().toString('base64')}`] },
    { title: 'no key', args: [] },
  ];
  for (const [i, { title, args }] of outsiderAgents.entries()) {
    scenario(
      peer,
      `a serf agent with ${title} cannot join through us, and does not change us`,
      async () => {
        const ip = `127.0.4.${31 + i}`;
        const outsider = new SerfAgent({ program: newestSerf, name: 'ours-2', ip, args });
        outsiders.push(outsider);
        await outsider.start();
        for (const { localNode } of cluster.ours) {
          await assert.rejects(outsider.join(localNode.address), /Error joining/);
        }
        assert.equal((await outsider.members()).size, 1);
        await cluster.exchange(`after-outsider-${i}`);
        await cluster.mustBeUnchanged();
        await outsider.kill();
      },
    );
  }

  scenario(peer, 'serf logged no error or warning about our encrypted nodes', () => {
    const lines = cluster.serfs.flatMap(({ name, log }) =>
      log.split('\n').map((line) => `${name}: ${line.trim()}`),
    );
    assert.ok(
      lines.some((line) => line.includes('[INFO] serf: EventMemberJoin: ours-1')),
      'the logs have the expected format',
    );
    const isWarning = (line: string): boolean => /\[(ERR|WARN)\]/.test(line);
    assert.ok(
      lines.some((line) => isWarning(line) && line.includes('127.0.4.2')),
      'they logged warnings about nodes without the key',
    );
    const namesUs = (line: string): boolean => /ours-|127\.0\.4\.1[12]\b/.test(line);
    assert.deepEqual(
      lines.filter((line) => isWarning(line) && namesUs(line)),
      [],
    );
  });
});

/**
 * Runs a key command on the two Serf agents; our nodes answer no queries. A query is gossiped like an event
 * and may miss a member: the command is repeated, which has no effect on members that received it.
 */
async function changeAgentKeys(agent: SerfAgent, argument: string): Promise<void> {
  const errors: string[] = [];
  while (errors.length < 4) {
    const error = await agent.command('keys', argument).catch(String);
    if (error.includes('2/4 nodes reported success')) return;
    errors.push(error);
  }
  assert.fail(`failed four times: ${errors.join('; ')}`);
}

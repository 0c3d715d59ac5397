/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// An encrypted cluster of Debian's serf, the newest one and two nodes of ours: everybody's keys are
// rotated while messages flow, and nobody gets in without the key.
//
// `serf keys` asks all members by a query of serf's, which a node that is no serf does not answer:
// the command waits for us (some 3 s), then says that two of four nodes reported success, and ends
// with status 1. The agents have done as they were told all the same. Our keys are changed by API.
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

// One has its key from a file that it keeps up to date, the other from its command line.
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
const strangers: SerfAgent[] = [];
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
      ...[first, second, ...strangers].map((agent) => agent.kill()),
    ]);
    await rm(folder, { recursive: true });
  });

  scenario(peer, 'encrypted: joining both ways makes one cluster, and messages flow', async () => {
    const [one, other] = ours as [Memberlist, Memberlist];
    await one.join([first.address]);
    await second.join(one.localNode.address);
    await other.join([second.address]);
    await cluster.isWhole();
    await cluster.exchange('start');
    await cluster.mustBeUnchanged();
  });

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
    const title = `rotation: \`serf keys -${step}\`, the same by our API, while messages flow`;
    scenario(peer, title, async () => {
      let isTold = false;
      const told = tellKeys(first, argument).finally(() => (isTold = true));
      const flow = async (): Promise<void> => {
        for (let round = 0; !isTold; round++) await cluster.exchange(`${step}-${round}`);
      };
      const flowed = flow();
      for (const { keyring } of cluster.ours) if (keyring !== undefined) changeOurs(keyring);
      await Promise.all([told, flowed]);
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
    scenario(peer, `a node of ours with ${title} gets in nowhere, and changes nobody`, async () => {
      // It has the name of a member, whom it would change if it were listened to.
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
      assert.ok(!cluster.hasHeard(`intruder-${i}-message`));
      await intruder.shutdown();
    });
  }

  const strangerAgents = [
    { title: 'a wrong key', args: [`-encrypt=${Keyring.generate().toString('base64')}`] },
    { title: 'no key', args: [] },
  ];
  for (const [i, { title, args }] of strangerAgents.entries()) {
    scenario(peer, `a serf agent with ${title} does not get in by us, nor changes us`, async () => {
      const ip = `127.0.4.${31 + i}`;
      const stranger = new SerfAgent({ program: newestSerf, name: 'ours-2', ip, args });
      strangers.push(stranger);
      await stranger.start();
      for (const { localNode } of cluster.ours) {
        await assert.rejects(stranger.join(localNode.address), /Error joining/);
      }
      assert.equal((await stranger.members()).size, 1);
      await cluster.exchange(`after-stranger-${i}`);
      await cluster.mustBeUnchanged();
      await stranger.kill();
    });
  }

  scenario(peer, 'serf logged no error or warning that names an encrypted node of ours', () => {
    const lines = cluster.serfs.flatMap(({ name, log }) =>
      log.split('\n').map((line) => `${name}: ${line.trim()}`),
    );
    assert.ok(
      lines.some((line) => line.includes('[INFO] serf: EventMemberJoin: ours-1')),
      'the logs were read, and have the form that is searched for',
    );
    const isComplaint = (line: string): boolean => /\[(ERR|WARN)\]/.test(line);
    assert.ok(
      lines.some((line) => isComplaint(line) && line.includes('127.0.4.2')),
      'of those without the key they did complain',
    );
    const namesUs = (line: string): boolean => /ours-|127\.0\.4\.1[12]\b/.test(line);
    assert.deepEqual(
      lines.filter((line) => isComplaint(line) && namesUs(line)),
      [],
    );
  });
});

/**
 * Tells the two Serf agents of a key; ours answer no queries. A query is gossiped as an event is, and may miss a
 * member: it is told again, which changes nothing for who has heard it.
 */
async function tellKeys(agent: SerfAgent, argument: string): Promise<void> {
  const complaints: string[] = [];
  while (complaints.length < 4) {
    const complaint = await agent.command('keys', argument).catch(String);
    if (complaint.includes('2/4 nodes reported success')) return;
    complaints.push(complaint);
  }
  assert.fail(`told four times: ${complaints.join('; ')}`);
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The command line with nodes of Go memberlist and Serf. Agents run as separate processes. Of the short
// commands, one runs as a process; the others run in this process, since they differ only in their start
// time.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { Keyring, lanConfig, Memberlist, type MemberlistConfig } from '../../src/index.js';
import { AgentProcess, processCli, runCli } from './agent-process.js';
import { eventually } from './eventually.js';
import { calm } from './peers/peer.js';
import type { PeerProcess } from './peers/peer-process.js';
import { goNode, goVersions, titleOf } from './peers/programs.js';
import { scenario } from './results.js';
import { debianSerf, SerfAgent } from './serf-agent.js';

const debian = await debianSerf();
const newestGo = goVersions.at(-1)!;
const it = (name: string, run: () => Promise<void>): void =>
  scenario(titleOf(newestGo), `command line: ${name}`, run);
const key = Keyring.generate().toString('base64');
const folder = await mkdtemp(join(tmpdir(), 'memberlist-cli-'));
const keyFile = join(folder, 'cluster.key');
const PLAIN = '127.6.3.1:7946';
const SEALED = '127.6.3.2:7946';
const talk = ['--label=prod', `--key-file=${keyFile}`];

describe('the command line', () => {
  const goPeers: PeerProcess[] = [];
  const lists: Memberlist[] = [];
  const agents: AgentProcess[] = [];

  const goPeer = async (name: string, address: string, more = {}): Promise<PeerProcess> => {
    const [bindAddr = '', port] = address.split(':');
    const peer = goNode(newestGo, { ...calm, name, bindAddr, bindPort: Number(port), ...more });
    goPeers.push(peer);
    await peer.start();
    return peer;
  };
  const ours = async (config: MemberlistConfig): Promise<Memberlist> => {
    const list = await Memberlist.create({ ...lanConfig(), ...config });
    lists.push(list);
    return list;
  };
  const agent = async (...words: string[]): Promise<AgentProcess> => {
    const started = await AgentProcess.start(...words);
    agents.push(started);
    return started;
  };

  before(async () => {
    await writeFile(keyFile, `${key}\n`);
    await goPeer('go-plain', PLAIN, { meta: Buffer.from('role=db').toString('base64') });
    await goPeer('go-sealed', SEALED, { label: 'prod', secretKey: key });
  });

  after(async () => {
    await Promise.all([
      ...agents.map((each) => each.end()),
      ...goPeers.map((peer) => peer.kill()),
      ...lists.map((list) => list.shutdown()),
    ]);
    await rm(folder, { recursive: true });
  });

  it('`members` lists a cluster and adds no member to it', async () => {
    const before = goPeers.map(({ events }) => events.length);
    const { status, stdout, stderr } = await processCli('members', PLAIN);
    assert.equal(status, 0, stderr);
    assert.match(
      stdout,
      /^NAME +ADDRESS +STATE +PROTOCOL +METADATA\ngo-plain +127\.6\.3\.1:7946 +alive +\d +role=db\n$/,
    );
    const json = await runCli('members', SEALED, '--json', ...talk);
    assert.equal(json.status, 0, json.stderr);
    const { name, state } = JSON.parse(json.stdout) as { name: string; state: string };
    assert.deepEqual([name, state], ['go-sealed', 'alive']);
    for (const peer of goPeers) assert.equal((await peer.members()).size, 1);
    assert.deepEqual(
      goPeers.map(({ events }) => events.length),
      before,
    );
  });

  it('`members` without the key of the cluster reports that and exits with 1', async () => {
    const { status, stderr } = await runCli('members', SEALED, '--label=prod');
    assert.equal(status, 1);
    assert.match(stderr, /no key/);
  });

  it('`ping` over UDP and TCP, by name, and to an address without a node', async () => {
    for (const words of [[PLAIN], [`go-plain/${PLAIN}`], [PLAIN, '--tcp'], [SEALED, ...talk]]) {
      const { status, stdout } = await runCli('ping', '--interval=0', '--count=2', ...words);
      assert.equal(status, 0, stdout);
      assert.match(stdout, /2 of 2 answered; [\d.]+ \/ [\d.]+ \/ [\d.]+ ms/);
    }
    for (const target of [`another-name/${PLAIN}`, '127.6.3.250']) {
      const { status, stdout } = await runCli('ping', '--count=1', '--timeout=200', target);
      assert.equal(status, 1);
      assert.match(stdout, /0 of 1 answered/);
    }
  });

  it('`doctor` finds no problem in a working cluster', async () => {
    for (const words of [[PLAIN], [SEALED, ...talk]]) {
      const { status, stdout } = await runCli('doctor', ...words);
      assert.equal(status, 0, stdout);
      assert.match(stdout, /UDP works in both directions/);
      assert.match(stdout, /its name is go-(plain|sealed)/);
      assert.match(stdout, /it answers at its advertised address/);
      assert.match(stdout, /round trip/);
      assert.match(stdout, /protocol \d/);
      assert.match(stdout, /No problems found from this machine\./);
    }
  });

  const problems: { title: string; words: string[]; says: RegExp; advises: RegExp }[] = [
    {
      title: 'no process listens',
      words: ['127.6.3.250'],
      says: /refuses TCP/,
      advises: /Is the node running/,
    },
    {
      title: 'a label is missing or wrong',
      words: [SEALED, `--key-file=${keyFile}`],
      says: /closes it without an answer/,
      advises: /--label/,
    },
    {
      title: 'the key is missing',
      words: [SEALED, '--label=prod'],
      says: /uses encryption, but no key was given/,
      advises: /--key-file/,
    },
    {
      title: 'the key is wrong',
      words: [SEALED, '--label=prod', `--key=${Keyring.generate().toString('base64')}`],
      says: /uses another encryption key/,
      advises: /rotated/,
    },
    {
      title: 'a key for a plaintext cluster',
      words: [PLAIN, `--key-file=${keyFile}`],
      says: /uses plaintext, but a key was given/,
      advises: /Omit the key/,
    },
    {
      title: 'the name is unknown',
      words: ['nowhere.invalid'],
      says: /nowhere\.invalid/,
      advises: /use the IP/,
    },
  ];
  for (const { title, words, says, advises } of problems) {
    it(`\`doctor\` reports: ${title}`, async () => {
      const { status, stdout } = await runCli('doctor', '--timeout=500', ...words);
      assert.equal(status, 1, stdout);
      assert.match(stdout, says);
      assert.match(stdout, advises);
      assert.match(stdout, /Problems found\.\n$/);
    });
  }

  it('`doctor` detects blocked UDP, and an unreachable advertised address', async () => {
    const list = await ours({
      name: 'natted',
      bindAddr: '127.6.3.20',
      advertiseAddr: '127.6.3.99',
    });
    const wrong = await runCli('doctor', '--timeout=300', '127.6.3.20');
    assert.equal(wrong.status, 1);
    assert.match(wrong.stdout, /its name is natted/);
    assert.match(wrong.stdout, /advertises 127\.6\.3\.99:7946, which does not answer/);
    // TCP alone: what a firewall makes of it.
    const proxy: Server = createServer((from) => {
      const to = connect(7946, '127.6.3.20');
      from.pipe(to).pipe(from);
      for (const socket of [from, to]) socket.on('error', () => socket.destroy());
    });
    await once(proxy.listen(7946, '127.6.3.21'), 'listening');
    const blocked = await runCli('doctor', '--timeout=300', '127.6.3.21');
    assert.equal(blocked.status, 1);
    assert.match(blocked.stdout, /answers over TCP\n/);
    assert.match(blocked.stdout, /BAD {2}udp .*no UDP ping was answered/);
    assert.match(blocked.stdout, /Open the port for UDP in both directions/);
    proxy.close();
    await list.shutdown();
  });

  it('`agent` joins, prints events as JSON, executes commands, and leaves on SIGTERM', async () => {
    const one = await agent(
      '--name=cli-1',
      '--bind=127.6.3.11:7946',
      `--join=${PLAIN}`,
      '--meta=hello',
    );
    await one.line({ event: 'joined', contacted: 1 });
    await one.eventLine('join', 'go-plain');
    const [go] = goPeers as [PeerProcess, PeerProcess];
    const two = await agent('--name=cli-2', '--bind=127.6.3.12:7946', '--join=127.6.3.11:7946');
    await one.eventLine('join', 'cli-2');
    two.send('send cli-1 hello  there');
    const { text } = await one.line({ event: 'message' });
    assert.equal(text, 'hello  there');
    one.send('members');
    const { members } = await one.line({ reply: 'members' });
    assert.deepEqual((members as { name: string }[]).map(({ name }) => name).sort(), [
      'cli-1',
      'cli-2',
      'go-plain',
    ]);
    one.send('ping go-plain');
    assert.ok(Number((await one.line({ reply: 'ping' })).ms) < 1_000);
    one.send('meta other words');
    await one.line({ reply: 'meta' });
    assert.equal(
      ((await two.eventLine('update', 'cli-1')).node as { metaText: string }).metaText,
      'other words',
    );
    one.send('dance');
    await one.line({ error: "unknown command 'dance'; try help" });
    one.closeInput();
    assert.equal(await two.end(), 0);
    await two.line({ event: 'left' });
    assert.equal((await one.eventLine('leave', 'cli-2')).reason, 'left');
    assert.equal(await one.end(), 0);
    await eventually(
      'Go lists only itself',
      () => go.members(),
      (seen) => seen.size === 1,
    );
    assert.equal(one.log + two.log, '');
  });

  it('`agent` that reaches no seed exits with 1 and refers to the doctor', async () => {
    const { status, stdout, stderr } = await runCli(
      'agent',
      '--bind=127.6.3.13:0',
      '--join=127.6.3.250',
    );
    assert.equal(status, 1);
    assert.match(stdout, /"event":"join-failed"/);
    assert.match(stderr, /ECONNREFUSED[^]*try: node-memberlist doctor 127\.6\.3\.250/);
  });

  it('`agent` in an encrypted cluster executes the command leave', async () => {
    const one = await agent('--name=cli-3', '--bind=127.6.3.14:0', `--join=${SEALED}`, ...talk);
    await one.eventLine('join', 'go-sealed');
    one.send('leave');
    assert.equal(await one.ended(), 0);
    await one.line({ event: 'left' });
  });

  scenario(
    debian.title,
    'command line: `agent --serf` is a guest with tags and events',
    async () => {
      const serf = new SerfAgent({ program: debian, name: 'serf', ip: '127.6.3.31' });
      await serf.start();
      try {
        const one = await agent(
          '--serf',
          '--name=cli-4',
          '--bind=127.6.3.15',
          '--join=127.6.3.31',
          '--tag=role=web',
        );
        await one.eventLine('join', 'serf');
        await serf.command('event', 'deploy', 'v1');
        const received = await one.line({ event: 'user-event' });
        assert.deepEqual([received.name, received.payload], ['deploy', 'v1']);
        one.send('event from-us some words');
        await eventually(
          'serf receives it',
          () => serf.log.includes('messageUserEventType: from-us'),
          (is) => is,
        );
        const seen = await runCli('doctor', '127.6.3.31');
        assert.equal(seen.status, 0, seen.stdout);
        assert.match(seen.stdout, /joining requires delegate protocol 2 or above/);
        assert.equal(await one.end(), 0);
        await eventually(
          'serf reports it as left',
          async () => (await serf.members()).get('cli-4'),
          (member) => member?.status === 'left' && member.tags.role === 'web',
        );
      } finally {
        await serf.kill();
      }
    },
  );
});

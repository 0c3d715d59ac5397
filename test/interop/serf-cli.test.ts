/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// `node-memberlist serf …` through an agent and through one of our nodes, without a local agent.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { Keyring } from '../../src/index.js';
import { runCli, type Ended } from './agent-process.js';
import { eventually } from './eventually.js';
import { buildNewestSerf, newestSerf } from './newest-serf.js';
import { scenario } from './results.js';
import { debianSerf } from './serf-agent.js';
import { Mixed, type Setting } from './serf-cluster.js';

const debian = await debianSerf();

function commandLineOf(setting: Setting): void {
  const it = (name: string, run: () => Promise<void>): void =>
    scenario(
      setting.program.title,
      `command line${setting.isEncrypted ? ', encrypted' : ''}: ${name}`,
      run,
    );
  const mixed = new Mixed(setting);
  const keyFile = join(mixed.folder, 'cli.key');
  const hosts = [`${setting.network}.2`, `${setting.network}.12`];
  const bind = `--bind=${setting.network}.90`;

  const cli = (...words: string[]): Promise<Ended> =>
    runCli('serf', ...words, bind, ...(setting.isEncrypted ? [`--key-file=${keyFile}`] : []));
  // Queries are gossiped and may miss a member on a busy machine.
  const until = (words: string[], isRight: (ended: Ended) => boolean): Promise<Ended> =>
    eventually(words.join(' '), () => cli(...words), isRight, 60_000);

  before(async () => {
    await buildNewestSerf();
    await mixed.start();
    writeFileSync(keyFile, mixed.key.toString('base64'), { mode: 0o600 });
    for (const n of [1, 2, 3]) await mixed.allSee(`serf-${n}`, 'alive');
    for (const n of [1, 2]) await mixed.allSee(`ours-${n}`, 'alive');
  });
  after(() => mixed.stop());

  for (const [i, host] of hosts.entries()) {
    const by = i === 0 ? 'an agent' : 'our node';
    it(`\`serf members\`, \`event\` and \`query\` through ${by}`, async () => {
      const { stdout } = await cli('members', host, '--tag=role=web', '--json');
      const names = stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => (JSON.parse(line) as { name: string }).name);
      assert.deepEqual(names, ['ours-1', 'ours-2']);
      assert.equal((await cli('event', host, `cli-${i}`, 'x')).status, 0);
      await eventually(
        'our nodes have it',
        () => mixed.events.filter((each) => each.includes(`cli-${i} x`)).length,
        (count) => count === 2,
      );
      await eventually(
        'an agent has it',
        () => mixed.agents[2].log.includes(`messageUserEventType: cli-${i}`),
        (is) => is,
      );
      const asked = await until(['query', host, 'who', 'cli', '--tag=role=^web$'], (ended) =>
        ended.stdout.includes('2 acks, 2 responses'),
      );
      assert.match(asked.stdout, /response from ours-1: ours-1 got cli/);
    });

    it(`\`serf reachability\` and \`rtt\` through ${by}`, async () => {
      const reached = await until(['reachability', host], ({ status }) => status === 0);
      assert.match(reached.stdout, /5 of 5 living members answered/);
      const measured = await cli('rtt', host, 'serf-1', 'ours-1');
      assert.match(measured.stdout, /serf-1 <-> ours-1: [\d.]+ ms/);
    });
  }

  it('`serf keys` lists and changes the keys of all', async () => {
    const host = hosts[1] ?? '';
    if (!setting.isEncrypted) {
      const failed = await until(['keys', host, 'list'], ({ stdout }) => stdout.includes('5 of 5'));
      assert.equal(failed.status, 1);
      assert.match(failed.stdout, /Keyring is empty/);
      return;
    }
    const next = Keyring.generate().toString('base64');
    await until(['keys', host, 'install', next], ({ status }) => status === 0);
    const listed = await until(['keys', host, 'list'], ({ status }) => status === 0);
    assert.ok(listed.stdout.includes(`${next}  5/5, primary 0/5`), listed.stdout);
    await until(['keys', host, 'use', next], ({ status }) => status === 0);
    writeFileSync(keyFile, next, { mode: 0o600 });
    const old = mixed.key.toString('base64');
    await until(['keys', host, 'remove', old], ({ status }) => status === 0);
  });

  it('adds no member', async () => {
    assert.equal((await mixed.agents[0].members()).size, 5);
  });
}

describe('the commands of the command line for Serf', () => {
  describe(`${debian.title}, encrypted`, () =>
    commandLineOf({ program: debian, network: '127.21.8', isEncrypted: true }));
  describe(newestSerf.title, () =>
    commandLineOf({ program: newestSerf, network: '127.21.9', isEncrypted: false }),
  );
});

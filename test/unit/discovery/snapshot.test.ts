/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lstat, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { decodeSnapshot, encodeSnapshot, type Snapshot } from '../../../src/discovery/snapshot.js';
import { systemFiles, type SnapshotFiles } from '../../../src/discovery/snapshot-files.js';
import { readSnapshot, SnapshotKeeper } from '../../../src/discovery/snapshot-keeper.js';
import { resolveConfig } from '../../../src/config/resolve.js';
import type { Report } from '../../../src/core/reports.js';
import { ConfigError, Memberlist } from '../../../src/index.js';
import { MemoryNetwork, SimulatedCluster } from '../../../src/testing/index.js';
import { Driver } from '../../../src/testing/driver.js';
import { VirtualClock } from '../../../src/testing/virtual-clock.js';
import { limits } from '../../../src/wire/limits.js';

const path = '/snapshot';
const some: Snapshot = {
  name: 'a',
  incarnation: 7,
  members: [
    { name: 'b', addr: '10.0.0.2:7946' },
    { name: 'no UTF-8: \udcff', addr: '[fd00::1]:1' },
  ],
};

/** Files in memory. */
class MemoryFiles implements SnapshotFiles {
  readonly texts = new Map<string, string>();
  writes = 0;
  failure: Error | undefined;

  problemWith(): Promise<undefined> {
    return Promise.resolve(undefined);
  }
  read(from: string): Promise<string | undefined> {
    return this.#unlessItFails(() => this.texts.get(from));
  }
  replace(to: string, text: string): Promise<void> {
    return this.#unlessItFails(() => {
      this.writes++;
      this.texts.set(to, text);
    });
  }
  setAside(from: string): Promise<string> {
    return this.#unlessItFails(() => {
      this.texts.set(`${from}.corrupt`, this.texts.get(from) ?? '');
      this.texts.delete(from);
      return `${from}.corrupt`;
    });
  }

  #unlessItFails<T>(work: () => T): Promise<T> {
    return this.failure ? Promise.reject(this.failure) : Promise.resolve(work());
  }
}

class Stage {
  readonly clock = new VirtualClock();
  readonly driver = new Driver(this.clock);
  readonly files = new MemoryFiles();
  readonly reports: Report[] = [];
  readonly failures: unknown[] = [];
  readonly components = {
    config: resolveConfig({ name: 'a', snapshot: { path }, clock: this.clock }),
    files: this.files,
    report: (report: Report): void => void this.reports.push(report),
    failed: (error: unknown): void => void this.failures.push(error),
  };
  incarnation = 1;
  /** What making a snapshot throws. */
  bug: Error | undefined;
  readonly keeper = new SnapshotKeeper(this.components, {
    current: () => {
      if (this.bug !== undefined) throw this.bug;
      return { ...some, incarnation: this.incarnation };
    },
  });

  get written(): Snapshot {
    return decodeSnapshot(this.files.texts.get(path) ?? '');
  }

  get codes(): string[] {
    return this.reports.map(({ code }) => code);
  }
}

suite('a snapshot', () => {
  test('is read as it was written, whatever bytes a name has', () => {
    assert.deepEqual(decodeSnapshot(encodeSnapshot(some)), some);
  });

  test('is small: too many members, and too long names, are left out', () => {
    const members = Array.from({ length: 10_000 }, (_, i) => ({
      name: `n${i}`,
      addr: '10.0.0.1:1',
    }));
    const long = { name: 'x'.repeat(513), addr: '10.0.0.1:1' };
    const text = encodeSnapshot({ ...some, members: [long, ...members] });
    assert.deepEqual(decodeSnapshot(text).members, members.slice(0, limits.snapshotMembers));
    assert.ok(text.length < 20_000);
  });

  test('of another version, cut off, or with something else in it is none', () => {
    const good = JSON.parse(encodeSnapshot(some)) as object;
    const bad = [
      { version: 2 },
      { name: 1 },
      { incarnation: -1 },
      { incarnation: 2 ** 32 },
      { incarnation: 1.5 },
      { members: {} },
      { members: [1] },
      { members: [{ name: 'a' }] },
      { members: [{ name: 'a', addr: 'host:1' }] },
      { members: Array(257).fill({ name: 'a', addr: '10.0.0.1:1' }) },
    ];
    for (const change of bad) {
      assert.throws(() => decodeSnapshot(JSON.stringify({ ...good, ...change })), /\w/);
    }
    for (const text of ['', 'null', '[]', encodeSnapshot(some).slice(0, 40)]) {
      assert.throws(() => decodeSnapshot(text));
    }
  });
});

suite('a snapshot is kept', () => {
  test('five seconds after an exception in making it, without another change', async () => {
    const { keeper, files, driver, failures } = bound(new Stage());
    stage.bug = new TypeError('a bug');
    keeper.changed();
    await driver.run(1_500);
    assert.deepEqual(failures, [stage.bug]);
    stage.bug = undefined;
    await driver.run(5_000);
    assert.equal(files.writes, 1);
    stage.bug = new TypeError('at the end');
    await keeper.close();
    assert.equal(failures.length, 2);
    assert.equal(stage.clock.pending, 0);
  });

  test('soon after a change, and then once in five seconds at most', async () => {
    const { keeper, files, driver, clock } = bound(new Stage());
    keeper.changed();
    keeper.changed();
    await driver.run(1_000);
    assert.equal(files.writes, 1);
    for (let i = 0; i < 100; i++) {
      stage.incarnation++;
      keeper.changed();
      await driver.run(100);
    }
    assert.equal(files.writes, 3);
    await driver.run(10_000);
    assert.equal(stage.written.incarnation, 101);
    const { writes } = files;
    keeper.changed();
    await driver.run(10_000);
    assert.equal(files.writes, writes, 'nothing had changed');
    stage.incarnation++;
    await keeper.close();
    assert.equal(stage.written.incarnation, 102);
    keeper.changed();
    assert.equal(clock.pending, 0);
  });

  test('a disk that fails is reported once, until it is well again', async () => {
    const { keeper, files, driver } = bound(new Stage());
    files.failure = new Error('ENOSPC');
    keeper.changed();
    await driver.run(60_000);
    assert.deepEqual(stage.codes, ['snapshot-failed']);
    files.failure = undefined;
    await driver.run(10_000);
    assert.deepEqual(stage.written, { ...some, incarnation: 1 });
    files.failure = new Error('ENOSPC');
    stage.incarnation++;
    await keeper.close();
    assert.deepEqual(stage.codes, ['snapshot-failed', 'snapshot-failed']);
  });

  test('one that is corrupt is set aside, with one report, and is no snapshot any more', async () => {
    const { files, components } = bound(new Stage());
    files.texts.set(path, '{"version":1');
    assert.equal(await readSnapshot(components), undefined);
    assert.deepEqual(stage.codes, ['snapshot-corrupt']);
    assert.deepEqual([...files.texts.keys()], [`${path}.corrupt`]);
    assert.equal(await readSnapshot(components), undefined);
    files.failure = new Error('EACCES');
    assert.equal(await readSnapshot(components), undefined);
    assert.deepEqual(stage.codes, ['snapshot-corrupt', 'snapshot-failed']);
  });
});

suite('files of snapshots', () => {
  test('are replaced in one step, set aside, and read up to their bound', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'snapshot-'));
    try {
      const file = join(folder, 'gossip.json');
      assert.equal(await systemFiles.read(file), undefined);
      await systemFiles.replace(file, 'first');
      // A process that ended in the middle of a write leaves this behind.
      await writeFile(`${file}.new`, 'sec');
      assert.equal(await systemFiles.read(file), 'first');
      await systemFiles.replace(file, 'second');
      assert.deepEqual(await readdir(folder), ['gossip.json']);
      assert.equal((await stat(file)).mode & 0o777, 0o600);
      const aside = await systemFiles.setAside(file);
      assert.match(aside, /gossip\.json\.corrupt-\d{4}-/);
      assert.equal(await readFile(aside, 'utf8'), 'second');
      await writeFile(file, 'x'.repeat(2 * limits.snapshotBytes));
      assert.equal((await systemFiles.read(file))?.length, limits.snapshotBytes + 1);
      await assert.rejects(systemFiles.replace(join(folder, 'none', 'file'), 'x'), /ENOENT/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('are regular files: anything else is refused when a node is created, and left as it is', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'snapshot-'));
    const at = (name: string): string => join(folder, name);
    const create = (where: string): Promise<Memberlist> =>
      Memberlist.create({
        name: 'a',
        transport: new MemoryNetwork().transport('a'),
        snapshot: { path: where },
      });
    try {
      await writeFile(at('file'), '');
      execFileSync('mkfifo', [at('fifo')]);
      await symlink(at('nowhere'), at('dangling'));
      await symlink(at('circle'), at('circle'));
      await symlink('/dev/null', at('device'));
      const refused: [string, RegExp][] = [
        [folder, /must be a regular file, and it is a directory/],
        [at('fifo'), /a FIFO/],
        ['/dev/null', /a device/],
        [at('device'), /a device/],
        [at('dangling'), /a dangling symbolic link/],
        [at('circle'), /a symbolic link in a loop/],
        [at('none/file'), /must be in an existing folder/],
        [at('file/below'), /must be in an existing folder/],
      ];
      const before = await readdir(folder);
      for (const [where, says] of refused) {
        await assert.rejects(create(where), (error: unknown) => {
          assert.ok(error instanceof ConfigError, where);
          assert.match(error.message, new RegExp(`snapshot\\.path: .*${says.source}`));
          return true;
        });
      }
      assert.deepEqual(await readdir(folder), before);
      assert.ok((await stat('/dev/null')).isCharacterDevice());
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('may be reached by a symbolic link, which stays; what takes their place later is not replaced', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'snapshot-'));
    const [link, file] = [join(folder, 'link'), join(folder, 'data')];
    try {
      await writeFile(file, 'first');
      await symlink('data', link);
      assert.equal(await systemFiles.problemWith(link), undefined);
      await systemFiles.replace(link, 'second');
      assert.ok((await lstat(link)).isSymbolicLink());
      assert.equal(await readFile(file, 'utf8'), 'second');
      assert.match(await systemFiles.setAside(link), /data\.corrupt-/);
      await rm(link);
      execFileSync('mkfifo', [link]);
      await assert.rejects(systemFiles.replace(link, 'x'), /it is a FIFO/);
      await assert.rejects(systemFiles.setAside(link), /it is a FIFO/);
      assert.equal(await systemFiles.read(link), '', 'and reading it waits for nobody');
      assert.ok((await lstat(link)).isFIFO());
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

suite('a node with a snapshot', () => {
  test('rejoins those in it when it starts again, above its old incarnation', async () => {
    const files = new MemoryFiles();
    const config = { snapshot: { path }, seeds: ['gone.example.org'] };
    const resolver = { lookup: () => Promise.reject(new Error('no')) };
    await using cluster = await SimulatedCluster.createWith({ size: 3, seed: 1 }, () => ({
      files,
      resolver,
    }));
    await cluster.joinAll();
    await cluster.addNode('keeps', { config, join: false });
    await cluster.during(cluster.node('keeps').join([cluster.node('n0').localNode.address]));
    await cluster.run(20_000);
    const { incarnation } = cluster.node('keeps').localNode;
    cluster.crash('keeps');
    // Its memory of who failed is of use, too: only n2 lives on.
    cluster.crash('n0');
    cluster.crash('n1');
    await cluster.restart('keeps', { config, join: false });
    assert.ok(cluster.node('keeps').localNode.incarnation > incarnation);
    await cluster.runUntil(() => cluster.node('n2').member('keeps')?.state === 'alive');
    await cluster.runUntil(() => cluster.converged(), { timeout: 120_000 });
  });

  test('does not lose those in it as long as it has met nobody', async () => {
    const files = new MemoryFiles();
    const config = { snapshot: { path } };
    files.texts.set(path, encodeSnapshot({ ...some, name: 'n0' }));
    await using cluster = await SimulatedCluster.createWith({ size: 1, config }, () => ({ files }));
    assert.ok(cluster.node('n0').localNode.incarnation > some.incarnation);
    await cluster.run(60_000);
    assert.deepEqual(decodeSnapshot(files.texts.get(path) ?? '').members, some.members);
    await cluster.node('n0').shutdown();
    assert.deepEqual(decodeSnapshot(files.texts.get(path) ?? '').members, some.members);
  });

  test('takes no incarnation from the snapshot of another name', async () => {
    const files = new MemoryFiles();
    files.texts.set(path, encodeSnapshot(some));
    const config = { snapshot: { path } };
    await using cluster = await SimulatedCluster.createWith({ size: 1, config }, () => ({ files }));
    assert.equal(cluster.node('n0').localNode.incarnation, 1);
  });
});

let stage: Stage;
function bound(made: Stage): Stage {
  stage = made;
  return made;
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import {
  ConfigError,
  JoinError,
  Keyring,
  MessageTooLargeError,
  TimeoutError,
  decodeMeta,
  liveness,
  readiness,
  type Node,
} from '../../../src/index.js';
import { Cluster, Log, mute, rejection, until } from './cluster.js';

void describe('Memberlist.broadcast', () => {
  void it('reaches every other member once, and long messages too', async () => {
    await using cluster = new Cluster();
    const lists = await cluster.joined(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']);
    const [a, ...others] = lists;
    const got = new Map(others.map((list) => [list, [] as number[]]));
    for (const [list, sizes] of got) list.on('message', ({ length }) => sizes.push(length));
    const sizes = [1, 300, a!.maxBroadcastBytes, 500, 600, 700];
    for (const size of sizes) a!.broadcast(Buffer.alloc(size));
    await until(others, () => [...got.values()].every(({ length }) => length >= sizes.length));
    for (const each of got.values()) assert.deepEqual(each, sizes);
    assert.throws(() => a!.broadcast(Buffer.alloc(a!.maxBroadcastBytes + 1)), MessageTooLargeError);
  });

  void it('replaces an earlier one of the same name, and refuses what is no message', async () => {
    await using cluster = new Cluster();
    const [a, b] = await cluster.joined(['a', 'b'], mute);
    const texts: string[] = [];
    b!.on('message', (payload) => texts.push(payload.toString()));
    a!.broadcast(Buffer.from('old'), { name: 'x' });
    a!.broadcast(Buffer.from('new'), { name: 'x' });
    await until(b!, () => texts.length > 0);
    assert.deepEqual(texts, ['new']);
    for (const wrong of ['text', {}, null, undefined]) {
      assert.throws(() => a!.broadcast(wrong as never), /Uint8Array/);
    }
    assert.throws(() => a!.broadcast(Buffer.of(1), { nam: 'x' } as never), /did you mean 'name'/);
  });
});

void describe('Memberlist.setMeta', () => {
  void it('tells others, takes precedence over the delegate, and checks what it is given', async () => {
    await using cluster = new Cluster();
    const nodeMeta = (): Buffer => Buffer.from('delegate');
    const a = await cluster.node('a', { delegate: { nodeMeta } });
    const b = await cluster.node('b');
    await b.join([a.localNode.address]);
    await a.setMeta({ role: 'web' });
    await a.updateNode();
    await until(b, () => decodeMeta(b.member('a')?.meta ?? Buffer.of())?.role === 'web');
    await rejection(a.setMeta(Buffer.alloc(513)), MessageTooLargeError);
    await rejection(a.setMeta('text' as never), ConfigError);
  });
});

void describe('the arguments of operations', () => {
  void it('members have names, and what is neither is a ConfigError', async () => {
    await using cluster = new Cluster();
    const [a, b] = await cluster.joined(['a', 'b']);
    const texts: string[] = [];
    b!.on('message', (payload) => texts.push(payload.toString()));
    await a!.sendReliable('b', Buffer.from('1'));
    await a!.sendBestEffort('b', Buffer.from('2'));
    assert.ok((await a!.ping('b')) >= 0);
    await until(b!, () => texts.length === 2);
    for (const to of ['nobody', {}, null, undefined, 1] as unknown as Node[]) {
      await rejection(a!.sendReliable(to, Buffer.of(1)), ConfigError);
      await rejection(a!.sendBestEffort(to, Buffer.of(1)), ConfigError);
      await rejection(a!.ping(to), ConfigError);
    }
    await rejection(a!.sendReliable('b', 'text' as never), ConfigError);
  });

  void it('options that are wrong are refused by every operation that waits', async () => {
    await using cluster = new Cluster();
    const a = await cluster.node('a');
    const wrong = [{ timeout: NaN }, { timeout: null }, { timeout: '5' }, { timeout: -1 }];
    for (const options of [...wrong, { signal: {} }, { timeuot: 5 }, null, 5] as never[]) {
      await rejection(a.ready(options), ConfigError);
      await rejection(a.join([], options), ConfigError);
      await rejection(a.updateNode(options), ConfigError);
      await rejection(a.leave(options), ConfigError);
    }
    assert.match(
      (await rejection(a.ready({ timeuot: 5 } as never), ConfigError)).message,
      /timeout/,
    );
  });
});

void it('the error of ready says who is there, what failed last, and the likely cause', async () => {
  await using cluster = new Cluster();
  const a = await cluster.node('a', { label: 'blue' });
  const b = await cluster.node('b', { label: 'green' });
  await rejection(b.join([a.localNode.address]), Error);
  const error = await rejection(b.ready({ minMembers: 3, timeout: 1 }), TimeoutError);
  assert.match(error.message, /1 of 3 members/);
  assert.match(error.message, /the last attempt was/);
  assert.match(error.message, /likely cause: .*label/);
});

void it('probes follow the life of a node', async () => {
  await using cluster = new Cluster();
  const a = await cluster.node('a');
  assert.equal(liveness(a).ok, true);
  assert.equal(readiness(a).ok, true);
  assert.equal(readiness(a, { minMembers: 2 }).status, 'too-few-members');
  assert.throws(() => readiness(a, { minMembers: 0 }), ConfigError);
  await a.leave();
  assert.deepEqual([liveness(a).ok, readiness(a).status], [true, 'left']);
  await a.shutdown();
  assert.deepEqual([liveness(a).ok, readiness(a).ok], [false, false]);
});

void it('a key file is read again when it is replaced, and a bad one changes nothing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'keys-'));
  try {
    const path = join(folder, 'keys');
    const write = (text: string): void => {
      writeFileSync(`${path}.new`, text, { mode: 0o600 });
      renameSync(`${path}.new`, path);
    };
    const [one, two] = [Keyring.generate(), Keyring.generate()];
    write(`# ours\n${one.toString('base64')} # old\n`);
    await using cluster = new Cluster();
    const log = new Log();
    const a = await cluster.node('a', { keyFile: path, logger: log });
    write(`${two.toString('base64')}\n${one.toString('base64')}\n`);
    await until(a, () => log.of('key-file-read').length === 1);
    assert.deepEqual(a.config.keyring?.keys(), [two, one]);
    write('no key\n');
    await until(a, () => log.of('key-file-failed').length === 1);
    assert.deepEqual(a.config.keyring.keys(), [two, one]);
    await rejection(cluster.node('b', { keyFile: path }), ConfigError);
    await rejection(cluster.node('c', { keyFile: path, secretKey: one }), ConfigError);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

void it('a key file that others may read is named once in a warning', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'keys-'));
  try {
    const path = join(folder, 'keys');
    writeFileSync(path, Keyring.generate().toString('base64'), { mode: 0o600 });
    chmodSync(path, 0o644);
    await using cluster = new Cluster();
    const log = new Log();
    const a = await cluster.node('a', { keyFile: path, logger: log });
    await until(a, () => log.of('key-file-mode').length === 1);
    assert.match(log.of('key-file-mode')[0]?.message ?? '', /0644/);
    assert.equal(log.of('key-file-mode')[0]?.level, 'warn');
    chmodSync(path, 0o640);
    const quiet = new Log();
    const b = await cluster.node('b', { keyFile: path, logger: quiet });
    await b.join([a.localNode.address]);
    assert.deepEqual(quiet.of('key-file-mode'), []);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

void it('the errors of join and ready name a key as the likely cause, whoever lacks it', async () => {
  const [one, two] = [Keyring.generate(), Keyring.generate()];
  const cases = [
    { ours: {}, theirs: { secretKey: one }, says: /likely cause: a missing key/ },
    { ours: { secretKey: one }, theirs: {}, says: /likely cause: a (missing )?key/ },
    { ours: { secretKey: one }, theirs: { secretKey: two }, says: /likely cause: a wrong key/ },
  ];
  for (const { ours, theirs, says } of cases) {
    await using cluster = new Cluster();
    const a = await cluster.node('a', theirs);
    const b = await cluster.node('b', ours);
    assert.match((await rejection(b.join([a.localNode.address]), JoinError)).message, says);
    const late = await rejection(b.ready({ timeout: 1 }), TimeoutError);
    assert.match(late.message, says);
    assert.match(late.message, /1 of 2 members are present/);
  }
});

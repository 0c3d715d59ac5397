/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Key queries: the keys of all members, as `serf keys` lists and changes them.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Keyring, type MemberlistConfig } from '../../../src/index.js';
import { readKeyringFile, serf, type Serf } from '../../../src/serf/index.js';
import { KeyCommands, encodeKeyList } from '../../../src/serf/key-commands.js';
import { serfLimits } from '../../../src/serf/limits.js';
import { decodeKeyResponse, encodeKeyRequest } from '../../../src/serf/query-messages.js';
import { Cluster, Log, meet } from '../memberlist/cluster.js';

const folder = mkdtempSync(join(tmpdir(), 'serf-keys-'));
after(() => rmSync(folder, { recursive: true }));
const [first, second] = [Keyring.generate(16), Keyring.generate(32)];
const base64 = (key: Buffer): string => key.toString('base64');

test('keys are listed, installed, used and removed on all members', async () => {
  await using cluster = new Cluster();
  const guests = [serf(), serf(), serf()];
  const lists = await membersOf(cluster, guests, { secretKey: first });
  const [one] = guests;
  const installed = await one!.keys.install(base64(second));
  assert.deepEqual([installed.ok, installed.numResponses, installed.numErrors], [true, 3, 0]);
  assert.equal((await one!.keys.use(base64(second))).ok, true);
  assert.equal((await one!.keys.remove(base64(first))).ok, true);
  const listed = await one!.keys.list();
  assert.deepEqual([...listed.keys], [[base64(second), 3]]);
  assert.deepEqual([...listed.primaryKeys], [[base64(second), 3]]);
  for (const { keyring } of lists) assert.deepEqual(keyring?.keys(), [second]);
});

test('what a member cannot do is in its message', async () => {
  await using cluster = new Cluster();
  const guests = [serf(), serf()];
  await membersOf(cluster, guests, { secretKey: first });
  const [one] = guests;
  const used = await one!.keys.use(base64(second));
  assert.deepEqual([used.ok, used.numErrors], [false, 2]);
  assert.equal(used.messages.get('n1'), 'requested key is not in the keyring');
  const removed = await one!.keys.remove(base64(first));
  assert.equal(removed.messages.get('n0'), 'removing the primary key is not allowed');
  await assert.rejects(one!.keys.install('abc'), { code: 'ERR_MEMBERLIST_CONFIG' });
  await assert.rejects(
    one!.keys.install('x'.repeat(31)),
    (error: Error) => !error.message.includes('xxx'),
  );
});

test('without encryption the messages are those of Serf', async () => {
  await using cluster = new Cluster();
  const guests = [serf()];
  await membersOf(cluster, guests, {});
  const listed = await guests[0]!.keys.list();
  assert.equal(listed.messages.get('n0'), 'Keyring is empty (encryption not enabled)');
  const { messages } = await guests[0]!.keys.install(base64(second));
  assert.equal(messages.get('n0'), 'No keyring to modify (encryption not enabled)');
});

test('a keyring file is written after each change, and replaces the key of the configuration', async () => {
  const path = join(folder, 'keyring.json');
  {
    await using cluster = new Cluster();
    const guests = [serf({ keyringFile: path })];
    await membersOf(cluster, guests, { secretKey: first });
    assert.equal((await guests[0]!.keys.install(base64(second))).ok, true);
    assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')), [base64(first), base64(second)]);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    await guests[0]!.keys.use(base64(second));
    await guests[0]!.keys.remove(base64(first));
    assert.deepEqual(readKeyringFile(path).keys(), [second]);
  }
  await using cluster = new Cluster();
  const [list] = await membersOf(cluster, [serf({ keyringFile: path })], { secretKey: first });
  assert.deepEqual(list!.keyring?.keys(), [second], 'after a restart');
});

test('a keyring file that cannot be written is a failure of the command', async () => {
  await using cluster = new Cluster();
  const guests = [serf({ keyringFile: join(folder, 'nowhere', 'keyring.json') })];
  await membersOf(cluster, guests, { secretKey: first });
  const { ok, messages } = await guests[0]!.keys.install(base64(second));
  assert.equal(ok, false);
  assert.match(messages.get('n0') ?? '', /ENOENT/);
});

test('a keyring file that is none, or has no encryption, or another key file, is one clear error', async () => {
  await using cluster = new Cluster();
  const config = { code: 'ERR_MEMBERLIST_CONFIG' };
  const wrong = join(folder, 'wrong.json');
  for (const text of [
    '',
    '{}',
    '[]',
    '["abc"]',
    '[1]',
    JSON.stringify(Array(65).fill(base64(first))),
  ]) {
    writeFileSync(wrong, text);
    assert.throws(() => readKeyringFile(wrong), config, text);
    const use = [serf({ keyringFile: wrong })];
    await assert.rejects(cluster.node('a', { use, secretKey: first }), config, text);
  }
  const file = join(folder, 'new.json');
  const plain = cluster.node('b', { use: [serf({ keyringFile: file })] });
  await assert.rejects(plain, /requires encryption/);
  const keyFile = join(folder, 'cluster.key');
  writeFileSync(keyFile, base64(first), { mode: 0o600 });
  const both = cluster.node('c', { use: [serf({ keyringFile: file })], keyFile });
  await assert.rejects(both, /cannot be combined with the keyFile/);
});

test('a node whose keys come from a key file says so instead of a change that does not last', async () => {
  const keyFile = join(folder, 'cluster2.key');
  writeFileSync(keyFile, base64(first), { mode: 0o600 });
  await using cluster = new Cluster();
  const guests = [serf()];
  await membersOf(cluster, guests, { keyFile });
  const { messages } = await guests[0]!.keys.install(base64(second));
  assert.match(messages.get('n0') ?? '', /key file/);
  assert.equal((await guests[0]!.keys.list()).ok, true);
});

test('wrong requests and too many keys are refused', async () => {
  const keyring = new Keyring(first);
  const commands = new KeyCommands({ keyring, keyFile: undefined, log: new Log() }, undefined);
  for (const payload of [
    Buffer.alloc(0),
    Buffer.of(7),
    Buffer.of(8, 0x80),
    encodeKeyRequest(Buffer.alloc(5)),
  ]) {
    const { result, message } = await commands.change('install-key', payload);
    assert.equal(result, false);
    assert.notEqual(message, '');
  }
  for (let i = 0; i < 100; i++) {
    const key = Buffer.alloc(16, i);
    await commands.change('install-key', encodeKeyRequest(key));
  }
  assert.equal(keyring.keys().length, serfLimits.keys);
});

test('a list of keys that is too long is cut, and says so', () => {
  const keys = Array.from({ length: 50 }, (_, i) => base64(Buffer.alloc(16, i)));
  const response = { result: true, message: '', keys, primaryKey: keys[0]! };
  const payload = encodeKeyList(response, ({ length }) => length <= 1_000);
  const { keys: shown, message } = decodeKeyResponse(payload!);
  assert.ok(shown.length > 10 && shown.length <= 40);
  assert.deepEqual(shown, keys.slice(0, shown.length));
  assert.equal(message, `truncated key list response, showing first ${shown.length} of 50 keys`);
  assert.deepEqual(decodeKeyResponse(encodeKeyList(response, () => true)!).keys, keys);
  assert.equal(
    encodeKeyList(response, () => false),
    undefined,
  );
});

async function membersOf(cluster: Cluster, guests: readonly Serf[], config: MemberlistConfig) {
  const lists = [];
  for (const [i, guest] of guests.entries()) {
    lists.push(await cluster.node(`n${i}`, { use: [guest], ...config }));
  }
  await meet(lists);
  return lists;
}

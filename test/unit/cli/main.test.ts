/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The output and exit status of the CLI where no network is needed. The rest: test/interop/cli.test.ts.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { main } from '../../../src/cli/main.js';
import { showMeta } from '../../../src/cli/show-meta.js';
import { encodeMeta } from '../../../src/index.js';
import { encodeSerfTags } from '../../../src/serf/index.js';

async function run(...words: string[]): Promise<{ status: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const ignored = () => undefined;
  const status = await main(words, {
    stdin: new PassThrough(),
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    on: ignored,
    off: ignored,
  });
  return { status, out, err };
}

function versionInManifest(): string {
  const manifest = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

const commands = ['agent', 'members', 'ping', 'serf', 'doctor', 'keygen', 'simulate'];

test('--help lists the commands, and each command explains its usage', async () => {
  const { status, out } = await run('--help');
  assert.equal(status, 0);
  for (const command of commands) {
    assert.match(out, new RegExp(`^  ${command} `, 'm'));
    const { status: ended, out: help, err } = await run(command, '--help');
    assert.deepEqual([ended, err], [0, '']);
    assert.match(help, new RegExp(`^usage: node-memberlist ${command} `));
    assert.match(help, new RegExp(`^  node-memberlist ${command}`, 'm'), 'an example');
    for (const line of help.split('\n')) assert.ok(line.length <= 110, line);
  }
});

test('--version prints the version', async () => {
  for (const word of ['--version', '-v']) {
    assert.deepEqual(await run(word), { status: 0, out: `${versionInManifest()}\n`, err: '' });
  }
});

test('an unresolvable host name is reported as a message, not as an exception', async () => {
  for (const command of ['members', 'ping']) {
    const { status, err } = await run(command, 'missing.invalid');
    assert.equal(status, 1);
    assert.match(err, /^node-memberlist: (?!Error)[^]*missing\.invalid/);
  }
});

test('invalid arguments print the usage error on standard error, and exit with status 2', async () => {
  const wrong: [string[], RegExp][] = [
    [['dance'], /unknown command 'dance'[^]*--help/],
    [['constructor'], /unknown command/],
    [['serf', 'dance'], /expected one of members, query[^]*serf --help/],
    [['serf', 'members'], /HOST:PORT is missing/],
    [['serf', 'keys', '127.0.0.1', 'use', 'x'], /must be the base64 text/],
    [['serf', 'query', '127.0.0.1'], /wrong number of arguments/],
    [['members'], /HOST:PORT is missing[^]*members --help/],
    [['members', 'a', 'b'], /expected one HOST:PORT/],
    [['members', 'a', '--jsn'], /--jsn/],
    [['ping', '127.0.0.1', '--count', 'many'], /--count must be a number/],
    [['ping', '127.0.0.1', '--key', 'short'], /secretKey/],
    [['ping', '127.0.0.1', '--key-file', '/nowhere'], /--key-file: ENOENT/],
    [['ping', '127.0.0.1', '--key-file', 'x', '--key', 'y'], /cannot be combined/],
    [['ping', '127.0.0.1', '--key', ''], /--key is empty: .*environment variable.*omit --key/],
    [['members', '127.0.0.1', '--key-file', ' '], /--key-file is empty/],
    [['agent', '--key', ''], /--key is empty/],
    [['agent', '--key-file', ''], /--key-file is empty/],
    [['agent', '--key', 'A'.repeat(43) + '=', '--plaintext'], /plaintext: must not be true/],
    [['agent', '--format', 'xml'], /--format must be pretty or json/],
    [['keygen', '--bytes', '8'], /16, 24 or 32/],
    [['simulate', '--preset', 'moon'], /lan, wan or local/],
    [['agent', 'word'], /agent takes no 'word'/],
    [['agent', '--tag', 'a=b'], /--tag requires --serf/],
    [['agent', '--serf', '--tag', 'a'], /NAME=VALUE/],
    [['agent', '--bus-name', 'cache'], /--bus-name requires --bus/],
    [['agent', '--bus', '--bus-name', 'NO'], /must be 1 to 16 of a-z/],
    [['agent', '--bind', 'nonsense'], /bindAddr/],
    [['agent', '--http', 'nonsense'], /--http must be/],
    [['agent', '--log-level', 'loud'], /--log-level must be one of/],
  ];
  for (const [words, says] of wrong) {
    const { status, out, err } = await run(...words);
    assert.deepEqual([status, out], [2, ''], words.join(' '));
    assert.match(err, says);
  }
  const bare = await run();
  assert.equal(bare.status, 2);
  assert.match(bare.out, /usage:/);
});

test('an invalid address is a usage error, not a network failure', async () => {
  for (const command of ['members', 'ping', 'doctor']) {
    for (const target of [
      '127.0.0.1:abc',
      '127.0.0.1:0',
      '[10.0.0.1]:7946',
      '/10.0.0.1',
      ':7946',
    ]) {
      const { status, out, err } = await run(command, target);
      assert.deepEqual([status, out], [2, ''], `${command} ${target}`);
      assert.match(err, /is not a seed/);
    }
  }
});

test('keygen generates another key each time, of the requested length', async () => {
  const keys = new Set<string>();
  for (const bytes of ['16', '24', '32']) {
    const { status, out } = await run('keygen', '--bytes', bytes);
    assert.equal(status, 0);
    assert.equal(Buffer.from(out.trim(), 'base64').length, Number(bytes));
    keys.add(out);
  }
  keys.add((await run('keygen')).out);
  assert.equal(keys.size, 4);
});

test('simulate gives the same result for the same seed', async () => {
  const words = ['simulate', '--nodes=6', '--runs=1', '--loss=0.02', '--json'];
  const [one, other] = [await run(...words), await run(...words)];
  assert.equal(one.status, 0);
  assert.equal(one.out, other.out);
  assert.match((await run('simulate', '--nodes=6', '--runs=1')).out, /^6 nodes, 1 run /);
  const [times] = JSON.parse(one.out) as [{ update: number; suspected: number; dead: number }];
  assert.ok(times.update > 0 && times.update < 60_000);
  assert.ok(times.suspected < times.dead && times.dead < 120_000);
});

test('metadata is decoded as what it appears to be', () => {
  assert.equal(showMeta(Buffer.alloc(0)), '');
  assert.equal(showMeta(encodeSerfTags({ role: 'web', v: '1' })), 'role=web,v=1');
  assert.equal(showMeta(encodeMeta({ a: 1 })), '{"a":1}');
  assert.equal(showMeta(Buffer.from('plain')), 'plain');
  assert.equal(showMeta(Buffer.of(0, 1, 2)), '0x000102');
  assert.equal(showMeta(Buffer.of(0xff, 0xfe)), '0xfffe');
});

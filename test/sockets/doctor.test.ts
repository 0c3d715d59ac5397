/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What `doctor` says of a port at which something else than a memberlist answers, or one with another key.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { suite, test } from 'node:test';
import { createServer as createTls } from 'node:tls';
import { main } from '../../src/cli/main.js';
import { Keyring, localConfig, Memberlist, type MemberlistConfig } from '../../src/index.js';
import { selfSigned } from './self-signed.js';

const bindAddr = '127.7.9.1';

async function doctor(...words: string[]): Promise<{ status: number; out: string }> {
  let out = '';
  const ignored = (): void => undefined;
  const status = await main(['doctor', '--timeout=1000', ...words], {
    stdin: new PassThrough(),
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (out += text) },
    on: ignored,
    off: ignored,
  });
  return { status, out };
}

const others: { title: string; protocol: string; server: () => Server }[] = [
  { title: 'an HTTP server', protocol: 'HTTP', server: () => createHttp() },
  {
    title: 'a TLS server',
    protocol: 'TLS',
    server: () => createTls(selfSigned('gossip.example')),
  },
  {
    title: 'a TLS server that refuses the handshake',
    protocol: 'TLS',
    server: () =>
      createTls({ ...selfSigned('gossip.example'), minVersion: 'TLSv1.2', ciphers: 'PSK' }),
  },
  {
    title: 'an SSH server',
    protocol: 'SSH',
    server: () =>
      createServer((socket) => socket.on('error', () => undefined).write('SSH-2.0-test\r\n')),
  },
];

suite('doctor', () => {
  for (const { title, protocol, server } of others) {
    test(`recognizes ${title}`, async () => {
      const listening = server();
      const sockets = new Set<{ destroy(): void }>();
      listening.on('connection', (socket) => sockets.add(socket));
      await once(listening.listen(0, bindAddr), 'listening');
      const { port } = listening.address() as AddressInfo;
      const { status, out } = await doctor(`${bindAddr}:${port}`);
      for (const socket of sockets) socket.destroy();
      listening.close();
      assert.equal(status, 1);
      assert.match(out, new RegExp(`BAD  cluster +the port speaks ${protocol}, `));
      assert.match(out, /skip udp/);
      assert.doesNotMatch(out, /BAD {2}udp/);
    });
  }

  const given = Keyring.generate().toString('base64');
  const illnesses: { title: string; config: MemberlistConfig; words: string[]; says: RegExp }[] = [
    {
      title: 'another key',
      config: { secretKey: Keyring.generate() },
      words: [`--key=${given}`],
      says: /BAD {2}cluster +the node uses another encryption key/,
    },
    {
      title: 'another label',
      config: { label: 'blue' },
      words: ['--label=green'],
      says: /BAD {2}cluster +it accepts the connection and closes it/,
    },
  ];
  for (const { title, config, words, says } of illnesses) {
    test(`does not blame UDP for ${title}`, async () => {
      const name = 'checked';
      await using list = await Memberlist.create({
        ...{ ...localConfig(), name, bindAddr, bindPort: 0 },
        ...config,
      });
      const { status, out } = await doctor(...words, list.localNode.address);
      assert.equal(status, 1);
      assert.match(out, says);
      assert.match(out, /skip udp +unknown/);
      assert.doesNotMatch(out, /BAD {2}udp/);
    });
  }

  test('a key file has a key on each line, the first of which is used', async () => {
    const [used, old] = [Keyring.generate(), Keyring.generate()];
    const folder = mkdtempSync(join(tmpdir(), 'keys-'));
    const path = join(folder, 'keys');
    writeFileSync(
      path,
      `# now\n${used.toString('base64')}\n\n${old.toString('base64')} # until Friday\n`,
    );
    await using list = await Memberlist.create({
      ...{ ...localConfig(), name: 'checked', bindAddr, bindPort: 0, secretKey: used },
    });
    const { status, out } = await doctor(`--key-file=${path}`, list.localNode.address);
    assert.deepEqual([status, /BAD|skip/.test(out)], [0, false], out);
    writeFileSync(path, 'no key\n');
    const wrong = await doctor(`--key-file=${path}`, list.localNode.address);
    assert.equal(wrong.status, 2);
    assert.match(wrong.out, /--key-file: line 1 /);
    rmSync(folder, { recursive: true });
  });
});

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Text from peers (names, metadata, errors) is never printed raw to a terminal, by any command.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { PassThrough } from 'node:stream';
import { suite, test, type TestContext } from 'node:test';
import { main } from '../../src/cli/main.js';
import { localConfig, Memberlist } from '../../src/index.js';
import { encodeMessage } from '../../src/wire/message-codec.js';
import { MessageType } from '../../src/wire/message-type.js';

const port = 17_956;
const evil = 'evil\u001b[31m\u009b2J\u202egnp\r\nnode-memberlist: all is well\u0007\u2028z';
const inText = 'evil\\u001b[31m\\u009b2J\\u202egnp\\u000d\\u000anode-memberlist: all is well';
// The same in JSON; the short escapes of the standard are as safe.
const inJson = 'evil\\u001b[31m\\u009b2J\\u202egnp\\r\\nnode-memberlist: all is well';
const harmful = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** A running command and its output. */
class Run {
  readonly stdin = new PassThrough();
  readonly ended: Promise<number>;
  out = '';
  err = '';
  #wrote: () => void = () => undefined;

  constructor(...words: string[]) {
    const ignored = (): void => undefined;
    this.ended = main(words, {
      stdin: this.stdin,
      stdout: { write: (text) => this.#took(() => (this.out += text)) },
      stderr: { write: (text) => this.#took(() => (this.err += text)) },
      on: ignored,
      off: ignored,
    });
  }

  /** Resolves once the output contains this text. */
  async said(text: string): Promise<void> {
    while (!(this.out + this.err).includes(text)) {
      await new Promise<void>((resolve) => (this.#wrote = resolve));
    }
  }

  #took(take: () => void): boolean {
    take();
    this.#wrote();
    return true;
  }
}

function assertPlain({ out, err }: Run, what: string): void {
  for (const line of [...out.split('\n'), ...err.split('\n')]) {
    assert.ok(!harmful.test(line), `${what}: ${JSON.stringify(line)}`);
  }
}

/** Announces a member with the name and metadata above to the node at an address. */
async function tellOfEvil(host: string): Promise<void> {
  const socket = createSocket('udp4');
  const vsn = Buffer.of(1, 5, 2, 0, 0, 0);
  const where = { addr: Buffer.of(127, 7, 9, 66), port: 9 };
  const claim = { node: evil, ...where, meta: Buffer.from(evil), vsn, incarnation: 1 };
  socket.send(encodeMessage({ type: MessageType.alive, ...claim }), port, host, () =>
    socket.close(),
  );
  await once(socket, 'close');
}

/** A node that lists such a member, and does not probe it. */
async function nodeThatKnowsEvil(t: TestContext, bindAddr: string): Promise<void> {
  const config = { ...localConfig(), name: 'node', bindAddr, bindPort: port, probeInterval: 0 };
  const list = await Memberlist.create(config);
  t.after(() => list.shutdown());
  const joined = once(list, 'join');
  await tellOfEvil(bindAddr);
  await joined;
}

/** A server that answers every request with an error that contains such a text. */
async function hostileServer(t: TestContext, host: string): Promise<void> {
  const error = `${evil} ${'x'.repeat(5_000)}`;
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(encodeMessage({ type: MessageType.err, error })));
  });
  t.after(() => server.close());
  server.listen(port, host);
  await once(server, 'listening');
}

suite('text from peers is escaped', () => {
  test('by members and doctor, for a member', async (t) => {
    await nodeThatKnowsEvil(t, '127.7.9.2');
    for (const [words, shown] of [
      [['members'], inText],
      [['members', '--json'], inJson],
      [['doctor', '--timeout=300'], ''],
      [['doctor', '--timeout=300', '--json'], ''],
    ] as const) {
      const run = new Run(...words, `127.7.9.2:${port}`);
      await run.ended;
      assertPlain(run, words.join(' '));
      assert.ok(run.out.includes(shown), run.out);
      if (words[1] !== '--json') continue;
      const [first] = run.out
        .split('\n')
        .map((line) => JSON.parse(line || '{}') as { name: string });
      assert.equal(first?.name, evil, 'a parser gets the exact text');
    }
  });

  test('by every command, for a server that answers with an error', async (t) => {
    await hostileServer(t, '127.7.9.3');
    const target = `127.7.9.3:${port}`;
    for (const words of [
      ['members', target],
      ['doctor', '--timeout=300', target],
      ['doctor', '--timeout=300', '--json', target],
      ['ping', '--tcp', '--count=1', '--timeout=300', target],
      ['agent', '--name=a', '--bind=127.7.9.4:0', `--join=${target}`, '--log-level=debug'],
    ]) {
      const run = new Run(...words);
      assert.notEqual(await run.ended, 0);
      assertPlain(run, words.join(' '));
      assert.match(run.out + run.err, /evil\\+u001b\[31m\\+u009b2J\\+u202egnp/, words.join(' '));
    }
  });

  test('by an agent, in its events and in its log', { timeout: 20_000 }, async () => {
    const run = new Run('agent', '--name=b', `--bind=127.7.9.5:${port}`, '--log-level=debug');
    await run.said('started');
    await tellOfEvil('127.7.9.5');
    await run.said(inJson);
    run.stdin.end('leave\n');
    assert.equal(await run.ended, 0);
    assertPlain(run, 'agent');
    assert.ok(run.err.includes('evil'), 'the log contains it, too');
  });
});

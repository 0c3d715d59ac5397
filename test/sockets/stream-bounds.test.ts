/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Streams stay within the bounds of memory and file descriptors, measured in a separate process.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { compressContent } from '../../src/wire/compression.js';
import { encodeMessage } from '../../src/wire/message-codec.js';
import { limits } from '../../src/wire/limits.js';
import { encodePushPull, encodeUserMessage } from '../../src/wire/stream-codec.js';
import type { Command, Report } from './stream-bounds-child.js';

const script = fileURLToPath(new URL('./stream-bounds-child.ts', import.meta.url));
const MiB = 1024 * 1024;
const noSource = { sourceAddr: Buffer.alloc(0), sourcePort: 0, sourceNode: '' };
const ping = encodeMessage({ type: 0, seqNo: 7, node: '', ...noSource });
const vsn = Buffer.of(1, 5, 2, 0, 0, 0);

/** The process under attack. */
class Target {
  readonly #process: ChildProcess;
  readonly #host: string;
  #port = 0;

  private constructor(child: ChildProcess, host: string) {
    this.#process = child;
    this.#host = host;
  }

  /** @param ulimit - its limit of open files */
  static async start(t: TestContext, host: string, ulimit?: number): Promise<Target> {
    const limit = ulimit === undefined ? '' : `ulimit -n ${ulimit}; `;
    const node = [process.execPath, '--import', 'tsx', script, host];
    const child = spawn('sh', ['-c', `${limit}exec "$0" "$@"`, ...node], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const target = new Target(child, host);
    t.after(async () => {
      const exited = once(child, 'exit');
      child.send('stop' satisfies Command);
      await exited;
    });
    const [{ address }] = (await once(child, 'message')) as [Report];
    target.#port = Number(address.split(':').at(-1));
    return target;
  }

  async ask(command: Command = 'report'): Promise<Report> {
    const answer = once(this.#process, 'message');
    this.#process.send(command);
    const [report] = (await answer) as [Report];
    return report;
  }

  /** Polls until the condition holds. */
  async until(what: string, isSo: (report: Report) => boolean): Promise<Report> {
    for (const since = Date.now(); ;) {
      const report = await this.ask();
      if (isSo(report)) return report;
      assert.ok(Date.now() - since < 60_000, `${what}: ${JSON.stringify(report)}`);
      await wait(20);
    }
  }

  /** A stream from this address on which these bytes were sent. It reads nothing. */
  async open(from: string, bytes: Buffer): Promise<Socket> {
    const socket = connect({ host: this.#host, port: this.#port, localAddress: from });
    socket.on('error', () => undefined);
    socket.pause();
    await Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => undefined);
    if (bytes.length > 0) socket.write(bytes);
    return socket;
  }

  /** The complete answer to these bytes. */
  async answerTo(bytes: Buffer, from: string): Promise<Buffer> {
    const socket = await this.open(from, bytes);
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    const ended = Promise.race([once(socket, 'end'), once(socket, 'close')]);
    socket.resume();
    await ended.catch(() => undefined);
    socket.destroy();
    return Buffer.concat(chunks);
  }

  /** Streams from this number of sources. */
  async flood(count: number, bytes: Buffer): Promise<Socket[]> {
    const [, , third] = this.#host.split('.');
    const sources = Array.from({ length: count }, (_, i) => `127.90.${third}.${1 + (i % 50)}`);
    return Promise.all(sources.map((from) => this.open(from, bytes)));
  }
}

const totalDrops = ({ drops }: Report): number => Object.values(drops).reduce((a, b) => a + b, 0);

test('compressed bombs from many sources stay below 512 MB, and other streams are served', async (t) => {
  const target = await Target.start(t, '127.89.1.1');
  const bomb = compressContent(encodeUserMessage(Buffer.alloc(19 * MiB)));
  assert.ok(bomb.length < 64 * 1024);
  const sockets = await target.flood(100, bomb);
  assert.ok((await target.answerTo(ping, '127.90.1.99')).length > 0);
  const report = await target.until(
    'all streams have ended',
    ({ openStreams }) => openStreams === 0,
  );
  assert.ok((report.drops['too-many-bytes'] ?? 0) > 0, JSON.stringify(report.drops));
  t.diagnostic(
    `${Math.round(report.peakRss / 1e6)} MB, longest turn ${Math.round(report.longestTurn)} ms`,
  );
  assert.ok(report.peakRss < 512e6, `${report.peakRss}`);
  for (const socket of sockets) socket.destroy();
});

test('unread answers with a large table stay below 512 MB', async (t) => {
  const target = await Target.start(t, '127.89.2.1');
  const records = Array.from({ length: limits.maxMembers - 1 }, (_, i) => ({
    name: `member-${Math.imul(i, 2654435761) >>> 0}`,
    addr: Buffer.of(10, i >> 16, i >> 8, i),
    port: 7946,
    meta: null,
    incarnation: 1,
    state: 0,
    vsn,
  }));
  const userState = Buffer.alloc(0);
  await target.answerTo(encodePushPull({ join: false, records, userState }), '127.90.2.99');
  await target.until('the table is full', ({ members }) => members > records.length);
  const question = encodePushPull({ join: false, records: [], userState });
  const sockets = await target.flood(300, question);
  const report = await target.until(
    'all streams have ended',
    ({ openStreams }) => openStreams === 0,
  );
  assert.ok(totalDrops(report) > 0);
  t.diagnostic(
    `${Math.round(report.peakRss / 1e6)} MB, longest turn ${Math.round(report.longestTurn)} ms`,
  );
  assert.ok(report.peakRss < 512e6, `${report.peakRss}`);
  for (const socket of sockets) socket.destroy();
});

test('slow streams end with their deadline and use little memory', async (t) => {
  const target = await Target.start(t, '127.89.3.1');
  const part = encodeUserMessage(Buffer.alloc(MiB)).subarray(0, 1_000);
  const sockets = await target.flood(1_000, part);
  await target.until('all streams are open', ({ openStreams }) => openStreams === 1_000);
  const trickle = setInterval(() => {
    for (const socket of sockets) socket.write(Buffer.alloc(1));
  }, 1_000);
  const report = await target.until(
    'all streams have timed out',
    ({ openStreams }) => openStreams === 0,
  );
  clearInterval(trickle);
  assert.equal(report.drops['timed-out'], 1_000);
  t.diagnostic(
    `${Math.round(report.peakRss / 1e6)} MB, longest turn ${Math.round(report.longestTurn)} ms`,
  );
  assert.ok(report.peakRss < 256e6, `${report.peakRss}`);
  for (const socket of sockets) socket.destroy();
});

test('with 64 descriptors, 200 streams leave room for others, and later streams are served', async (t) => {
  const target = await Target.start(t, '127.89.4.1', 64);
  const sockets = await target.flood(200, Buffer.alloc(0));
  const report = await target.until(
    'the rest are refused',
    ({ drops }) => (drops['too-many-streams'] ?? 0) >= 184,
  );
  assert.equal(report.openStreams, 16);
  assert.deepEqual(report.warnings, []);
  for (const socket of sockets) socket.destroy();
  await target.until('all streams are closed', ({ openStreams }) => openStreams === 0);
  assert.ok((await target.answerTo(ping, '127.90.4.99')).length > 0);
});

test('a process without free descriptors warns once, and accepts streams again when some are free', async (t) => {
  const target = await Target.start(t, '127.89.5.1', 64);
  await target.ask('use-up-descriptors');
  const sockets = await target.flood(20, Buffer.alloc(0));
  const short = await target.until(
    'streams are closed',
    ({ drops }) => (drops['too-many-streams'] ?? 0) > 0,
  );
  assert.equal(short.warnings.length, 1, short.warnings.join('\n'));
  assert.match(short.warnings[0] as string, /file descriptors/);
  for (const socket of sockets) socket.destroy();
  await target.ask('give-descriptors-back');
  await target.until('all streams are closed', ({ openStreams }) => openStreams === 0);
  assert.ok((await target.answerTo(ping, '127.90.5.99')).length > 0);
});

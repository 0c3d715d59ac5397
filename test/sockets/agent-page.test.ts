/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The agent's page and those who mean it no good. The process of the page must go on as a member.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, mock, suite, test } from 'node:test';
import { Registry } from 'prom-client';
import { pageLimits } from '../../src/cli/page/limits.js';
import { Page } from '../../src/cli/page/server.js';
import { localConfig, Memberlist } from '../../src/index.js';
import { MemoryNetwork, VirtualClock } from '../../src/testing/index.js';

const host = '127.7.8.1';
const EVIL = 'evil\u001b[31m\u009b2J\u202egnp.exe\r\n\u2028';
const HARMFUL = /[^\P{C}\n]|[\u2028\u2029]/u;

suite('the page of an agent', () => {
  const clock = new VirtualClock();
  const registry = new Registry();
  const sockets = new Set<Socket>();
  let network: MemoryNetwork;
  let list: Memberlist;
  let page: Page;
  let port: number;
  let asked = 0;

  before(async () => {
    network = new MemoryNetwork();
    list = await Memberlist.create({
      ...localConfig(),
      name: 'a',
      transport: network.transport('a'),
      metrics: { registry },
    });
    page = new Page({ registry, clock }, { host, port: 0 });
    const members = list.members.bind(list);
    list.members = () => {
      asked++;
      return members();
    };
    await page.open(list);
    port = Number(new URL(page.url).port);
  });
  after(async () => {
    for (const socket of sockets) socket.destroy();
    await page.close();
    await list.shutdown();
  });

  async function open(text: string): Promise<Socket> {
    const socket = connect({ port, host });
    sockets.add(socket);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.write(text);
    return socket;
  }
  /** All that comes until the connection ends. */
  async function ask(text: string): Promise<string> {
    const socket = await open(text);
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString();
  }
  const get = (path: string, more = ''): string =>
    `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;
  const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d+) /.exec(answer)?.[1]);

  test('of 1,400 requests in one write one is answered', async () => {
    const before = asked;
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => ask(get('/members.json').repeat(1_400))),
    );
    for (const answer of answers) assert.equal(answer.split('HTTP/1.1 ').length - 1, 1);
    assert.ok(asked - before <= 3, `members were asked for ${asked - before} times`);
  });

  test('a head that comes byte by byte is answered, and the rest of a body is not waited for', async () => {
    const socket = await open('');
    const came = once(socket, 'data');
    for (const char of get('/healthz')) socket.write(char);
    assert.equal(statusOf(String((await came)[0])), 200);
    assert.equal(
      statusOf(await ask('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n')),
      405,
    );
    assert.equal(statusOf(await ask('GARBAGE\r\n\r\n')), 400);
    assert.equal(statusOf(await ask(get('/', `X: ${'x'.repeat(10_000)}\r\n`))), 431);
    assert.equal(statusOf(await ask(get('/nothing'))), 404);
  });

  test('idle connections without end keep nobody out, and are few', async () => {
    const idle = await Promise.all(Array.from({ length: 200 }, () => open('GET / HTTP/1.1\r\n')));
    assert.equal(statusOf(await ask(get('/healthz'))), 200);
    for (const socket of idle) socket.resume();
    const isOpen = ({ destroyed }: Socket): boolean => !destroyed;
    while (idle.filter(isOpen).length > pageLimits.connections) {
      await Promise.race(idle.filter(isOpen).map((socket) => closed(socket)));
    }
    for (const socket of idle) socket.destroy();
  });

  test('a head that does not end, and an answer that is not taken, have a deadline', async () => {
    const slow = await open('GET / HTTP/1.1\r\n');
    await ask(get('/healthz'));
    slow.resume();
    clock.advance(pageLimits.headMs);
    await closed(slow);

    const unread = await open(get('/'));
    await once(unread, 'readable');
    clock.advance(pageLimits.responseMs);
    unread.resume();
    await closed(unread);
  });

  test('who sends without end after the request is cut off', async () => {
    const socket = await open(get('/events'));
    socket.resume();
    await once(socket, 'data');
    const isClosed = closed(socket);
    socket.write(Buffer.alloc(2 * pageLimits.surplusBytes));
    await isClosed;
  });

  test('so many may watch, and no more; when one goes another may come', async () => {
    const viewers: Socket[] = [];
    for (let i = 0; i < pageLimits.viewers; i++) {
      const viewer = await open(get('/events'));
      assert.match(String((await once(viewer, 'data'))[0]), /200 OK/);
      viewer.resume();
      viewers.push(viewer);
    }
    assert.equal(statusOf(await ask(get('/events'))), 503);
    assert.equal(statusOf(await ask(get('/healthz'))), 200);
    viewers[0]?.destroy();
    let status = 503;
    while (status === 503) {
      const viewer = await open(get('/events'));
      status = statusOf(String((await once(viewer, 'data'))[0]));
      if (status === 503) viewer.destroy();
      viewers.push(viewer);
    }
    clock.advance(10 * pageLimits.responseMs);
    const [last] = viewers.slice(-1);
    assert.equal(last?.destroyed, false, 'a viewer has no deadline');
    for (const viewer of viewers) viewer.destroy();
  });

  test('what a peer is called reaches nobody raw, and /members.json has it exactly', async () => {
    const evil = await Memberlist.create({
      ...localConfig(),
      name: EVIL,
      transport: network.transport('evil'),
      delegate: { nodeMeta: () => Buffer.from(EVIL) },
    });
    const viewer = await open(get('/events'));
    let seen = '';
    viewer.on('data', (chunk: Buffer) => (seen += chunk.toString()));
    await evil.join([list.localNode.address]);
    while (!/event: events[^]*evil/.test(seen)) await once(viewer, 'data');
    const json = await ask(get('/members.json'));
    const metrics = await ask(get('/metrics'));
    for (const text of [seen, json, metrics])
      assert.doesNotMatch(text.replaceAll('\r\n', '\n'), HARMFUL);
    const body = JSON.parse(json.slice(json.indexOf('\r\n\r\n'))) as { name: string }[];
    assert.ok(
      body.some(({ name }) => name === EVIL),
      'and it is there as soon as the event is',
    );
    viewer.destroy();
    await evil.shutdown();
  });

  test('a viewer gets a heartbeat each second, and the table only when it changed', async () => {
    const viewer = await open(get('/events'));
    let seen = '';
    viewer.on('data', (chunk: Buffer) => (seen += chunk.toString()));
    const count = (event: string): number => seen.split(`event: ${event}\n`).length - 1;
    const until = async (event: string, n: number): Promise<void> => {
      const signal = AbortSignal.timeout(30_000);
      while (count(event) < n) await once(viewer, 'data', { signal });
    };
    await until('status', 1);
    for (let beats = 2; beats <= 6; beats++) {
      clock.advance(pageLimits.heartbeatMs);
      await until('status', beats);
    }
    assert.equal(count('members'), 1, 'nothing changed');
    const late = await Memberlist.create({
      ...localConfig(),
      name: 'late',
      transport: network.transport('late'),
    });
    await late.join([list.localNode.address]);
    await until('events', 1);
    clock.advance(pageLimits.heartbeatMs);
    await until('members', 2);
    const [message = ''] = seen.split('event: members\ndata: ').slice(2);
    assert.match(message, /"name":"late","address":"[^"]+","state":"alive"/);
    viewer.destroy();
    await late.shutdown();
  });

  test('JSON of members is made once, however often it is asked for, until they change', async () => {
    const calls = mock.method(Buffer, 'concat');
    const ask1 = await ask(get('/members.json'));
    const made = (): number =>
      calls.mock.calls.filter(({ arguments: [pieces] }) => String(pieces[0]) === '[').length;
    const before = made();
    for (let i = 0; i < 5; i++) {
      clock.advance(2_000);
      assert.equal(bodyOf(await ask(get('/members.json'))), bodyOf(ask1));
    }
    assert.equal(made(), before);
    calls.mock.restore();
  });

  test('a name that leads here by somebody else is not served', async () => {
    const status = async (name: string): Promise<number> =>
      statusOf(await ask(`GET /healthz HTTP/1.1\r\nHost: ${name}\r\n\r\n`));
    assert.equal(await status(`evil.example:${port}`), 421);
    assert.equal(await status(`${host}:${port}`), 200);
  });
});

const bodyOf = (answer: string): string => answer.slice(answer.indexOf('\r\n\r\n'));

/** A connection that is cut off may end with a reset. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => void socket.once('close', () => resolve()));
}

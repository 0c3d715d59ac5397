/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The bounds of one connection to the agent's page: its deadlines, what it may send, and what waits for it. A socket
// test cannot see most of them, because the buffers of the system hide how much a client has taken.
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import { nextTurn } from '../../../src/cli/page/cached.js';
import { pageLimits } from '../../../src/cli/page/limits.js';
import { Viewers } from '../../../src/cli/page/viewers.js';
import { OneRequest } from '../../../src/cli/page/one-request.js';
import { Watch } from '../../../src/cli/page/watch.js';
import { VirtualClock } from '../../../src/testing/index.js';
import { FakeList } from '../../page/fake-cluster.js';

const HEAD = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';

/** The server's end of a connection. What it is sent is put in by `send`; nothing that it writes is ever taken. */
class UnreadSocket extends Duplex {
  written = '';

  override _read(): void {
    // The test pushes.
  }

  override _write(chunk: Buffer): void {
    this.written += chunk.toString();
  }

  async send(bytes: Buffer | string): Promise<void> {
    this.push(bytes);
    await nextTurn();
  }
}

interface Connected {
  readonly clock: VirtualClock;
  readonly socket: UnreadSocket;
  readonly connection: OneRequest;
}

function connected(): Connected {
  const clock = new VirtualClock();
  const socket = new UnreadSocket();
  const components = { socket: socket as unknown as Socket, clock };
  const connection = new OneRequest(components, { source: '127.0.0.1' });
  return { clock, socket, connection };
}

/** Whether both ends of the server's side are gone; a function, so that the compiler expects a change. */
function isOver({ connection, socket }: Omit<Connected, 'clock'>): boolean {
  return connection.destroyed && socket.destroyed;
}

test('a connection ends when the head of its request is not there in time', async () => {
  const { clock, socket, connection } = connected();
  await socket.send(HEAD.slice(0, -1));
  clock.advance(pageLimits.headMs - 1);
  assert.equal(connection.destroyed, false);
  clock.advance(1);
  assert.ok(isOver({ socket, connection }));
});

test('a connection ends when its answer is not taken in time', async () => {
  const { clock, socket, connection } = connected();
  clock.advance(pageLimits.headMs - 1);
  await socket.send(HEAD);
  assert.equal(String(connection.read()), HEAD);
  connection.end('the answer');
  clock.advance(pageLimits.responseMs - 1);
  assert.equal(connection.destroyed, false, 'the deadline of the head is over');
  clock.advance(1);
  assert.ok(isOver({ socket, connection }));
});

test('an answer without an end has no deadline', async () => {
  const { clock, socket, connection } = connected();
  await socket.send(HEAD);
  connection.endless();
  clock.advance(10 * pageLimits.responseMs);
  assert.equal(connection.destroyed, false);
});

test('a connection ends when it has sent too much after the head, in however many pieces', async () => {
  const { socket, connection } = connected();
  connection.endless();
  const pieces = 4;
  const piece = Buffer.alloc(pageLimits.surplusBytes / pieces);
  await socket.send(HEAD);
  for (let i = 0; i < pieces; i++) await socket.send(piece);
  assert.equal(connection.destroyed, false, 'so much is allowed');
  await socket.send('x');
  assert.ok(isOver({ socket, connection }));
});

test('what comes in one piece with the head counts, and none of it is passed on', async () => {
  const { socket, connection } = connected();
  connection.endless();
  await socket.send(Buffer.concat([Buffer.from(HEAD), Buffer.alloc(pageLimits.surplusBytes)]));
  assert.equal(connection.destroyed, false, 'so much is allowed');
  assert.equal(String(connection.read()), HEAD);
  await socket.send('x');
  assert.equal(connection.read(), null);
  assert.ok(isOver({ socket, connection }));
});

test('a head that is too long is answered with an error, and nothing more is read', async () => {
  const { socket, connection } = connected();
  await socket.send('x'.repeat(pageLimits.headBytes));
  assert.equal(socket.written, '', 'so much is allowed');
  await socket.send('x');
  assert.match(socket.written, /^HTTP\/1\.1 431 /);
  assert.equal(connection.read(), null);
  await socket.send('x');
  assert.ok(isOver({ socket, connection }));
});

test('a connection whose head is too long ends, although the error is not taken', async () => {
  const { clock, socket, connection } = connected();
  await socket.send('x'.repeat(pageLimits.headBytes + 1));
  assert.equal(connection.destroyed, false);
  clock.advance(pageLimits.headMs);
  assert.ok(isOver({ socket, connection }));
});

/** A viewer for which as many bytes wait as the test sets, or too many once it got the text `fullAfter`. */
class Viewer extends EventEmitter {
  destroyed = false;
  waiting = 0;
  fullAfter: string | undefined;
  text = '';

  get writableLength(): number {
    const isFull = this.fullAfter !== undefined && this.text.includes(this.fullAfter);
    return isFull ? pageLimits.viewerBytes + 1 : this.waiting;
  }

  write(bytes: Buffer | string): void {
    this.text += bytes.toString();
  }

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

async function watched(): Promise<{
  clock: VirtualClock;
  list: FakeList;
  slow: Viewer;
  quick: Viewer;
  came: (event: string) => Promise<void>;
}> {
  const clock = new VirtualClock();
  const list = new FakeList({ members: 3 });
  const live = new Viewers({ registry: new Registry(), clock, watch: new Watch() });
  live.start(list, () => undefined);
  const [slow, quick] = [new Viewer(), new Viewer()];
  for (const viewer of [slow, quick]) await live.add(viewer as unknown as ServerResponse);
  for (const viewer of [slow, quick]) viewer.text = '';
  const came = async (event: string): Promise<void> => {
    const endAt = performance.now() + 10_000;
    while (!quick.text.includes(`event: ${event}\n`)) {
      assert.ok(performance.now() < endAt, `no ${event} came`);
      await nextTurn();
    }
  };
  return { clock, list, slow, quick, came };
}

test('a viewer that has not read too much yet gets the heartbeat', async () => {
  const { clock, slow, came } = await watched();
  slow.waiting = pageLimits.viewerBytes;
  clock.advance(pageLimits.heartbeatMs);
  await came('status');
  assert.equal(slow.destroyed, false);
  assert.match(slow.text, /event: status\n/);
});

test('a viewer for which too much waits is cut off at the next heartbeat, and others are not', async () => {
  const { clock, slow, quick, came } = await watched();
  slow.waiting = pageLimits.viewerBytes + 1;
  clock.advance(pageLimits.heartbeatMs);
  await came('status');
  assert.deepEqual([slow.destroyed, slow.text], [true, '']);
  assert.equal(quick.destroyed, false);
});

test('a viewer for which too much waits is cut off at the next event', async () => {
  const { list, slow, quick, came } = await watched();
  slow.waiting = pageLimits.viewerBytes + 1;
  list.flap([...list.nodes.keys()][1] ?? '');
  await came('events');
  assert.deepEqual([slow.destroyed, slow.text], [true, '']);
  assert.equal(quick.destroyed, false);
});

test('a viewer for which too much waits is cut off at the next table', async () => {
  const { clock, list, slow, quick, came } = await watched();
  list.change([...list.nodes.keys()][1] ?? '', 'suspect');
  await came('events');
  slow.fullAfter = 'event: status\n';
  clock.advance(pageLimits.heartbeatMs);
  await came('members');
  assert.equal(slow.destroyed, true);
  assert.doesNotMatch(slow.text, /event: members\n/);
  assert.equal(quick.destroyed, false);
});

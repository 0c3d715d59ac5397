/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The extensions of one node in a world that only takes notes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ConfigError,
  MessageTooLargeError,
  ProtocolError,
  ShutdownError,
} from '../../../src/index.js';
import { SeededRandom } from '../../../src/testing/index.js';
import { encodeEnvelope } from '../../../src/wire/extension-envelope.js';
import { encodeTrailer } from '../../../src/wire/extension-trailer.js';
import { rejection } from '../memberlist/cluster.js';
import { attached, text, World } from './world.js';

const bytes = (text: string): Buffer => Buffer.from(text);

const names = (nodes: readonly { name: string }[]): string[] =>
  nodes.map(({ name }) => name).sort();

test('members are alive or suspect, and peers are other alive members that announce the extension', () => {
  const world = attached();
  world.add('peer', 'one');
  world.add('other', 'two');
  world.add('plain');
  world.add('suspect', 'one', 'suspect');
  world.add('dead', 'one', 'dead');
  world.add('left', 'one', 'left');
  assert.deepEqual(names(world.one.peers()), ['peer']);
  assert.deepEqual(names(world.one.members()), ['me', 'other', 'peer', 'plain', 'suspect']);
  assert.equal(world.one.member('dead')?.state, 'dead');
  assert.equal(world.one.member('nobody'), undefined);
  assert.equal(world.one.self.name, 'me');
});

test('a message goes to members that are not gone and announce the extension, by name or as a node', async () => {
  const world = attached();
  const { one } = world;
  const peer = world.add('peer', 'one');
  world.add('suspect', 'one', 'suspect');
  await one.send('peer', bytes('a'));
  await one.send(peer.snapshot(), bytes('b'));
  await one.sendReliable('suspect', bytes('c'));
  assert.deepEqual(world.take(), [
    'packet to peer: one no sender a',
    'packet to peer: one no sender b',
    'stream to suspect: one me c',
  ]);
  const [extension] = world.host.all;
  const length = encodeEnvelope('one', bytes('a')).length;
  const streamLength = encodeEnvelope('one', bytes('c'), 'me').length;
  assert.equal(extension?.traffic.bytesOut, 2 * length + streamLength);
  world.add('other', 'two');
  world.add('dead', 'one', 'dead');
  world.add('left', 'one', 'left');
  for (const to of ['other', 'dead', 'left', 'nobody', undefined as unknown as string]) {
    await rejection(one.send(to, bytes('a')), ProtocolError);
    await rejection(one.sendReliable(to, bytes('a')), ProtocolError);
  }
  const noBytes = 'text' as unknown as Buffer;
  await rejection(one.send('peer', noBytes), ConfigError);
  await rejection(one.sendReliable('peer', noBytes), ConfigError);
  assert.throws(() => one.broadcast(noBytes), ConfigError);
  assert.deepEqual(world.take(), []);
});

test('packets and broadcasts have at most the budget; a broadcast fills a packet exactly', async () => {
  const world = attached();
  const { one } = world;
  const peer = world.add('peer', 'one');
  // One byte of type, two of the mark, the name with its length, and the length of the sender.
  assert.equal(one.packetBudget, 100 - 1 - 2 - 4 - 1);
  const longest = Buffer.alloc(one.packetBudget);
  const longer = Buffer.alloc(one.packetBudget + 1);
  await one.send('peer', longest);
  await rejection(one.send('peer', longer), MessageTooLargeError);
  one.broadcast(longest);
  assert.throws(() => one.broadcast(longer), MessageTooLargeError);
  assert.equal(world.host.broadcasts(peer, 1, 99).length, 0);
  assert.equal(world.host.broadcasts(peer, 1, 100).length, 1);
});

test('a broadcast wakes the gossip and is sent to peers; its callback is called once', () => {
  const world = attached();
  const { one, host } = { one: world.one, host: world.host };
  const peer = world.add('peer', 'one');
  const other = world.add('other', 'two');
  let finished = 0;
  one.broadcast(bytes('a'), { finished: () => finished++ });
  one.broadcast(bytes('b'));
  assert.deepEqual(world.take(), ['wake', 'wake']);
  assert.deepEqual([...host.gossip.targets()], [peer]);
  assert.deepEqual(host.broadcasts(other, 3, 100), []);
  assert.deepEqual(host.broadcasts(undefined, 3, 100), []);
  assert.equal(finished, 0);
  const sent = host.broadcasts(peer, 3, 100).map((message) => text(Buffer.from(message)));
  assert.deepEqual(sent.sort(), ['one no sender a', 'one no sender b']);
  assert.equal(finished, 1);
  assert.equal(host.gossip.hasBroadcasts, false);
  const [extension] = host.all;
  assert.equal(extension?.traffic.bytesOut, 2 * encodeEnvelope('one', bytes('a')).length);
});

test('a broadcast is sent in proportion to the peers, and a newer one replaces one of its name', () => {
  const world = attached();
  const { one, host } = { one: world.one, host: world.host };
  const peer = world.add('peer', 'one');
  for (let n = 0; n < 9; n++) world.add(`p${n}`, 'one');
  const finished: string[] = [];
  one.broadcast(bytes('old'), { name: 'state', finished: () => finished.push('old') });
  one.broadcast(bytes('new'), { name: 'state', finished: () => finished.push('new') });
  assert.deepEqual(finished, ['old']);
  // Eleven nodes with the extension: ceil(log10(12)) = 2 times.
  assert.equal(host.broadcasts(peer, 3, 100).length, 1);
  assert.deepEqual(finished, ['old']);
  assert.equal(host.broadcasts(peer, 3, 100).length, 1);
  assert.deepEqual(finished, ['old', 'new']);
});

test('a broadcast to no peers is not queued, and ends after the turn', () => {
  const world = attached();
  let finished = 0;
  world.one.broadcast(bytes('a'), { finished: () => finished++ });
  world.one.broadcast(bytes('b'));
  assert.deepEqual([finished, world.host.gossip.hasBroadcasts], [0, false]);
  world.clock.advance(0);
  assert.equal(finished, 1);
  const options = { finished: 'no function' } as unknown as { finished: () => void };
  assert.throws(() => world.one.broadcast(bytes('a'), options), ConfigError);
});

test('a message is given to its extension, with the sender that it names or the one of its address', () => {
  const got: string[] = [];
  const world = attached({
    one: {
      message: (payload, from) =>
        got.push(`one ${payload.toString()} ${from.name} ${from.address}`),
    },
    two: {
      message: (payload, from) =>
        got.push(`two ${payload.toString()} ${from.name} ${from.address}`),
    },
  });
  const { host } = world;
  const from = { addr: '10.0.0.1:1', name: 'a' };
  assert.equal(host.receive(bytes('plain'), from), false);
  assert.equal(host.receive(encodeEnvelope('two', bytes('x')), from), true);
  assert.equal(
    host.receive(encodeEnvelope('one', bytes('y'), 'named'), { addr: '10.0.0.2:2' }),
    true,
  );
  assert.equal(host.receive(encodeEnvelope('one', bytes('z')), { addr: '10.0.0.3:3' }), true);
  assert.deepEqual(got, [
    'two x a 10.0.0.1:1',
    'one y named 10.0.0.2:2',
    'one z undefined 10.0.0.3:3',
  ]);
  assert.equal(host.receive(encodeEnvelope('three', bytes('x')), from), true);
  assert.equal(host.receive(encodeEnvelope('three', bytes('x')), { addr: '10.0.0.3:3' }), true);
  assert.deepEqual(world.take(), ['dropped three of a', 'dropped three of 10.0.0.3:3']);
  assert.deepEqual(
    host.all.map(({ traffic }) => [traffic.messagesIn, traffic.errors]),
    [
      [2, 0],
      [1, 0],
    ],
  );
});

test('listeners get the events of members with their arguments, until they are removed', () => {
  const world = attached();
  const got: unknown[][] = [];
  const remove = world.one.on('join', (...args) => got.push(['join', ...args]));
  world.one.on('leave', (...args) => got.push(['leave', ...args]));
  world.one.on('leave', (...args) => got.push(['again', ...args]));
  const node = world.add('peer', 'one').snapshot();
  world.host.onMembershipEvent({ type: 'join', node });
  world.host.onMembershipEvent({ type: 'leave', node, reason: 'left' });
  world.host.onMembershipEvent({ type: 'health', score: 1 });
  world.host.onMembershipEvent({ type: 'conflict', existing: node, other: node });
  remove();
  world.host.onMembershipEvent({ type: 'join', node });
  assert.deepEqual(got, [
    ['join', node],
    ['leave', node, 'left'],
    ['again', node, 'left'],
  ]);
});

test('peers are found anew after an event, and are the same until then', () => {
  const world = attached();
  const peer = world.add('peer', 'one');
  assert.deepEqual(names(world.one.peers()), ['peer']);
  peer.setState('suspect', 1);
  world.host.onMembershipEvent({ type: 'health', score: 1 });
  assert.deepEqual(names(world.one.peers()), ['peer']);
  world.host.onMembershipEvent({ type: 'suspect', node: peer.snapshot() });
  assert.deepEqual(names(world.one.peers()), []);
});

test('exceptions and rejections are counted, and the next extension is called', async () => {
  const fail = (): never => {
    throw new Error('no');
  };
  const called: string[] = [];
  const world = attached({
    one: {
      joined: fail,
      message: fail,
      leaving: () => Promise.reject(new Error('no')),
      stopped: fail,
    },
    two: {
      joined: () => void called.push('joined'),
      leaving: () => void called.push('leaving'),
      stopped: () => void called.push('stopped'),
    },
  });
  world.one.on('join', fail);
  world.one.on('join', () => Promise.reject(new Error('no')) as unknown as undefined);
  world.one.clock.setTimer(1, fail);
  world.one.signal.addEventListener('abort', () => called.push('aborted'));
  const { host } = world;
  host.joined('self');
  host.receive(encodeEnvelope('one', bytes('x')), { addr: '10.0.0.1:1' });
  host.onMembershipEvent({ type: 'join', node: world.one.self });
  world.clock.advance(1);
  await host.leaving();
  host.stop();
  assert.deepEqual(called, ['joined', 'leaving', 'aborted', 'stopped']);
  assert.deepEqual(world.take().sort(), [
    "failed one, a listener of 'join'",
    "failed one, a listener of 'join'",
    'failed one, a timer',
    'failed one, joined',
    'failed one, leaving',
    'failed one, message',
    'failed one, stopped',
  ]);
  assert.equal(host.all[0]?.traffic.errors, 7);
});

test('nothing runs or is sent after the stop, which happens once', async () => {
  const called: string[] = [];
  const world = attached({
    one: {
      joined: () => void called.push('joined'),
      message: () => void called.push('message'),
      leaving: () => void called.push('leaving'),
      stopped: () => void called.push(`stopped ${world.one.signal.aborted}`),
    },
  });
  const { one, host } = { one: world.one, host: world.host };
  world.add('peer', 'one');
  one.broadcast(bytes('a'), { finished: () => called.push('finished') });
  one.on('join', () => called.push('join'));
  one.clock.setTimer(1, () => called.push('timer'));
  one.updateMeta();
  assert.deepEqual(world.take(), ['wake', 'updateMeta']);
  host.stop();
  host.stop();
  assert.deepEqual(called, ['stopped true']);
  assert.ok(one.signal.reason instanceof ShutdownError);
  assert.equal(host.gossip.hasBroadcasts, false);
  one.on('join', () => called.push('join'));
  host.joined('self');
  host.receive(encodeEnvelope('one', bytes('x')), { addr: '10.0.0.1:1' });
  host.onMembershipEvent({ type: 'join', node: one.self });
  await host.leaving();
  one.updateMeta();
  await rejection(one.send('peer', bytes('a')), ShutdownError);
  await rejection(one.sendReliable('peer', bytes('a')), ShutdownError);
  assert.throws(() => one.broadcast(bytes('a')), ShutdownError);
  world.clock.advance(10);
  assert.deepEqual(called, ['stopped true']);
  assert.deepEqual(world.take(), []);
});

test('the node waits for the leave of all extensions, and none without extensions', async () => {
  const signals: AbortSignal[] = [];
  let release: () => void = () => undefined;
  const world = attached({
    one: {
      leaving: (signal) => {
        signals.push(signal);
        return new Promise((resolve) => (release = resolve));
      },
    },
    two: {},
  });
  let isReady = false;
  const leaving = world.host.leaving()?.then(() => (isReady = true));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([isReady, signals[0]?.aborted], [false, false]);
  const reason = new Error('too long');
  world.host.leavingEnds(reason);
  assert.equal(signals[0]?.reason, reason);
  world.host.leavingEnds(new Error('again'));
  release();
  await leaving;
  assert.equal(new World({}).host.leaving(), undefined);
});

test('log lines have the name of the extension, and its level', () => {
  const world = attached();
  const { log } = world.one;
  log.debug('a');
  log.info('b', { extension: 'forged', depth: 1 });
  log.warn('c');
  log.error('d');
  assert.deepEqual(world.take(), [
    'debug a {"extension":"one"}',
    'info b {"extension":"one","depth":1}',
    'warn c {"extension":"one"}',
    'error d {"extension":"one"}',
  ]);
});

test('an extension has its version, its metrics and its source of randomness', () => {
  const world = attached();
  const { random, metrics } = world.one;
  assert.equal(random.next(), new SeededRandom(1).next());
  metrics.gauge('depth', 'How deep', () => 7);
  const published: string[] = [];
  world.host.all[0]?.meters.publishTo(({ name }) => published.push(name));
  assert.deepEqual(published, ['one_depth']);
  const trailers = [
    ['one', 0],
    ['two', 0],
  ] as const;
  assert.deepEqual(world.host.trailer, encodeTrailer(trailers));
});

test('one extension may have the delegate, if the configuration has none', () => {
  const delegate = {};
  const { host } = new World({ one: {}, two: { delegate } });
  assert.equal(host.delegate, undefined);
  host.attach();
  assert.equal(host.delegate, delegate);
  const rule = /the extension 'two' has a delegate, and another extension has one/;
  const both = new World({ one: { delegate }, two: { delegate } });
  assert.throws(() => both.host.attach(), rule);
  // All are stopped then.
  assert.ok(both.one.signal.aborted);
  const own = new World({ one: { delegate } }, true);
  assert.throws(() => own.host.attach(), /the configuration has one/);
});

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The engine as a whole: what starts and stops, standalone pings, settling, and nothing left behind.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PingResult } from '../../../src/core/probe/pinger.js';
import { LocalNode } from '../../../src/core/local-node.js';
import { VirtualClock } from '../../../src/testing/index.js';
import { MessageType } from '../../../src/wire/message-type.js';
import type { Ping } from '../../../src/wire/messages.js';
import { alive, dead, ip, makeEngine, ME, record, suspect, type Harness } from './harness.js';
import { ack, nack, nextPing } from './probe/probing.js';
import { StallableClock } from './stallable-clock.js';
import { runToCompletion } from '../../../src/wire/sliced.js';

const there = { node: 'x', addr: '10.0.0.9:1' };

function standalonePing(harness: Harness): { seqNo: number; results: PingResult[]; ping: Ping } {
  const results: PingResult[] = [];
  harness.engine.ping(there, (result) => results.push(result));
  const [ping] = harness.sent.at(-1)!.messages;
  assert.ok(ping?.type === MessageType.ping);
  return { seqNo: ping.seqNo, results, ping };
}

test('at its start a node knows only itself, alive, and announces itself by gossip only', () => {
  const harness = makeEngine({ meta: Buffer.from('meta') });
  const { engine } = harness;
  assert.equal(engine.table.size, 1);
  const { name, state, incarnation } = engine.local;
  assert.deepEqual([name, state, incarnation], [ME, 'alive', 1]);
  assert.equal(engine.local.snapshot().meta.toString(), 'meta');
  assert.equal(engine.hasPeers, false);
  assert.deepEqual([harness.sent, harness.events], [[], []]);
});

test('each scheduler can be switched off by an interval of 0', () => {
  const settings = {
    probeInterval: 0,
    gossipInterval: 0,
    pushPullInterval: 0,
    queueCheckInterval: 0,
  };
  const clock = new VirtualClock();
  const harness = makeEngine({ clock, schedulers: true, settings });
  harness.addMember('a');
  harness.receive(alive('b', { addr: ip('10.0.0.3') }));
  assert.equal(clock.pending, 0);
  harness.run(100_000);
  assert.deepEqual([harness.sent, harness.pushPulls, harness.reports.length], [[], [], 1]);
});

test('repeated starts run one scheduler of each kind; after a stop none is left', () => {
  const clock = new VirtualClock();
  const { engine } = makeEngine({ clock, schedulers: true });
  assert.equal(clock.pending, 4);
  engine.startSchedulers();
  engine.startSchedulers();
  assert.equal(clock.pending, 4);
  engine.stopSchedulers();
  engine.stopSchedulers();
  assert.equal(clock.pending, 0);
  engine.startSchedulers();
  assert.equal(clock.pending, 4);
});

test('the schedulers start at different random moments within their intervals', () => {
  const phases = Array.from({ length: 40 }, (_, seed) => {
    const intervals = { probeInterval: 1000, gossipInterval: 0, pushPullInterval: 0 };
    const settings = { ...intervals, queueCheckInterval: 0 };
    const clock = new VirtualClock();
    makeEngine({ clock, seed, schedulers: true, settings });
    return clock.nextAt!;
  });
  assert.ok(phases.every((at) => at < 1000));
  assert.ok(new Set(phases.map((at) => Math.floor(at / 100))).size >= 8);
});

test('after a stop an engine leaves no timer, no waiter and no suspicion, and all broadcasts are finished', () => {
  const clock = new VirtualClock();
  const harness = makeEngine({ clock, schedulers: true });
  harness.addMember('a');
  harness.addMember('s', { state: 'suspect' });
  nextPing(harness);
  harness.engine.settle();
  let finished = 0;
  harness.engine.announce(null, () => finished++);
  standalonePing(harness);
  assert.ok(harness.engine.acks.size > 0 && harness.engine.suspicionsRunning > 0);
  harness.engine.stop();
  assert.deepEqual(
    [harness.engine.acks.size, harness.engine.suspicionsRunning, clock.pending],
    [0, 0, 0],
  );
  assert.deepEqual([harness.engine.queue.numQueued, finished], [0, 1]);
});

test('an engine stopped during the wait for late packets raises no suspicion', () => {
  const clock = new StallableClock({ now: 10_000 });
  const harness = makeEngine({ clock, schedulers: true });
  harness.addMember('a');
  harness.addMember('s', { state: 'suspect' });
  nextPing(harness);
  harness.forget();
  const { results } = standalonePing(harness);
  clock.stall(1_000_000, () => harness.engine.stop());
  harness.run(1_000_000);
  assert.deepEqual([results, harness.events], [[], []]);
  assert.equal(harness.member('s').state, 'suspect');
  assert.equal(harness.member('a').state, 'alive');
});

test('a settling node that is stopped makes no more exchanges', () => {
  const harness = makeEngine();
  harness.addMember('a');
  harness.engine.settle();
  harness.engine.stopSchedulers();
  harness.run(100_000);
  assert.deepEqual(harness.pushPulls, []);
  harness.engine.stop();
  harness.engine.settle();
  harness.run(100_000);
  assert.deepEqual(harness.pushPulls, []);
});

test('after a join the additional exchanges go to alive other members and end at the regular interval', () => {
  const settings = { pushPullInterval: 5000 };
  const harness = makeEngine({ settings });
  harness.addMember('a');
  harness.addMember('d', { state: 'dead' });
  harness.addMember('s', { state: 'suspect' });
  harness.engine.settle();
  harness.run(100_000);
  assert.deepEqual(
    harness.pushPulls.map(({ name }) => name),
    ['a', 'a', 'a'],
  );
});

test('in a large cluster settling continues until the longer interval', () => {
  const exchanges = (others: number): number => {
    const harness = makeEngine({ settings: { pushPullInterval: 2000 } });
    for (let n = 0; n < others; n++) harness.addMember(`m${n}`);
    harness.engine.settle();
    harness.run(100_000);
    return harness.pushPulls.length;
  };
  assert.deepEqual([exchanges(31), exchanges(32), exchanges(64)], [1, 2, 3]);
});

test('a standalone ping contains its target’s name and our address, port and name', () => {
  const harness = makeEngine();
  const { ping } = standalonePing(harness);
  const { node, sourceAddr, sourcePort, sourceNode } = ping;
  assert.deepEqual([node, sourcePort, sourceNode], ['x', 7946, ME]);
  assert.deepEqual(sourceAddr, ip('10.0.0.1'));
  assert.deepEqual(harness.sent[0]?.to, { addr: '10.0.0.9:1', name: 'x' });
});

test('a standalone ping reports its round trip by the time of arrival, and only once', () => {
  const harness = makeEngine();
  const { seqNo, results } = standalonePing(harness);
  const arrivedAt = harness.clock.now() + 7;
  harness.run(30);
  harness.engine.receivePacket(harness.packet(ack(seqNo)), { addr: '10.0.0.9:1' }, arrivedAt);
  harness.receive(ack(seqNo));
  harness.run(10_000);
  assert.deepEqual(results, [{ roundTripMs: 7 }]);
  assert.equal(harness.engine.acks.size, 0);
});

test('a nack does not answer a standalone ping', () => {
  const harness = makeEngine();
  const { seqNo, results } = standalonePing(harness);
  harness.receive(nack(seqNo));
  harness.run(499);
  assert.deepEqual(results, []);
  harness.run(1);
  assert.deepEqual(results, [{ failure: undefined }]);
});

test('a standalone ping that could not be sent fails at once, with the reason, and only once', () => {
  const harness = makeEngine();
  const { results } = standalonePing(harness);
  const failure = { fault: 'refused', error: new Error('refused') } as const;
  harness.sent[0]!.fail(failure);
  harness.sent[0]!.fail(failure);
  harness.run(10_000);
  assert.deepEqual(results, [{ failure }]);
  assert.equal(harness.engine.acks.size, 0);
});

test('a standalone ping succeeds if its answer is in the socket after a stall', () => {
  const clock = new StallableClock({ now: 10_000 });
  const harness = makeEngine({ clock });
  const { seqNo, results } = standalonePing(harness);
  const arrivedAt = clock.now() + 900;
  clock.stall(900, () => {
    harness.engine.receivePacket(harness.packet(ack(seqNo)), { addr: '10.0.0.9:1' }, arrivedAt);
  });
  assert.deepEqual(results, [{ roundTripMs: 900 }]);
});

test('sequence numbers continue with 0 after 2³² − 1', () => {
  const random = { next: () => 1 - 2 ** -32 };
  const identity = { addr: ip('10.0.0.1'), port: 7946, vsn: Buffer.alloc(6) };
  const self = new LocalNode({ name: ME, identity, random });
  assert.deepEqual([self.nextSequence(), self.nextSequence()], [0, 1]);
});

test('a merge ends when a user callback stops the engine', () => {
  const harness: Harness = makeEngine({ effects: { notify: () => harness.engine.stop() } });
  runToCompletion(
    harness.engine.merger.merge([record('a'), record('b', { addr: ip('10.0.0.3') })]),
  );
  assert.equal(harness.engine.table.get('b'), undefined);
  assert.equal(harness.engine.table.size, 2);
});

test('a leave is gossiped, and only members that are not gone count as peers', () => {
  const harness = makeEngine();
  harness.addMember('a');
  harness.addMember('s', { state: 'suspect' });
  assert.equal(harness.engine.hasPeers, true);
  harness.receive(dead('a'));
  assert.equal(harness.engine.hasPeers, true);
  harness.receive(dead('s'));
  assert.equal(harness.engine.hasPeers, false);
  harness.forget();
  let finished = 0;
  harness.engine.leave(() => finished++);
  assert.deepEqual(harness.takeBroadcasts(), [dead(ME, { from: ME })]);
  assert.equal(finished, 1);
});

test('a user packet has room for exactly its budget', () => {
  const harness = makeEngine();
  const { userMessageBudget } = harness.engine;
  const to = { addr: '10.0.0.9:1' };
  const packet = harness.engine.userPacket(to, Buffer.alloc(userMessageBudget));
  assert.ok(packet !== undefined && packet.length <= 1400);
  assert.equal(packet[0], MessageType.user);
  assert.equal(harness.engine.userPacket(to, Buffer.alloc(userMessageBudget + 1)), undefined);
});

test('receivers of a user packet share an encoding if they take the same layers', () => {
  const harness = makeEngine();
  for (const name of ['a', 'b']) harness.addMember(name);
  // The last receiver is no member: it may not know checksums.
  const to = [{ addr: '1', name: 'a' }, { addr: '2', name: 'b' }, { addr: '3' }];
  const packets = harness.engine.userPackets(to, Buffer.from('hi')) ?? assert.fail();
  assert.equal(packets.length, 3);
  assert.equal(packets[0], packets[1]);
  assert.equal(packets[0]?.[0], MessageType.hasCrc);
  assert.equal(packets[2]?.[0], MessageType.user);
  const { userMessageBudget } = harness.engine;
  assert.equal(harness.engine.userPackets(to, Buffer.alloc(userMessageBudget + 1)), undefined);
});

test('a broadcast that does not fit into a packet is reported instead of queued', () => {
  const harness = makeEngine({ settings: { udpBufferSize: 600 } });
  let finished = 0;
  harness.engine.announce(Buffer.alloc(512), () => finished++);
  assert.equal(harness.engine.queue.numQueued, 1);
  const long = 'n'.repeat(250);
  harness.receive(alive(long, { meta: Buffer.alloc(350) }));
  assert.equal(harness.reported('broadcast-too-large')[0]?.peer, long);
  assert.equal(harness.engine.queue.numQueued, 1);
  harness.receive(suspect(long));
  assert.equal(harness.engine.queue.numQueued, 2);
  assert.equal(finished, 0);
});

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Behaviour, section 3: one probe round, and what a stall of our own does to it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageType } from '../../../../src/wire/message-type.js';
import type { Message } from '../../../../src/wire/messages.js';
import { alive, ip, ME, PORT, SOMEWHERE, type Harness, type SentPacket } from '../harness.js';
import { StallableClock } from '../stallable-clock.js';
import { ack, indirectPings, makeProber, nack, nextPing } from './probing.js';

const REFUSED = { fault: 'refused', error: new Error('refused') } as const;
const CLOSED = { fault: 'socket', error: new Error('closed') } as const;
const FULL = { fault: 'resources', error: new Error('no buffer space') } as const;

/** `target` is a member and has just been pinged; so many others may help. */
function pinged(harness = makeProber(), helpers = 0): Pinged {
  harness.addMember('target', { incarnation: 7 });
  const { ping, packet } = nextPing(harness);
  for (let n = 1; n <= helpers; n++) harness.addMember(`helper-${n}`);
  return { harness, seqNo: ping.seqNo, packet };
}

interface Pinged {
  readonly harness: Harness;
  readonly seqNo: number;
  readonly packet: SentPacket;
}

test('a ping contains its target’s name and our address, port and name', () => {
  const harness = makeProber();
  harness.addMember('target');
  const { ping, packet } = nextPing(harness);
  assert.equal(ping.node, 'target');
  assert.deepEqual(ping.sourceAddr, ip('10.0.0.1'));
  assert.equal(ping.sourcePort, PORT);
  assert.equal(ping.sourceNode, ME);
  assert.equal(packet.to.addr, harness.member('target').address);
});

test('an ack within the timeout is a success: health improves, and the ping delegate is called', () => {
  const { harness, seqNo } = pinged();
  harness.engine.health.add(2);
  const since = harness.clock.now();
  harness.run(20);
  harness.receive(ack(seqNo, Buffer.from('load')));
  assert.equal(harness.engine.health.score, 1);
  assert.equal(harness.engine.acks.size, 0);
  const completed = harness.pingsCompleted.at(0);
  assert.ok(completed !== undefined);
  assert.equal(completed.node.name, 'target');
  assert.equal(completed.payload.toString(), 'load');
  assert.ok(Math.abs(completed.roundTripMs - (harness.clock.now() - since)) <= 1);
  assert.deepEqual([...harness.counters.probes], [['direct', 1]]);
  assert.equal(indirectPings(harness).length, 0);
});

test('the ping to a target that is not alive includes the suspicion (buddy system)', () => {
  const harness = makeProber();
  harness.addMember('target', { incarnation: 7, state: 'suspect' });
  const { packet } = nextPing(harness);
  assert.deepEqual(packet.messages[1], {
    type: MessageType.suspect,
    node: 'target',
    incarnation: 7,
    from: ME,
  });
});

test('the ping to an alive target includes no suspicion', () => {
  const harness = makeProber();
  harness.addMember('target');
  assert.equal(nextPing(harness).packet.messages.length, 1);
});

test('without an ack in time, the configured number of other members is asked, never us or the target', () => {
  const { harness, seqNo } = pinged(makeProber(), 5);
  harness.addMember('gone', { state: 'dead' });
  harness.addMember('doubted', { state: 'suspect' });
  harness.run(498);
  assert.deepEqual(indirectPings(harness), []);
  harness.run(3);
  const asked = indirectPings(harness);
  assert.equal(asked.length, 3);
  assert.equal(new Set(asked.map(({ to }) => to)).size, 3);
  for (const { to, ping } of asked) {
    assert.match(to, /^helper-/);
    const { node, seqNo: asked, port, nack: wantsNack } = ping;
    assert.deepEqual([node, asked, port, wantsNack], ['target', seqNo, PORT, true]);
    assert.deepEqual(ping.target, harness.member('target').addr);
    assert.equal(ping.sourceNode, ME);
  }
});

test('only alive members are asked for help', () => {
  const { harness } = pinged(makeProber({ settings: { indirectChecks: 20 } }), 2);
  for (const state of ['suspect', 'dead', 'left'] as const) harness.addMember(state, { state });
  harness.run(501);
  const asked = indirectPings(harness).map(({ to }) => to);
  assert.deepEqual(asked.sort(), ['helper-1', 'helper-2']);
});

test('a nack is requested only from helpers that know it (protocol 4)', () => {
  const { harness } = pinged();
  harness.addMember('three', { vsn: Buffer.of(1, 3, 2, 0, 0, 0) });
  harness.addMember('four', { vsn: Buffer.of(1, 4, 2, 0, 0, 0) });
  harness.run(501);
  const asked = indirectPings(harness).map(({ to, ping }) => [to, ping.nack] as const);
  assert.deepEqual(
    new Map(asked),
    new Map([
      ['three', false],
      ['four', true],
    ]),
  );
});

test('a missing nack that was not requested has no cost', () => {
  const { harness, seqNo } = pinged();
  harness.addMember('three', { vsn: Buffer.of(1, 3, 2, 0, 0, 0) });
  harness.addMember('four', { vsn: Buffer.of(1, 4, 2, 0, 0, 0) });
  harness.run(600);
  harness.receive(nack(seqNo));
  harness.run(500);
  assert.equal(harness.member('target').state, 'suspect');
  assert.equal(harness.engine.health.score, 0);
});

test('an ack by way of a helper, before the round ends, is a success', () => {
  const { harness, seqNo } = pinged(makeProber(), 1);
  harness.engine.health.add(1);
  harness.run(700);
  harness.receive(ack(seqNo));
  harness.run(1000);
  assert.equal(harness.engine.health.score, 0);
  assert.equal(harness.counters.probes.get('indirect'), 1);
  assert.equal(harness.member('target').state, 'alive');
  assert.deepEqual(harness.pingsCompleted, [], 'its time would be the helper’s as much');
});

test('without any answer the target is suspected, with its incarnation at the start of the round', () => {
  const { harness } = pinged();
  harness.receive(alive('target', { incarnation: 8, addr: harness.member('target').addr }));
  harness.run(1001);
  assert.equal(harness.member('target').state, 'alive', 'incarnation 8 refutes a suspicion of 7');
  const { harness: other } = pinged();
  other.run(1001);
  assert.equal(other.member('target').state, 'suspect');
  assert.equal(other.member('target').incarnation, 7);
  assert.equal(other.reported('member-suspected')[0]?.by, ME);
});

test('without helpers a failed round costs one point of health', () => {
  const { harness } = pinged();
  harness.run(1001);
  assert.equal(harness.engine.health.score, 1);
});

test('with helpers it costs one point for each missing nack', () => {
  const { harness, seqNo } = pinged(makeProber(), 3);
  harness.run(600);
  harness.receive(nack(seqNo));
  harness.run(500);
  assert.equal(harness.engine.health.score, 2);
});

test('if all helpers sent nacks, it costs nothing', () => {
  const { harness, seqNo } = pinged(makeProber(), 3);
  harness.run(600);
  for (let n = 0; n < 3; n++) harness.receive(nack(seqNo));
  harness.run(500);
  assert.equal(harness.engine.health.score, 0);
  assert.equal(harness.member('target').state, 'suspect');
});

test('duplicate nacks do not compensate for missing ones', () => {
  const { harness, seqNo } = pinged(makeProber(), 1);
  harness.engine.health.add(2);
  harness.run(600);
  for (let n = 0; n < 3; n++) harness.receive(nack(seqNo));
  harness.run(500);
  assert.equal(harness.member('target').state, 'suspect');
  assert.equal(harness.engine.health.score, 2);
});

test('the target is also pinged over a stream, with the end of the round as deadline', () => {
  const { harness, seqNo } = pinged();
  const { at } = harness.sent[0]!;
  harness.run(501);
  const [{ request }] = harness.streamPings as [(typeof harness.streamPings)[number]];
  assert.deepEqual([request.node, request.seqNo, request.deadlineAt], ['target', seqNo, at + 1000]);
});

test('a stream ping may take until the end of a stretched round', () => {
  const harness = makeProber();
  harness.engine.health.add(1);
  pinged(harness);
  const { at } = harness.sent[0]!;
  harness.run(501);
  assert.equal(harness.streamPings[0]?.request.deadlineAt, at + 2000);
});

test('protocol 3 is sufficient for a stream ping', () => {
  const harness = makeProber();
  harness.addMember('target', { vsn: Buffer.of(1, 3, 2, 0, 0, 0) });
  nextPing(harness);
  harness.run(501);
  assert.equal(harness.streamPings.length, 1);
});

test('there is no stream ping below protocol 3, nor if they are disabled for all or for the node', () => {
  const vsn = Buffer.of(1, 2, 2, 0, 0, 0);
  const old = makeProber();
  old.addMember('target', { vsn });
  nextPing(old);
  old.run(501);
  assert.equal(old.streamPings.length, 0);
  const disabledForNode = (name: string): boolean => name === 'target';
  for (const settings of [{ disableTcpPings: true }, { disableTcpPingsForNode: disabledForNode }]) {
    const { harness } = pinged(makeProber({ settings }));
    harness.run(501);
    assert.equal(harness.streamPings.length, 0);
  }
});

test('an answer over the stream only is a success with a warning', () => {
  const { harness } = pinged();
  harness.engine.health.add(1);
  harness.run(501);
  harness.streamPings[0]?.answer(true);
  assert.equal(harness.engine.acks.size, 1, 'packets may still get through');
  harness.run(500 * 2);
  assert.equal(harness.engine.health.score, 0);
  assert.equal(harness.reported('probe-stream-only')[0]?.peer, 'target');
  assert.equal(harness.member('target').state, 'alive');
});

test('an unanswered stream ping does not prevent the suspicion', () => {
  const { harness } = pinged();
  harness.run(501);
  harness.streamPings[0]?.answer(false);
  harness.run(500);
  assert.equal(harness.member('target').state, 'suspect');
});

test('a send that the far end refused leads to the helpers at once', () => {
  const { harness, packet } = pinged(makeProber(), 2);
  packet.fail(REFUSED);
  assert.equal(indirectPings(harness).length, 2);
  harness.run(501);
  assert.equal(indirectPings(harness).length, 2, 'and is not repeated at the timeout');
});

test('a send that failed because our socket is closed ends the round without a suspicion', () => {
  const { harness, packet } = pinged(makeProber(), 2);
  packet.fail(CLOSED);
  assert.equal(harness.engine.acks.size, 0);
  assert.equal(harness.reported('probe-send-failed')[0]?.peer, 'target');
  assert.equal(harness.engine.health.score, 0);
  assert.equal(harness.member('target').state, 'alive');
  assert.equal(indirectPings(harness).length, 0);
});

test('after a round that ended because our socket is closed the next one starts on schedule', () => {
  const { harness, packet } = pinged(makeProber());
  packet.fail(CLOSED);
  const next = nextPing(harness);
  assert.ok(Math.abs(next.packet.at - packet.at - 1000) < 1e-6);
});

test('a send that fails at once for any other reason leads to the helpers and the stream', () => {
  for (const fault of ['unreachable', 'address'] as const) {
    const { harness, packet } = pinged(makeProber(), 2);
    packet.fail({ fault, error: new Error('no') });
    assert.equal(indirectPings(harness).length, 2, fault);
    assert.equal(harness.streamPings.length, 1, fault);
    harness.run(1001);
    assert.equal(harness.member('target').state, 'suspect', fault);
    const reported = harness.reported('probe-send-failed').map(({ peer }) => peer);
    assert.deepEqual(reported, fault === 'address' ? ['target'] : []);
  }
});

test('a ping for which the system has no room is sent once more within the round', () => {
  const { harness, seqNo, packet } = pinged();
  packet.fail(FULL);
  assert.equal(harness.sent.length, 1);
  harness.run(harness.settings.probeTimeout / 2);
  assert.equal(harness.sent.length, 2);
  assert.deepEqual(harness.sent[1]?.messages[0], packet.messages[0], 'the same ping');
  harness.receive(ack(seqNo));
  assert.equal(harness.counters.probes.get('direct'), 1);
  assert.deepEqual(harness.reported('probe-send-failed'), []);
});

test('a ping for which the system has no room twice ends the round without a suspicion', () => {
  const { harness, packet } = pinged(makeProber(), 2);
  packet.fail(FULL);
  packet.fail(FULL);
  harness.run(harness.settings.probeTimeout / 2);
  harness.sent.at(-1)?.fail(FULL);
  harness.run(300);
  assert.equal(harness.counters.probes.get('abandoned'), 1);
  assert.equal(harness.reported('probe-send-failed').length, 1);
  assert.equal(harness.member('target').state, 'alive');
  assert.deepEqual(indirectPings(harness), []);
  assert.equal(harness.engine.acks.size, 0);
});

test('an engine that stops before a ping is sent again sends nothing more', () => {
  const { harness, packet } = pinged();
  packet.fail(FULL);
  harness.engine.stop();
  harness.run(10_000);
  assert.equal(harness.sent.length, 1);
  assert.equal(harness.clock.pending, 0);
});

test('a send failure after helpers were asked changes nothing', () => {
  const { harness, seqNo, packet } = pinged(makeProber(), 1);
  harness.run(600);
  packet.fail(CLOSED);
  packet.fail(REFUSED);
  assert.equal(indirectPings(harness).length, 1);
  harness.receive(ack(seqNo));
  assert.equal(harness.counters.probes.get('indirect'), 1);
});

test('a send failure that is reported after the round changes nothing', () => {
  const { harness, seqNo, packet } = pinged(makeProber(), 1);
  harness.receive(ack(seqNo));
  packet.fail(REFUSED);
  packet.fail(CLOSED);
  assert.deepEqual(indirectPings(harness), []);
  assert.deepEqual(harness.streamPings, []);
  assert.deepEqual([...harness.counters.probes], [['direct', 1]]);
  assert.deepEqual(harness.reported('probe-send-failed'), []);
});

test('the ping delegate gets the time of arrival, not that of handling', () => {
  const { harness, seqNo } = pinged();
  const arrivedAt = harness.clock.now() + 5;
  harness.run(80);
  harness.engine.receivePacket(harness.packet(ack(seqNo)), { addr: '10.0.0.2:7946' }, arrivedAt);
  const sentAt = harness.sent[0]!.at;
  assert.equal(harness.pingsCompleted[0]?.roundTripMs, arrivedAt - sentAt);
});

test('the round is as long as the interval, multiplied by the health score plus one', () => {
  const harness = makeProber();
  harness.engine.health.add(1);
  pinged(harness);
  harness.run(1990);
  assert.equal(harness.member('target').state, 'alive');
  harness.run(11);
  assert.equal(harness.member('target').state, 'suspect');
});

function stallable(): { harness: Harness; clock: StallableClock } {
  const clock = new StallableClock({ now: 10_000 });
  return { harness: makeProber({ clock }), clock };
}

/** Handed in as it comes out of the socket: its turn is run by the stall. */
function arrives(harness: Harness, ...messages: Message[]): void {
  harness.engine.receivePacket(harness.packet(...messages), SOMEWHERE, harness.clock.now());
}

test('after a stall, an ack that arrived before the deadline is handled counts', () => {
  const { harness, clock } = stallable();
  const { seqNo } = pinged(harness);
  clock.stall(3000, () => arrives(harness, ack(seqNo)));
  assert.equal(harness.member('target').state, 'alive');
  assert.equal(harness.counters.probes.get('direct'), 1);
  assert.equal(harness.engine.health.score, 0);
  assert.deepEqual(harness.reported('probe-unanswered'), []);
});

test('an ack counts even if other packets are read from the socket before it', () => {
  const { harness, clock } = stallable();
  const { seqNo } = pinged(harness);
  clock.stall(1000, () => {
    for (let n = 0; n < 3; n++) arrives(harness, nack(12_345));
    // The next batch is read in the turn after.
    clock.afterTurn(() => clock.afterTurn(() => arrives(harness, ack(seqNo))));
    arrives(harness, nack(12_345));
    clock.afterTurn(() => arrives(harness, nack(12_345)));
  });
  assert.equal(harness.counters.probes.get('direct'), 1);
});

test('a deadline more than a timeout late raises no suspicion, but costs one point of health', () => {
  const { harness, clock } = stallable();
  pinged(harness);
  clock.stall(1600);
  assert.equal(harness.member('target').state, 'alive');
  assert.equal(harness.engine.health.score, 1);
  assert.deepEqual([...harness.counters.probes], [['stalled', 1]]);
  assert.ok((harness.reported('probe-stalled')[0]?.lateMs ?? 0) > 500);
});

test('a stall across the time for indirect pings raises no suspicion either', () => {
  const { harness, clock } = stallable();
  pinged(harness, 3);
  harness.run(400);
  clock.stall(650); // the direct deadline fires 550 ms late, the round's own a little late
  harness.run(0);
  assert.equal(harness.member('target').state, 'alive');
  assert.equal(harness.counters.probes.get('stalled'), 1);
});

test('a stall across the end of the round only raises no suspicion either', () => {
  const { harness, clock } = stallable();
  pinged(harness, 3);
  harness.run(900);
  assert.equal(indirectPings(harness).length, 3);
  clock.stall(700);
  assert.equal(harness.member('target').state, 'alive');
  assert.equal(harness.counters.probes.get('stalled'), 1);
  assert.equal(harness.engine.health.score, 1, 'whatever nacks were expected');
});

test('a deadline that is late by less counts', () => {
  const { harness, clock } = stallable();
  pinged(harness);
  harness.run(900);
  clock.stall(400);
  assert.equal(harness.member('target').state, 'suspect');
});

test('a suspicion that times out in a stall waits for a refutation that has already arrived', () => {
  const refuting = stallable();
  refuting.harness.addMember('target', { incarnation: 7, state: 'suspect' });
  const { addr } = refuting.harness.member('target');
  const refutation = alive('target', { incarnation: 8, addr });
  refuting.clock.stall(30_000, () => arrives(refuting.harness, refutation));
  assert.equal(refuting.harness.member('target').state, 'alive');
  assert.ok(!refuting.harness.eventKinds.includes('failed'));

  const silent = stallable();
  silent.harness.addMember('target', { incarnation: 7, state: 'suspect' });
  silent.clock.stall(30_000);
  assert.equal(silent.harness.member('target').state, 'dead');
});

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The one way in for packets: what is answered at once, what waits, and what becomes of rubbish.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageType } from '../../../src/wire/message-type.js';
import { SeededRandom } from '../../../src/testing/index.js';
import { alive, dead, ip, makeEngine, ME, SOMEWHERE, suspect, type Harness } from './harness.js';
import { ack, nack, ping } from './probe/probing.js';

const hello = { type: MessageType.user, payload: Buffer.from('hello') } as const;

/** A packet came; its turn was not yet. */
function comes(harness: Harness, packet: Buffer): void {
  harness.engine.receivePacket(packet, SOMEWHERE, harness.clock.now());
}

test('pings are answered at once, claims and user messages are queued', () => {
  const harness = makeEngine();
  comes(harness, harness.packet(alive('a'), hello, ping(5)));
  assert.deepEqual(harness.messagesTo(SOMEWHERE.addr), [ack(5)]);
  assert.equal(harness.engine.table.get('a'), undefined);
  assert.deepEqual(harness.userMessages, []);
  harness.run(0);
  assert.equal(harness.member('a').state, 'alive');
  assert.deepEqual(harness.userMessages, [{ payload: hello.payload, from: SOMEWHERE }]);
});

test('acks, nacks and indirect pings are also handled at once', () => {
  const harness = makeEngine();
  comes(harness, harness.packet(ack(1), nack(2)));
  assert.equal(harness.counters.drops.get('unexpected-ack'), 2);
  const wanted = { target: ip('10.0.0.5'), port: 5000, node: 'five', nack: false };
  comes(harness, harness.packet({ ...ping(7), ...wanted, type: MessageType.indirectPing }));
  assert.equal(harness.sent[0]?.to.addr, '10.0.0.5:5000');
});

test('alive claims are handled before other claims that arrived earlier', () => {
  const harness = makeEngine();
  comes(harness, harness.packet(suspect('a')));
  comes(harness, harness.packet(dead('b')));
  comes(harness, harness.packet(alive('a'), alive('b')));
  harness.run(0);
  assert.equal(harness.member('a').state, 'suspect');
  assert.equal(harness.member('b').state, 'dead');
});

test('each kind of claim reaches the membership', () => {
  const harness = makeEngine();
  harness.receive(alive('a'));
  harness.receive(suspect('a'));
  assert.equal(harness.member('a').state, 'suspect');
  harness.receive(dead('a'));
  assert.equal(harness.member('a').state, 'dead');
});

test('when the queue is full, claims are dropped and counted, and acks are not', () => {
  const harness = makeEngine({ settings: { handoffQueueDepth: 10 } });
  for (let n = 0; n < 100; n++) comes(harness, harness.packet(suspect(`x${n}`)));
  for (let n = 0; n < 100; n++) comes(harness, harness.packet(hello));
  comes(harness, harness.packet(ping(5)));
  assert.equal(harness.counters.drops.get('queue-full'), 190);
  assert.deepEqual(harness.messagesTo(SOMEWHERE.addr), [ack(5)]);
  const reports = harness.reported('packet-dropped');
  assert.equal(reports.length, 190);
  assert.deepEqual([reports[0]?.peer, reports[0]?.reason], [SOMEWHERE.addr, 'queue-full']);
  harness.run(0);
  comes(harness, harness.packet(hello));
  assert.equal(harness.counters.drops.get('queue-full'), 190, 'there is room again');
});

test('each claim beyond a full queue is counted, and each packet is reported once', () => {
  const harness = makeEngine({ settings: { handoffQueueDepth: 10 } });
  const claims = Array.from({ length: 20 }, (_, n) => suspect(`x${n}`));
  for (let n = 0; n < 3; n++) comes(harness, harness.packet(...claims));
  assert.equal(harness.counters.drops.get('queue-full'), 50);
  assert.equal(harness.reported('packet-dropped').length, 3);
});

test('messages that are only valid on a stream are dropped', () => {
  const harness = makeEngine();
  harness.receive(Buffer.of(MessageType.pushPull, 0x80));
  harness.receive({ type: MessageType.err, error: 'x' });
  assert.equal(harness.counters.drops.get('unexpected-message'), 2);
  assert.deepEqual(harness.sent, []);
});

test('an unknown message type is dropped, and the rest of the packet is processed', () => {
  const harness = makeEngine();
  const unknown = Buffer.of(99, 1, 2, 3);
  const parts = [unknown, harness.packet(alive('a')), harness.packet(ping(5))];
  harness.receive(harness.codec.encode(parts, { checksum: false }));
  assert.equal(harness.counters.drops.get('unknown-type'), 1);
  assert.equal(harness.member('a').state, 'alive');
  assert.deepEqual(harness.messagesTo(SOMEWHERE.addr), [ack(5)]);
});

test('an unreadable message affects no other message, whether it is handled at once or queued', () => {
  const harness = makeEngine();
  const brokenPing = Buffer.of(MessageType.ping, 0x81);
  const brokenClaim = Buffer.of(MessageType.alive, 0xc1);
  const parts = [brokenPing, brokenClaim, harness.packet(alive('a')), harness.packet(ping(5))];
  harness.receive(harness.codec.encode(parts, { checksum: false }));
  assert.equal(harness.member('a').state, 'alive');
  assert.deepEqual(harness.messagesTo(SOMEWHERE.addr), [ack(5)]);
  const reports = harness.reported('packet-dropped');
  assert.equal(reports.length, 2);
  assert.ok(reports.every(({ peer }) => peer === SOMEWHERE.addr));
});

test('packets and their bytes are counted, whether valid or not', () => {
  const harness = makeEngine();
  const { packetsIn, packetBytesIn, packetsOut, packetBytesOut } = harness.counters;
  const before = { packetsIn, packetBytesIn, packetsOut, packetBytesOut };
  harness.receive(Buffer.of(99, 1, 2));
  harness.receive(ping(5));
  assert.equal(harness.counters.packetsIn - before.packetsIn, 2);
  const { length } = harness.packet(ping(5));
  assert.equal(harness.counters.packetBytesIn - before.packetBytesIn, 3 + length);
  assert.equal(harness.counters.packetsOut - before.packetsOut, 1);
  const answer = harness.sent[0]!.packet.length;
  assert.equal(harness.counters.packetBytesOut - before.packetBytesOut, answer);
});

test('a packet from a disallowed network is not even decoded', () => {
  const asked: string[] = [];
  const allowsIp = (host: string): boolean => asked.push(host) === 0;
  const harness = makeEngine({ effects: { allowsIp } });
  asked.length = 0;
  const sources = ['10.9.9.9:1', '[2001:db8::9]:1', '[fe80::9%eth0]:1', 'no ip'];
  for (const addr of sources) {
    const packet = harness.packet(alive('a'), hello, ping(5), ack(1));
    harness.engine.receivePacket(packet, { addr }, harness.clock.now());
  }
  harness.run(0);
  assert.deepEqual(asked, ['10.9.9.9', '2001:db8::9', 'fe80::9%eth0', 'no ip']);
  assert.deepEqual([...harness.counters.drops], [['not-allowed', 4]]);
  assert.equal(harness.counters.packetsIn, 4);
  assert.deepEqual([harness.sent, harness.userMessages, harness.events], [[], [], []]);
  const reports = harness.reported('packet-dropped');
  assert.deepEqual(
    reports.map(({ peer }) => peer),
    sources,
  );
  assert.match(reports[0]?.detail ?? '', /10\.9\.9\.9 .*cidrsAllowed/);
});

test('a packet of another cluster is reported with both labels, each time', () => {
  const harness = makeEngine();
  for (let i = 0; i < 3; i++) harness.receive(Buffer.from('f40474657374' + '0080', 'hex'));
  assert.equal(harness.counters.drops.get('bad-label'), 3);
  const [report, ...others] = harness.reported('foreign-label');
  assert.deepEqual([report?.peer, report?.theirs, report?.ours], [SOMEWHERE.addr, 'test', '']);
  assert.equal(others.length, 2);
});

test('no packet makes the node throw or stop working', () => {
  const harness = makeEngine({ seed: 'rubbish' });
  const random = new SeededRandom('rubbish');
  const draw = (below: number): number => Math.floor(random.next() * below);
  const good = [
    harness.packet(alive('a'), suspect('a'), ping(5)),
    harness.packet(ack(1)),
    harness.packet(dead(ME)),
  ];
  for (let n = 0; n < 3000; n++) {
    const packet = Buffer.from(good[draw(good.length)]!);
    for (let flips = draw(4); flips >= 0; flips--) packet[draw(packet.length)] = draw(256);
    harness.receive(packet.subarray(0, draw(2) === 0 ? packet.length : draw(packet.length + 1)));
  }
  harness.receive(Buffer.alloc(0));
  harness.forget();
  harness.receive(ping(6));
  assert.equal(harness.messagesTo(SOMEWHERE.addr)[0]?.type, MessageType.ackResp);
});

test('a stopped engine accepts and sends nothing', () => {
  const harness = makeEngine();
  comes(harness, harness.packet(alive('a'), hello));
  harness.engine.stop();
  harness.run(0);
  harness.receive(ping(5));
  harness.receive(alive('b'));
  assert.deepEqual([harness.sent, harness.events, harness.userMessages], [[], [], []]);
  assert.equal(harness.engine.table.size, 1);
});

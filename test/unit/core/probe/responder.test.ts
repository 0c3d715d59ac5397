/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Behaviour, section 3, "Answering": pings for us, and pings that we make for others.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PingResult } from '../../../../src/core/probe/pinger.js';
import { MessageType } from '../../../../src/wire/message-type.js';
import type { IndirectPing } from '../../../../src/wire/messages.js';
import { ip, makeEngine, ME, PORT, SOMEWHERE, type Harness } from '../harness.js';
import { ack, nack, ping } from './probing.js';

const ASKER = { addr: '10.0.0.7:7007' };

function indirect(fields: Partial<Omit<IndirectPing, 'type'>> = {}): IndirectPing {
  const wanted = { target: ip('10.0.0.5'), port: 5000, node: 'five', nack: true };
  return { ...ping(77), ...wanted, type: MessageType.indirectPing, ...fields };
}

/** The ping that we sent on behalf of a peer. */
function ourPing(harness: Harness): { seqNo: number; node: string; to: string } {
  for (const { to, messages } of harness.sent) {
    const [message] = messages;
    if (message?.type === MessageType.ping) return { ...message, to: to.addr };
  }
  assert.fail('no ping was made');
}

test('a ping that names no source is acked to the address it came from', () => {
  const harness = makeEngine();
  harness.receive(ping(5));
  assert.deepEqual(harness.messagesTo(SOMEWHERE.addr), [ack(5)]);
});

test('a ping that names a source is acked to that source', () => {
  const harness = makeEngine();
  const source = { sourceAddr: ip('10.1.2.3'), sourcePort: 4711, sourceNode: 'x' };
  harness.receive(ping(5, { node: ME, ...source }));
  assert.deepEqual(harness.sent.at(0)?.to, { addr: '10.1.2.3:4711', name: 'x' });
});

test('an incomplete source counts as none', () => {
  const harness = makeEngine();
  harness.receive(ping(5, { sourceAddr: ip('10.1.2.3') }));
  harness.receive(ping(6, { sourcePort: 4711 }));
  assert.deepEqual(
    harness.sent.map(({ to }) => to.addr),
    [SOMEWHERE.addr, SOMEWHERE.addr],
  );
});

test('a ping for another name is not answered', () => {
  const harness = makeEngine();
  harness.receive(ping(5, { node: 'who was here before' }));
  assert.deepEqual(harness.sent, []);
  assert.equal(harness.counters.drops.get('misaddressed'), 1);
});

test('an ack carries the payload of the ping delegate', () => {
  const payload = Buffer.from('load');
  const harness = makeEngine({ effects: { ackPayload: () => payload } });
  harness.receive(ping(5));
  assert.deepEqual(harness.messagesTo(SOMEWHERE.addr), [ack(5, payload)]);
});

test('for an indirect ping we ping the target with a sequence number of our own', () => {
  const harness = makeEngine();
  harness.receive(indirect(), ASKER);
  const made = ourPing(harness);
  assert.deepEqual([made.node, made.to], ['five', '10.0.0.5:5000']);
  assert.notEqual(made.seqNo, 77);
});

test('its ack is forwarded with the requester’s number and without a payload', () => {
  const harness = makeEngine();
  harness.receive(indirect(), ASKER);
  const { seqNo } = ourPing(harness);
  harness.receive(ack(seqNo, Buffer.from('load')));
  assert.deepEqual(harness.messagesTo(ASKER.addr), [ack(77)]);
  harness.run(10_000);
  assert.deepEqual(harness.messagesTo(ASKER.addr), [ack(77)], 'and no nack after it');
  assert.equal(harness.engine.acks.size, 0);
});

test('without an ack by the probe timeout a nack is sent, if one is requested', () => {
  const harness = makeEngine();
  harness.receive(indirect(), ASKER);
  harness.run(499);
  assert.deepEqual(harness.messagesTo(ASKER.addr), []);
  harness.run(1);
  assert.deepEqual(harness.messagesTo(ASKER.addr), [nack(77)]);
  assert.equal(harness.engine.acks.size, 0);
});

test('a nack that is not requested is not sent', () => {
  const harness = makeEngine();
  harness.receive(indirect({ nack: false }), ASKER);
  harness.run(10_000);
  assert.deepEqual(harness.messagesTo(ASKER.addr), []);
  assert.equal(harness.engine.acks.size, 0);
});

test('an indirect ping names the source to answer', () => {
  const harness = makeEngine();
  const source = { sourceAddr: ip('10.1.2.3'), sourcePort: 4711, sourceNode: 'x' };
  harness.receive(indirect(source), ASKER);
  harness.receive(ack(ourPing(harness).seqNo));
  assert.deepEqual(harness.messagesTo('10.1.2.3:4711'), [ack(77)]);
});

test('a target without a port is pinged at the configured one', () => {
  const harness = makeEngine();
  harness.receive(indirect({ port: 0 }));
  assert.equal(ourPing(harness).to, `10.0.0.5:${PORT}`);
  const old = makeEngine({ settings: { protocolVersion: 1, bindPort: 1234 } });
  old.receive(indirect({ port: 5000 }));
  assert.equal(ourPing(old).to, '10.0.0.5:1234');
});

test('an invalid target address is dropped', () => {
  const harness = makeEngine();
  harness.receive(indirect({ target: Buffer.alloc(5) }));
  assert.deepEqual(harness.sent, []);
  assert.equal(harness.counters.drops.get('bad-address'), 1);
});

test('unexpected acks and nacks are counted', () => {
  const harness = makeEngine();
  harness.receive(ack(1));
  harness.receive(nack(2));
  assert.equal(harness.counters.drops.get('unexpected-ack'), 2);
});

test('a standalone ping reports the round trip, and nothing after the timeout', () => {
  const harness = makeEngine();
  const results: PingResult[] = [];
  harness.engine.ping({ node: 'x', addr: '10.0.0.9:1' }, (result) => results.push(result));
  const { seqNo, node, to } = ourPing(harness);
  assert.deepEqual([node, to], ['x', '10.0.0.9:1']);
  harness.run(30);
  harness.receive(ack(seqNo));
  assert.deepEqual(results.at(0), { roundTripMs: 30 });
  harness.engine.ping({ node: 'x', addr: '10.0.0.9:1' }, (result) => results.push(result));
  harness.run(499);
  assert.equal(results.length, 1);
  harness.run(1);
  assert.deepEqual(results.at(1), { failure: undefined });
  assert.equal(harness.engine.acks.size, 0);
});

test('sequence numbers wrap and continue', () => {
  const harness = makeEngine();
  const { self } = harness.engine;
  const numbers = new Set<number>();
  // 2³² numbers are too many to draw: the first is random, the next follows by one, modulo 2³².
  let last = self.nextSequence();
  for (let n = 0; n < 1000; n++) {
    const next = self.nextSequence();
    assert.equal(next, (last + 1) >>> 0);
    numbers.add(next);
    last = next;
  }
  assert.equal(numbers.size, 1000);
});

test('only the first ping in a packet is answered', () => {
  const harness = makeEngine();
  harness.receive(harness.packet(...Array.from({ length: 255 }, (_, n) => ping(n))));
  assert.deepEqual(harness.messagesTo(SOMEWHERE.addr), [ack(0)]);
  assert.equal(harness.counters.drops.get('too-many-pings'), 254);
  assert.equal(harness.reported('packet-dropped').length, 1, 'one line a packet');
  harness.receive(ping(300));
  assert.deepEqual(
    harness.messagesTo(SOMEWHERE.addr),
    [ack(0), ack(300)],
    'the next packet counts anew',
  );
});

test('only the first indirect ping in a packet is performed, and a ping next to it is answered', () => {
  const harness = makeEngine();
  const many = Array.from({ length: 200 }, (_, n) => indirect({ seqNo: n }));
  harness.receive(harness.packet(ping(1), ...many), ASKER);
  assert.deepEqual(harness.messagesTo(ASKER.addr), [ack(1)]);
  assert.equal(harness.sent.length, 2);
  assert.equal(harness.engine.acks.size, 1);
  assert.equal(harness.counters.drops.get('too-many-pings'), 199);
  harness.receive(ack(ourPing(harness).seqNo));
  assert.deepEqual(harness.messagesTo(ASKER.addr), [ack(1), ack(0)]);
});

test('a ping for another node uses up the quota of its packet', () => {
  const harness = makeEngine();
  harness.receive(harness.packet(ping(1, { node: 'who was here before' }), ping(2)));
  assert.deepEqual(harness.sent, []);
});

test('a ping cannot make us send to a disallowed network', () => {
  const allowsIp = (host: string): boolean => !host.startsWith('192.0.2.');
  const harness = makeEngine({ effects: { allowsIp } });
  const outside = { sourceAddr: ip('192.0.2.1'), sourcePort: 53, sourceNode: 'x' };
  harness.receive(ping(5, { node: ME, ...outside }));
  harness.receive(indirect(outside));
  harness.receive(indirect({ target: ip('192.0.2.1') }));
  assert.deepEqual(harness.sent, []);
  assert.deepEqual([...harness.counters.drops], [['not-allowed', 3]]);
  harness.receive(indirect());
  assert.equal(ourPing(harness).to, '10.0.0.5:5000');
});

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Names that others choose: a name that does not fit into a ping is let in by no way.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NameBound } from '../../../src/core/name-bound.js';
import { Label } from '../../../src/wire/label.js';
import { encodeMessage } from '../../../src/wire/message-codec.js';
import { MessageType } from '../../../src/wire/message-type.js';
import type { Message } from '../../../src/wire/messages.js';
import { PacketCodec, packetBudget } from '../../../src/wire/packet-codec.js';
import { runToCompletion } from '../../../src/wire/sliced.js';
import { alive, dead, ip, makeEngine, ME, record, suspect, type Harness } from './harness.js';
import { ping } from './probe/probing.js';

const LEFT = 3;

function longest({ engine, settings, codec }: Harness): number {
  assert.ok(engine);
  return new NameBound(packetBudget(settings.udpBufferSize, codec)).longest;
}

function pingOf(node: string, sourceNode: string): Buffer {
  const [seqNo, sourcePort] = [0xffffffff, 0xffff];
  const sourceAddr = ip('2001:db8::1');
  return encodeMessage({ type: MessageType.ping, seqNo, node, sourceAddr, sourcePort, sourceNode });
}

test('the longest name is the longest of which two fit into a ping', () => {
  for (const budget of [700, 1109, 1395, 9000]) {
    const bound = new NameBound(budget);
    const name = 'n'.repeat(bound.longest);
    assert.ok(pingOf(name, name).length <= budget, `${budget}`);
    assert.ok(pingOf(`${name}n`, `${name}n`).length > budget, `${budget}`);
  }
});

test('claims about members with the longest names fit into a gossiped packet', () => {
  const harness = makeEngine();
  const name = 'n'.repeat(longest(harness));
  const { broadcastBudget } = harness.engine;
  const vsn = Buffer.alloc(6);
  const claims: Message[] = [
    alive(name, { addr: ip('2001:db8::1'), incarnation: 0xffffffff, meta: Buffer.alloc(512), vsn }),
    suspect(name, { incarnation: 0xffffffff, from: name }),
    dead(name, { incarnation: 0xffffffff, from: name }),
  ];
  for (const claim of claims)
    assert.ok(encodeMessage(claim).length <= broadcastBudget, claim.type.toString());
});

test('with default packets names of 508 bytes are allowed, whatever label and encryption take', () => {
  const label = new Label({ label: 'l'.repeat(255), skipInboundCheck: false });
  const sealing = 45;
  const codec = new PacketCodec({ label, cipher: undefined, compress: true });
  assert.ok(new NameBound(packetBudget(1400, codec) - sealing).longest >= 508);
});

test('host names are allowed however small packets are', () => {
  for (const budget of [1, 200, 507]) {
    assert.ok(new NameBound(budget).allows('h'.repeat(253)), `${budget}`);
  }
});

test('the bound counts bytes, not characters', () => {
  const bound = new NameBound(1395);
  for (const [unit, bytes] of [
    ['a', 1],
    ['é', 2],
    ['€', 3],
    ['😀', 4],
    ['\udc80', 1],
  ] as const) {
    const most = Math.floor(bound.longest / bytes);
    assert.ok(bound.allows(unit.repeat(most)), unit);
    assert.ok(!bound.allows(unit.repeat(most + 1)), unit);
  }
});

// Each way by which a name comes in as a message of a packet.
const ways: [way: string, message: (name: string) => Message][] = [
  ['an alive claim', (name) => alive(name)],
  ['the name in a suspect claim', (name) => suspect(name)],
  ['the accuser in a suspect claim', (from) => suspect('a', { from })],
  ['the name in a dead claim', (name) => dead(name)],
  ['the accuser in a dead claim', (from) => dead('a', { from })],
  ['the source of a ping', (sourceNode) => ping(5, { node: ME, sourceNode })],
  ['the target of an indirect ping', (node) => indirect({ node })],
  ['the source of an indirect ping', (sourceNode) => indirect({ sourceNode })],
];

function indirect(names: { node?: string; sourceNode?: string }): Message {
  const target = { target: ip('10.0.0.5'), port: 5000, node: 'five', nack: false };
  return { ...ping(77), ...target, ...names, type: MessageType.indirectPing };
}

for (const [way, message] of ways) {
  test(`a name that is too long is dropped and counted: ${way}`, () => {
    const harness = makeEngine();
    harness.addMember('a');
    const most = longest(harness);
    harness.receive(message('n'.repeat(most + 1)));
    assert.equal(harness.counters.drops.get('name-too-long'), 1);
    assert.equal(harness.engine.table.size, 2);
    assert.equal(harness.member('a').state, 'alive');
    assert.deepEqual([harness.sent, harness.takeBroadcasts()], [[], []]);
    const [report] = harness.reported('packet-dropped');
    assert.ok(report && report.detail.length < 200, 'the report must not carry the name');
    harness.receive(message('n'.repeat(most)));
    assert.equal(harness.counters.drops.get('name-too-long'), 1);
  });
}

test('a record with a name that is too long is left out of a push/pull, and the others are merged', () => {
  const harness = makeEngine();
  const { engine } = harness;
  const long = 'n'.repeat(1_000_000);
  const records = [
    record('before'),
    record(long),
    record(long, { state: LEFT }),
    record('after', { addr: ip('10.0.0.9') }),
  ];
  runToCompletion(engine.merger.merge(records));
  assert.deepEqual([...engine.table].map(({ name }) => name).sort(), ['after', 'before', ME]);
  assert.equal(harness.counters.drops.get('name-too-long'), 2);
  for (const { peer, detail } of harness.reported('claim-refused')) {
    assert.ok(peer.length + detail.length < 200);
  }
});

test('the versions of a record with a name that is too long do not fail the push/pull', () => {
  const { engine } = makeEngine();
  const vsn = Buffer.of(9, 9, 9, 9, 9, 9);
  assert.equal(
    runToCompletion(engine.merger.versionProblem({ records: [record('a')] })),
    undefined,
  );
  assert.notEqual(
    runToCompletion(engine.merger.versionProblem({ records: [record('odd', { vsn })] })),
    undefined,
  );
  const long = record('n'.repeat(5000), { vsn });
  assert.equal(runToCompletion(engine.merger.versionProblem({ records: [long] })), undefined);
});

test('a suspect whose ping and claim do not fit into one packet gets two, and both fit', () => {
  const name = 'n'.repeat(600);
  const harness = makeEngine({ settings: { name, probeInterval: 1000 }, schedulers: true });
  const other = 'o'.repeat(600);
  harness.addMember(other, { state: 'suspect' });
  harness.run(2500);
  const packets = harness.sent.filter(({ to }) => to.name === other);
  const kinds = packets.map(({ messages }) => messages.map(({ type }) => type));
  assert.deepEqual(kinds.slice(0, 2), [[MessageType.ping], [MessageType.suspect]]);
  for (const { packet } of packets) assert.ok(packet.length <= harness.settings.udpBufferSize);
});

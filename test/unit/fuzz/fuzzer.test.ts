/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The fuzzer's own parts: what it sends is decided by its seed, and it notices what must not happen.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { encodeMessage } from '../../../src/wire/message-codec.js';
import { MessageType } from '../../../src/wire/message-type.js';
import { changesMembership } from '../../fuzz/believable.js';
import { Cluster } from '../../fuzz/cluster.js';
import { unreachedIn } from '../../fuzz/coverage.js';
import { examinePacket } from '../../fuzz/examine.js';
import { Found, writeFinding, type FindingKind } from '../../fuzz/finding.js';
import { FailureWatch, Guard } from '../../fuzz/guard.js';
import { itemText, readItems, type Item } from '../../fuzz/item-file.js';
import { lanes, lanesWith, layersOf, nameOf, type Lane } from '../../fuzz/lane.js';
import { MemoryAttack } from '../../fuzz/memory-attack.js';
import { parseTrees, writeTree } from '../../fuzz/msgpack-tree.js';
import { narrowed } from '../../fuzz/replay.js';
import { golden, PEER, TARGET } from '../../fuzz/seeds.js';
import { Supply } from '../../fuzz/supply.js';

const plain: Lane = { label: '' };

test('the same seed gives the same mutants, and another one others', async () => {
  await using cluster = await Cluster.start(plain, 'memory');
  const draw = (seed: string): Item[] => {
    const supply = new Supply(cluster, seed);
    return Array.from({ length: 200 }, (_, i) => (i % 4 ? supply.packet() : supply.stream()));
  };
  assert.deepEqual(draw('a'), draw('a'));
  assert.notDeepEqual(draw('a'), draw('b'));
});

test('golden messages come out of a tree as they went in', () => {
  for (const message of golden('message', 'compress')) {
    const { trees, end } = parseTrees(message, 1);
    assert.equal(end, message.length);
    assert.deepEqual(Buffer.concat(trees.map(writeTree)), message.subarray(1));
  }
});

test('items are read from a file as they were written, with what was said of them', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fuzz-'));
  try {
    const items: Item[] = [
      Buffer.from('0080', 'hex'),
      Buffer.alloc(0),
      { end: 'breaks', pieces: [Buffer.from('06', 'hex'), Buffer.from('83a4', 'hex')] },
      { end: 'stalls', pieces: [] },
    ];
    const lane = { label: 'a label', keyHex: '10'.repeat(16) };
    const [kind, detail]: [FindingKind, string] = ['a throw', 'of a stone\nat a house'];
    const path = writeFinding({ kind, detail, lane, items }, 'seed 7', folder);
    const file = readItems(path);
    assert.deepEqual(file.items, items);
    assert.deepEqual(file.lane, lane);
    const remark = 'a throw (encrypted with label), with seed seed 7: of a stone at a house';
    assert.deepEqual(file.remarks, [remark]);

    writeFileSync(path, `${itemText(file)}pakcet 00\n`);
    assert.throws(() => readItems(path), /'pakcet 00'/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a filter chooses lanes by key and by label', () => {
  const names = (filter: Parameters<typeof lanesWith>[0]): string[] =>
    lanesWith(filter).map(nameOf);
  assert.deepEqual(names({}), lanes.map(nameOf));
  assert.deepEqual(names({ encrypted: false }), ['plain', 'plain with label']);
  assert.deepEqual(names({ encrypted: true, label: '' }), ['encrypted', 'roll-out']);
  assert.deepEqual(lanesWith({ encrypted: false, label: 'test' }), [{ label: 'test' }]);
});

test('what would rightly be believed of the peer is not sent, anything else is', () => {
  const claim = { type: MessageType.dead, node: PEER, incarnation: 1, from: TARGET } as const;
  assert.ok(changesMembership([claim]));
  assert.ok(!changesMembership([{ ...claim, incarnation: 0 }]));
  assert.ok(!changesMembership([{ ...claim, node: TARGET }]));
  assert.ok(!changesMembership([{ ...claim, node: 'stranger' }]));
});

test('an examination tells the layers from the outside in', () => {
  const [message] = golden('message');
  const lane: Lane = { label: 'prod', keyHex: '10'.repeat(16) };
  const layers = layersOf(lane);
  const sealed = layers.cipher?.seal(message as Buffer, layers.label.bytes) as Buffer;
  const packet = Buffer.concat([layers.label.header, sealed]);
  const seen = examinePacket(packet, layers);
  assert.deepEqual(seen.marks, ['label ok', 'cipher ok', 'ping ok', 'form ours']);
  assert.equal(seen.messages.length, 1);
  packet[packet.length - 1]! ^= 1;
  assert.deepEqual(examinePacket(packet, layers).marks, ['label ok', 'cipher undecryptable']);
});

test('a run that reaches nothing is told what it did not reach', () => {
  const [first] = lanes;
  const marks = new Map([['lzw ok', 1]]);
  const missing = unreachedIn([{ lane: first!, packets: 20_000, marks }], ['memory']);
  assert.ok(missing.includes('plain: compound ok'));
  assert.ok(missing.includes('plain: dropped timed-out'));
  assert.ok(!missing.includes('plain: lzw ok'));
  const together = unreachedIn([{ lane: first!, packets: 10, marks }], ['sockets']);
  assert.ok(together.includes('compound ok'));
  assert.ok(!together.includes('dropped timed-out'));
});

async function guarded(
  work: (guard: Guard, attack: MemoryAttack, watch: FailureWatch) => unknown,
): Promise<Found> {
  using watch = new FailureWatch();
  await using cluster = await Cluster.start(plain, 'memory');
  const guard = new Guard(cluster, watch);
  const supply = new Supply(cluster, 'guarded');
  const attack = new MemoryAttack({ cluster, guard, supply });
  try {
    await work(guard, attack, watch);
  } catch (error) {
    assert.ok(error instanceof Found, String(error));
    return error;
  }
  assert.fail('nothing was found');
}

test('a guard notices that a member is gone', async () => {
  const claim = { type: MessageType.dead, incarnation: 99, node: PEER, from: TARGET };
  const { finding } = await guarded((guard, attack) => {
    attack.packet(encodeMessage(claim));
    guard.check([]);
  });
  assert.equal(finding.kind, 'a change of membership');
});

test('of all that was sent, a finding keeps the one that does the harm by itself', async () => {
  const claim = { type: MessageType.dead, incarnation: 99, node: PEER, from: TARGET };
  const [harmful, harmless] = [claim, { ...claim, node: 'nobody' }].map(encodeMessage);
  const found = { kind: 'a change of membership', detail: '', lane: plain } as const;
  const items = [harmless!, harmful!, harmless!];
  assert.deepEqual((await narrowed({ ...found, items })).items, [harmful]);
  const nothing = { ...found, items: [harmless!, harmless!] };
  assert.equal(await narrowed(nothing), nothing);
});

test('a guard notices a packet that takes too long each time, not one that did once', async () => {
  const busy = (): void => {
    const { user } = process.cpuUsage();
    while (process.cpuUsage().user - user < 120_000);
  };
  const { finding } = await guarded((guard) => {
    guard.timed(500, () => undefined, Buffer.alloc(0));
    assert.ok(guard.slowestPacketMs < 100);
    guard.timed(500, busy, Buffer.from('07', 'hex'));
  });
  assert.equal(finding.kind, 'a slow packet');
  assert.deepEqual(finding.items, [Buffer.from('07', 'hex')]);
});

test('a guard notices a rejection that nobody handles', async () => {
  const { finding } = await guarded((guard, _attack, watch) => {
    // As its listener does; a true one would end this test.
    watch.failures.push(new Error('nobody cares'));
    guard.check([]);
  });
  assert.equal(finding.kind, 'an unhandled failure');
  assert.match(finding.detail, /nobody cares/);
});

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Malicious packets over real sockets, and their effects.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lzwDecompress } from '../../src/wire/lzw.js';
import { compressContent } from '../../src/wire/compression.js';
import { limits } from '../../src/wire/limits.js';
import { MiB, PacketSender, Target } from './hostile-target.js';

const longestTurnMs = 100;

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function hex(...parts: string[]): Buffer {
  return Buffer.from(parts.join(''), 'hex');
}

function compound(parts: readonly Buffer[]): Buffer {
  const lengths = parts.map(({ length }) => u16(length));
  return Buffer.concat([Buffer.of(7, parts.length), ...lengths, ...parts]);
}

const repeated = (count: number, part: Buffer): Buffer => compound(Array<Buffer>(count).fill(part));

/** Sends the packets one by one; asserts that the target is unharmed, and that no turn was long. */
async function deliver(packets: readonly Buffer[], memory = MiB): Promise<Target> {
  await using target = await Target.start();
  await using sender = await PacketSender.open(target);
  await sender.deliver(Buffer.alloc(0));
  for (const packet of packets) {
    assert.ok(packet.length <= limits.packetBytes, `${packet.length} bytes`);
    target.turns.reset();
    await sender.deliver(packet);
    const { longestMs, mostBytes } = target.turns;
    const what = packet.subarray(0, 20).toString('hex');
    assert.ok(longestMs < longestTurnMs, `${what}: a turn of ${Math.round(longestMs)} ms`);
    assert.ok(mostBytes < memory, `${what}: ${mostBytes} bytes`);
  }
  await target.assertUnharmed();
  return target;
}

test('an LZW bomb is stopped at the bound of a packet: 17 MiB in 9 KB take 128 KiB', async () => {
  const content = Buffer.alloc(17 * MiB, 8);
  const bomb = compressContent(content);
  assert.ok(bomb.length < 20_000);
  assert.equal(lzwDecompress(bomb.subarray(bomb.indexOf('Buf') + 6), 40 * MiB).length, 17 * MiB);
  const target = await deliver([bomb]);
  assert.equal(target.dropped('too-large'), 1);
});

test('lengths and counts of 4 GiB allocate nothing', async () => {
  const claims = ['dbffffffff', 'ddffffffff', 'dfffffffff', 'c6ffffffff', 'c9ffffffff00'];
  const packets = claims.flatMap((claim) => [
    ...['00', '02', '04', '03', '09'].map((type) => hex(type, claim)),
    hex('0082a44e6f6465', claim),
    hex('0482a44d657461', claim),
    hex('0982a4416c676f00a3427566', claim),
    hex('0081a178', claim),
  ]);
  const target = await deliver([...packets, hex('07ff', 'ffff'.repeat(255))], MiB / 2);
  // Empty messages, a user message and a truncated compound are among them.
  assert.ok(target.dropped('too-large') > 10 && target.dropped('truncated') > 10);
});

test('an array that is 10,000 deep is refused at the 32nd level by each decoder', async () => {
  const deep = Buffer.concat([Buffer.alloc(10_000, 0x91), Buffer.of(0)]);
  const packets = ['0081a178', '0281a75061796c6f6164', '0481a4416464', '0381a178'].map((start) =>
    Buffer.concat([hex(start), deep]),
  );
  const deepest = Buffer.alloc(limits.packetBytes, 0x81);
  deepest[0] = 4;
  const target = await deliver([...packets, deepest, compressContent(deepest)]);
  assert.equal(target.dropped('too-deep'), packets.length + 2);
});

test('255 × 255 nested compounds are refused at the second level', async () => {
  const largest = repeated(255, repeated(255, Buffer.alloc(0)));
  assert.equal(largest.length, limits.decompressedPacketBytes);
  const larger = repeated(255, repeated(255, Buffer.of(8)));
  const matryoshka = Array.from({ length: 255 }).reduce<Buffer>(
    (inner) => repeated(1, inner),
    Buffer.of(8, 1),
  );
  const target = await deliver([
    compressContent(largest),
    compressContent(larger),
    repeated(126, repeated(255, Buffer.alloc(0))),
    matryoshka,
    Buffer.concat([Buffer.of(7, 255), Buffer.alloc(60_000)]),
    compressContent(compressContent(largest)),
  ]);
  for (const reason of ['too-deep', 'too-large']) assert.ok(target.dropped(reason) > 0, reason);
  assert.deepEqual(target.messages, []);
});

// 1 KB on the wire, 128 KiB decompressed, 130,000 meaningless values: no decoder may build them.
const fullest = 505;
for (const [what, make] of [
  ['integers', (n: number) => [hex('81a178dc'), u16(n), Buffer.alloc(n, 1)]],
  ['strings', (n: number) => [hex('81a178dc'), u16(n), Buffer.alloc(n, 0xa0)]],
  ['maps', (n: number) => [hex('81a178dc'), u16(n), Buffer.alloc(n, 0x80)]],
  ['keys', (n: number) => [hex('de'), u16(n >> 1), Buffer.alloc(n & ~1, 0xa0)]],
  ['strings as an address', (n: number) => [hex('81a441646472dc'), u16(n), Buffer.alloc(n, 0xa0)]],
  ['integers as an address', (n: number) => [hex('81a441646472dc'), u16(n), Buffer.alloc(n, 1)]],
] as const) {
  test(`255 messages full of ${what} do not block the node`, async () => {
    const packets = [0, 1, 2, 3, 4].flatMap((type) => {
      const body = (n: number): Buffer => Buffer.concat([Buffer.of(type), ...make(n)]);
      return [
        compressContent(repeated(255, body(fullest - 10))),
        repeated(255, body(235)),
        compressContent(Buffer.concat([Buffer.of(type), ...make(4_000)])),
      ];
    });
    await deliver(packets);
  });
}

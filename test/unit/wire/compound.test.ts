/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Several messages in one packet (wire protocol, section 4).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  assembledLength,
  groupForCompounds,
  splitCompound,
  writeAssembled,
} from '../../../src/wire/compound.js';
import { WireError, type WireFault } from '../../../src/wire/wire-error.js';

function throwsFault(run: () => unknown, fault: WireFault, words = /./): void {
  assert.throws(
    run,
    (error) => error instanceof WireError && error.fault === fault && words.test(error.message),
  );
}

function messages(count: number, length = 3): Buffer[] {
  return Array.from({ length: count }, (_, i) => Buffer.alloc(length, i));
}

function assemble(parts: readonly Buffer[]): Buffer {
  const buf = Buffer.alloc(assembledLength(parts));
  assert.equal(writeAssembled(parts, buf, 0), buf.length);
  return buf;
}

function split(buf: Buffer, start = 0, end = buf.length): Buffer[] {
  const parts: Buffer[] = [];
  splitCompound(buf, start, end, (from, to) => parts.push(buf.subarray(from, to)));
  return parts;
}

test('a compound is the type, the count, the lengths and the bodies', () => {
  const compound = assemble([Buffer.from('08aa', 'hex'), Buffer.from('08bbcc', 'hex')]);
  assert.equal(compound.toString('hex'), '070200020003' + '08aa08bbcc');
});

test('a single message is sent unchanged, whatever its length', () => {
  for (const length of [1, 1400, 65_535, 65_536]) {
    const [message] = messages(1, length);
    assert.ok(message);
    assert.deepEqual(assemble([message]), message);
  }
});

test('it is written at the given offset, and no other byte changes', () => {
  for (const parts of [messages(1), messages(2)]) {
    const length = assembledLength(parts);
    const buf = Buffer.alloc(length + 20, 0x55);
    assert.equal(writeAssembled(parts, buf, 10), 10 + length);
    assert.deepEqual(buf.subarray(10, 10 + length), assemble(parts));
    assert.ok([...buf.subarray(0, 10), ...buf.subarray(10 + length)].every((b) => b === 0x55));
  }
});

test('2 to 255 parts can be read back, also from within a larger buffer', () => {
  for (const count of [2, 3, 254, 255]) {
    const parts = messages(count);
    const compound = assemble(parts);
    assert.equal(compound[1], count);
    assert.deepEqual(split(compound), parts);
    const larger = Buffer.concat([Buffer.alloc(7, 1), compound, Buffer.alloc(7, 1)]);
    assert.deepEqual(split(larger, 7, 7 + compound.length), parts);
  }
});

test('a part may have 65,535 bytes', () => {
  const parts = [...messages(1, 65_535), ...messages(1, 1)];
  assert.deepEqual(split(assemble(parts)), parts);
  assert.equal(assemble(parts).readUInt16BE(2), 65_535);
});

test('256 parts are not written as a compound of 0', () => {
  assert.throws(() => assemble(messages(256)), RangeError);
});

test('a part of 65,536 bytes is not written with a length of 0', () => {
  assert.throws(() => assemble([...messages(1, 65_536), ...messages(1)]), RangeError);
});

test('more than 255 messages form several groups, in order', () => {
  for (const [count, sizes] of [
    [0, []],
    [1, [1]],
    [255, [255]],
    [256, [255, 1]],
    [510, [255, 255]],
    [511, [255, 255, 1]],
  ] as const) {
    const all = messages(count);
    const groups = groupForCompounds(all);
    assert.deepEqual(
      groups.map((group) => group.length),
      sizes,
    );
    assert.deepEqual(groups.flat(), all);
  }
});

test('a message too long for a part forms its own group', () => {
  const [small, other] = messages(2);
  const [large] = messages(1, 65_536);
  assert.ok(small && other && large);
  const groups = groupForCompounds([small, large, other]);
  assert.deepEqual(new Set(groups), new Set([[large], [small, other]]));
  const [fits] = messages(1, 65_535);
  assert.ok(fits);
  assert.deepEqual(groupForCompounds([small, fits]), [[small, fits]]);
});

test('of a truncated compound the complete parts are processed and the rest is reported', () => {
  const parts = messages(4, 5);
  const compound = assemble(parts);
  const lengths = 2 + 2 * parts.length;
  for (let end = 0; end < compound.length; end++) {
    const handled: Buffer[] = [];
    const run = (): void =>
      splitCompound(compound, 0, end, (from, to) => handled.push(compound.subarray(from, to)));
    const whole = Math.max(0, Math.floor((end - lengths) / 5));
    if (end < 2) throwsFault(run, 'malformed');
    else if (end < lengths) throwsFault(run, 'truncated', /lengths/);
    else throwsFault(run, 'truncated', new RegExp(`${4 - whole} of 4`));
    assert.deepEqual(handled, parts.slice(0, whole));
  }
});

test('a part that claims to be longer than the packet is not read beyond its end', () => {
  const compound = Buffer.from('0702ffff0001' + '08', 'hex');
  throwsFault(() => split(compound), 'truncated', /2 of 2/);
});

test('a compound without parts is malformed', () => {
  throwsFault(() => split(Buffer.from('0700', 'hex')), 'malformed');
  throwsFault(() => split(Buffer.from('070000', 'hex')), 'malformed');
});

test('bytes after the last part are ignored', () => {
  const parts = messages(2);
  assert.deepEqual(split(Buffer.concat([assemble(parts), Buffer.alloc(9, 7)])), parts);
});

test('a part may be empty', () => {
  const parts = [Buffer.alloc(0), Buffer.of(8), Buffer.alloc(0)];
  assert.deepEqual(split(assemble(parts)), parts);
});

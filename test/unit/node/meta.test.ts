/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import msgpack from 'msgpack-lite';
import {
  ConfigError,
  decodeMeta,
  encodeMeta,
  MessageTooLargeError,
  type Meta,
} from '../../../src/index.js';

test('plain objects come back as they were, without what is undefined', () => {
  const meta = {
    role: 'web',
    port: 8080,
    big: 3_000_000_000,
    load: 0.25,
    ready: true,
    none: null,
    tags: ['a', 1, false],
    nested: { deep: { deeper: 'ü' } },
    bytes: Buffer.of(0, 255),
    left: undefined,
  };
  const { left, ...expected } = meta;
  assert.equal(left, undefined);
  assert.deepEqual(decodeMeta(encodeMeta(meta)), expected);
  assert.deepEqual(decodeMeta(encodeMeta({})), {});
});

test('it is MessagePack that others read', () => {
  assert.deepEqual(msgpack.decode(encodeMeta({ role: 'web', port: 1 })), { role: 'web', port: 1 });
});

test('past the limit it says how much it was', () => {
  const most = { text: 'x'.repeat(503) };
  assert.equal(encodeMeta(most).length, 512);
  assert.throws(() => encodeMeta({ text: 'x'.repeat(504) }), MessageTooLargeError);
  assert.throws(() => encodeMeta({ a: 1 }, 3), /4 bytes.*3/);
});

test('what is no metadata is refused with its place', () => {
  const wrong: [unknown, RegExp][] = [
    [{ at: new Date() }, /meta\.at: must be text/],
    [{ list: [1, { f: () => 1 }] }, /meta\.list\[1\]\.f: must be/],
    [{ n: 1n }, /meta\.n/],
    ['text', /meta: must be a plain object/],
    [new Map(), /plain object/],
    [[], /plain object/],
  ];
  for (const [value, message] of wrong) {
    assert.throws(() => encodeMeta(value as Meta), ConfigError);
    assert.throws(() => encodeMeta(value as Meta), message);
  }
  const loop: Record<string, unknown> = {};
  loop.loop = loop;
  assert.throws(() => encodeMeta(loop as Meta), /nest over/);
});

test('what others send is undefined when it is no metadata, and never throws', () => {
  const nested = Buffer.concat([Buffer.alloc(500, 0x91), Buffer.of(1)]);
  for (const bytes of [
    Buffer.alloc(0),
    Buffer.from('{"role":"web"}'),
    Buffer.of(0xc1),
    msgpack.encode([1, 2]),
    msgpack.encode({ at: new Date(0) }),
    msgpack.encode({ error: new Error('no') }),
    encodeMeta({ a: 'bc' }).subarray(0, 3),
    Buffer.concat([encodeMeta({ a: 1 }), Buffer.of(0)]),
    Buffer.of(0xdf, 0xff, 0xff, 0xff, 0xff),
    Buffer.of(0x81, 0x01, 0x02),
    nested,
  ]) {
    assert.equal(decodeMeta(bytes), undefined, bytes.toString('hex'));
  }
});

test('a key called __proto__ is a key like any other', () => {
  const hostile = msgpack.encode(new Map([['__proto__', new Map([['admin', true]])]]), {
    codec: msgpack.createCodec({ usemap: true }),
  });
  const meta = decodeMeta(hostile);
  assert.equal(Object.getPrototypeOf(meta), Object.prototype);
  assert.equal((meta as { admin?: boolean }).admin, undefined);
  assert.deepEqual(Object.keys(meta ?? {}), ['__proto__']);
});

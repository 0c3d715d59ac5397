/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError } from '../../../src/index.js';
import { bytes, invalid, msgpack, Values, type StateSchema } from '../../../src/state/values.js';

const plain = new Values(msgpack, {});

/** A schema of whole numbers, which gives them as text. */
const wholeNumber: StateSchema<string> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) =>
      Number.isInteger(value)
        ? { value: String(value) }
        : { issues: [{ message: 'expected a whole number' }] },
  },
};

function problemOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message;
  }
  return 'nothing was thrown';
}

test('values are decoded as they were encoded', () => {
  const values = [0, -1.5, 2 ** 40, true, null, '', 'wörld', [1, ['a']], { a: { b: [null] } }];
  for (const value of values) {
    assert.deepEqual(plain.decode('key', plain.encode('key', value)), value);
  }
  const blob = plain.decode('key', plain.encode('key', Buffer.of(1, 2, 255)));
  assert.deepEqual(blob, Buffer.of(1, 2, 255));
});

test('the bytes of a value are those of MessagePack', () => {
  assert.equal(plain.encode('key', 7), '\x07');
  assert.equal(plain.encode('key', ['a']), '\x91\xa1a');
});

test('what is no value is refused with its place', () => {
  const cyclic: Record<string, unknown> = {};
  cyclic.self = cyclic;
  for (const value of [undefined, () => 1, 1n, Symbol('x'), new Date(), cyclic, new Map()]) {
    assert.match(
      problemOf(() => plain.encode('load', value)),
      /the value of 'load'/,
    );
  }
  assert.match(
    problemOf(() => plain.encode('load', { a: [1n] })),
    /the value of 'load'\.a\[0\]/,
  );
  assert.match(
    problemOf(() => plain.encode('load', undefined)),
    /delete\(\)/,
  );
});

test('bytes of peers that are no value are invalid, and take no memory or stack', () => {
  const hostile = [
    '',
    '\xc1',
    '\x01\x02',
    '\xdd\xff\xff\xff\xff',
    '\x91'.repeat(100_000),
    '\xdf\xff\xff\xff\xff' + '\xa1a'.repeat(100),
    '\xdc\xff\xff' + '\x00'.repeat(65_535),
    '\xd4\x01\x02',
    '\x81\x01\x02',
  ];
  for (const text of hostile) assert.equal(plain.decode('key', text), invalid, text.slice(0, 20));
});

test('a key called __proto__ has no special meaning in a value', () => {
  const value = plain.decode('key', '\x81\xa9__proto__\x81\xa1x\x01') as object;
  assert.deepEqual(Object.keys(value), ['__proto__']);
  assert.equal((value as { x?: unknown }).x, undefined);
});

test('a schema checks what is set and what is received, and may change what is shown', () => {
  const values = new Values(msgpack, { count: wholeNumber });
  assert.match(
    problemOf(() => values.encode('count', 1.5)),
    /expected a whole number/,
  );
  assert.equal(values.decode('count', values.encode('count', 7)), '7');
  assert.equal(values.decode('count', plain.encode('count', 'text')), invalid);
  assert.equal(values.decode('other', plain.encode('other', 'text')), 'text');
  assert.equal(values.decode('constructor', plain.encode('constructor', 1)), 1);
});

test('a schema that is asynchronous or throws accepts nothing, without a rejection', () => {
  const validate = () => Promise.reject(new Error('later'));
  const slow = { '~standard': { version: 1, vendor: 'test', validate } } as const;
  const values = new Values(msgpack, { slow });
  assert.match(
    problemOf(() => values.encode('slow', 1)),
    /synchronous/,
  );
  assert.equal(values.decode('slow', '\x01'), invalid);
});

test('a codec of the application is used, and what it throws is a problem of the value', () => {
  const raw = new Values(bytes, {});
  assert.deepEqual(raw.decode('key', raw.encode('key', Buffer.of(200))), Buffer.of(200));
  assert.match(
    problemOf(() => raw.encode('key', 'text')),
    /Uint8Array/,
  );
  const broken = new Values({ encode: () => 'text' as never, decode: () => undefined }, {});
  assert.match(
    problemOf(() => broken.encode('key', 1)),
    /no bytes/,
  );
  assert.equal(broken.decode('key', 'x'), invalid);
});

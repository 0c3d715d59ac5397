/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { KeyObject } from 'node:crypto';
import { test } from 'node:test';
import { format, inspect } from 'node:util';
import { ConfigError } from '../../../src/errors.js';
import { Keyring } from '../../../src/security/keyring.js';

const first = Buffer.alloc(16, 0xa1);
const second = Buffer.alloc(24, 0xb2);
const third = Buffer.alloc(32, 0xc3);

function isKeyError(words: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ConfigError);
    assert.equal(error.problems.length, 1);
    assert.equal(error.problems[0]!.field, 'key');
    assert.equal(error.problems[0]!.value, '[hidden]');
    assert.match(error.problems[0]!.rule, words);
    return true;
  };
}

test('the primary key comes first, the others in the order in which they were added', () => {
  const keyring = new Keyring(first, [second]);
  keyring.addKey(third);
  assert.deepEqual(keyring.keys(), [first, second, third]);
  assert.deepEqual(keyring.primaryKey, first);
});

test('keys are 16, 24 or 32 bytes, or their base64 text', () => {
  for (const key of [first, second, third]) {
    const text = key.toString('base64');
    const given = [new Uint8Array(key), text, text.replaceAll('=', ''), `${text}\n`];
    for (const form of given) assert.deepEqual(new Keyring(form).primaryKey, key);
  }
});

test('a key of another length, and a value that is not a key, is refused by every method', () => {
  const wrong: unknown[] = [
    Buffer.alloc(0),
    Buffer.alloc(15),
    Buffer.alloc(17),
    Buffer.alloc(33),
    Buffer.alloc(15).toString('base64'),
    '',
    'not base64 at all',
    `${first.toString('base64')}!`,
    undefined,
    null,
    16,
    [...first],
    new Uint16Array(16),
  ];
  const keyring = new Keyring(first);
  for (const value of wrong) {
    const key = value as Buffer;
    const error = isKeyError(/16, 24 or 32 bytes/);
    assert.throws(() => new Keyring(key), error);
    assert.throws(() => new Keyring(first, [key]), error);
    assert.throws(() => keyring.addKey(key), error);
    assert.throws(() => keyring.useKey(key), error);
    assert.throws(() => keyring.removeKey(key), error);
  }
  assert.deepEqual(keyring.keys(), [first]);
});

test('adding a key twice does nothing', () => {
  const keyring = new Keyring(first, [first, second, second.toString('base64')]);
  keyring.addKey(first);
  keyring.addKey(second);
  assert.deepEqual(keyring.keys(), [first, second]);
});

test('an installed key can be made primary and keeps the others', () => {
  const keyring = new Keyring(first, [second, third]);
  keyring.useKey(third.toString('base64'));
  assert.deepEqual(keyring.keys(), [third, first, second]);
  keyring.useKey(third);
  assert.deepEqual(keyring.keys(), [third, first, second]);
});

test('a key that is not installed cannot be made primary', () => {
  const keyring = new Keyring(first);
  assert.throws(() => keyring.useKey(second), isKeyError(/installed/));
  assert.deepEqual(keyring.keys(), [first]);
});

test('the primary key cannot be removed, any other can', () => {
  const keyring = new Keyring(first, [second]);
  assert.throws(() => keyring.removeKey(first), isKeyError(/primary/));
  keyring.removeKey(second);
  keyring.removeKey(third);
  assert.deepEqual(keyring.keys(), [first]);
});

test('during a rotation both keys work at every step', () => {
  const keyring = new Keyring(first);
  keyring.addKey(second);
  keyring.useKey(second);
  keyring.removeKey(first);
  assert.deepEqual(keyring.keys(), [second]);
});

test('keys are copied on input and on output', () => {
  const key = Buffer.from(first);
  const keyring = new Keyring(key);
  key.fill(0);
  keyring.keys()[0]!.fill(0);
  keyring.primaryKey.fill(0);
  assert.deepEqual(keyring.keys(), [first]);
});

test('the cipher gets the same key objects until the keyring changes', () => {
  const keyring = new Keyring(first, [second]);
  const before = keyring.openingKeys();
  assert.equal(keyring.openingKeys(), before);
  assert.ok(before.every((key) => key instanceof KeyObject));
  keyring.useKey(second);
  const after = keyring.openingKeys();
  assert.equal(
    after[0],
    after.find((key) => key.export().equals(second)),
  );
  assert.equal(after[1], before[0]);
  assert.deepEqual(
    before.map((key) => key.export()),
    [first, second],
  );
});

test('generated keys have the requested length, and differ', () => {
  assert.equal(Keyring.generate().length, 32);
  for (const bytes of [16, 24, 32]) assert.equal(Keyring.generate(bytes).length, bytes);
  assert.notDeepEqual(Keyring.generate(), Keyring.generate());
  for (const bytes of [0, 8, 31, NaN, -16]) {
    assert.throws(() => Keyring.generate(bytes), ConfigError);
  }
});

test('printing a keyring or an error never shows a key', () => {
  const keyring = new Keyring(first, [second]);
  const shown = [
    inspect(keyring, { depth: Infinity, showHidden: true }),
    inspect({ config: { keyring } }, { depth: Infinity }),
    format('%s %o %O %j', keyring, keyring, keyring, keyring),
    JSON.stringify({ keyring }),
    JSON.stringify(Object.entries(keyring)),
  ];
  for (const action of [() => keyring.removeKey(first), () => new Keyring(first.subarray(1))]) {
    assert.throws(action, (error: Error) => {
      shown.push(inspect(error, { depth: Infinity, showHidden: true }), JSON.stringify(error));
      return true;
    });
  }
  for (const text of shown) {
    for (const key of [first, second]) {
      assert.ok(!text.includes(key.toString('base64', 0, 6)), text);
      assert.ok(!text.includes(key.toString('hex', 0, 2)), text);
      assert.ok(!text.includes(`${key[0]!}`), text);
    }
  }
  assert.equal(inspect(keyring), 'Keyring { keys: 2 }');
  assert.equal(JSON.stringify(keyring), '{"keys":2}');
});

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { asError, isError } from '../../../src/runtime/as-error.js';

function foreign(code: string): unknown {
  return runInNewContext(code) as unknown;
}

test('an error is unchanged, also one of another realm, with its code', () => {
  const own = Object.assign(new Error('no'), { code: 'EPERM' });
  assert.equal(asError(own), own);
  const other = foreign(`Object.assign(new TypeError('no'), { code: 'ECONNREFUSED' })`);
  assert.equal(other instanceof Error, false);
  assert.equal(asError(other), other);
  assert.ok(isError(other));
  assert.equal((asError(other) as NodeJS.ErrnoException).code, 'ECONNREFUSED');
  const abort = new DOMException('stop', 'AbortError');
  assert.equal(asError(abort), abort);
});

test('an object with a message and a code becomes an error with both, and is its cause', () => {
  const thrown = { message: 'refused', code: 'ECONNREFUSED' };
  const error: NodeJS.ErrnoException = asError(thrown);
  assert.equal(error.message, 'refused');
  assert.equal(error.code, 'ECONNREFUSED');
  assert.equal(error.cause, thrown);
});

const trap = (name: string): object =>
  Object.defineProperty({}, name, {
    get: () => {
      throw new Error('a trap');
    },
  });
const revoked = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};
const bare = Object.create(null) as object;

for (const [what, thrown] of [
  ['nothing', undefined],
  ['null', null],
  ['a text', 'no'],
  ['a symbol', Symbol('no')],
  ['an object without a text', bare],
  ['an object whose message cannot be read', trap('message')],
  ['an object whose code cannot be read', trap('code')],
  ['an error with a message that is no text', Object.assign(new Error('no'), { message: bare })],
  ['an object whose toString throws', { toString: () => assert.fail('no text') }],
  ['a revoked proxy', revoked()],
] as const) {
  test(`${what} becomes an error with a readable message`, () => {
    const error = asError(thrown);
    assert.ok(error instanceof Error);
    assert.equal(typeof error.message, 'string');
  });
}

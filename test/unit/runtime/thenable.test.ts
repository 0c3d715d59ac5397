/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { catchRejection, isThenable } from '../../../src/runtime/thenable.js';

const no = new Error('no');

function unreadable(): object {
  return Object.defineProperty({}, 'then', {
    get: () => {
      throw no;
    },
  });
}

// Each returns a thenable that rejects with `no`.
const rejecting: Readonly<Record<string, () => unknown>> = {
  'a promise': () => Promise.reject(no),
  'a promise of another realm': () =>
    runInNewContext('new Promise((resolve, reject) => reject(no))', { no }) as unknown,
  'a thenable that rejects at once': () => ({
    then: (_done: unknown, failed: (error: unknown) => void) => failed(no),
  }),
  'a thenable that rejects late, and twice': () => ({
    then: (_done: unknown, failed: (error: unknown) => void) => {
      setImmediate(() => {
        failed(no);
        failed(new Error('again'));
      });
    },
  }),
  'a function with a method then': () =>
    Object.assign(() => undefined, {
      then: (_done: unknown, failed: (error: unknown) => void) => failed(no),
    }),
  'a thenable whose then throws': () => ({
    then: () => {
      throw no;
    },
  }),
  'an object whose then cannot be read': unreadable,
};

for (const [what, make] of Object.entries(rejecting)) {
  test(`a rejection of ${what} is caught once`, async () => {
    const caught: unknown[] = [];
    const value = make();
    assert.ok(isThenable(value));
    catchRejection(value, (error) => caught.push(error));
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    assert.deepEqual(caught, [no]);
  });
}

test('a thenable cannot reject after it was fulfilled', () => {
  const thenable = {
    then: (done: (value: unknown) => void, failed: (error: unknown) => void) => {
      done(1);
      failed(no);
      throw no;
    },
  } as unknown as PromiseLike<unknown>;
  catchRejection(thenable, () => assert.fail('it was fulfilled'));
});

test('any other value is not a promise', () => {
  for (const value of [undefined, null, 7, 'then', {}, { then: 1 }, Buffer.of(1), () => 1]) {
    assert.equal(isThenable(value), false);
  }
});

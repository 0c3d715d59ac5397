/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as errors from '../../src/errors.js';
import { errorCodes, JoinError, MemberlistError, ProtocolError } from '../../src/errors.js';

const cause = new Error('the cause');
const failures = [
  { seed: 'a:1', error: new Error('refused') },
  { seed: 'b', address: '10.0.0.2:7946', error: new Error('timed out') },
];

/** One of each class, by its name. */
const samples: Record<string, Error & { code: errors.ErrorCode }> = {
  ConfigError: new errors.ConfigError([{ field: 'name', value: '', rule: 'must not be empty' }]),
  JoinError: new JoinError(failures),
  NoPingResponseError: new errors.NoPingResponseError('n1', '10.0.0.1:7946', 500),
  TimeoutError: new errors.TimeoutError('leave', 10_000),
  ProtocolError: new ProtocolError('what is this?'),
  MessageTooLargeError: new errors.MessageTooLargeError('metadata', 513, 512),
  BusyError: new errors.BusyError(16_384, 1_000_000),
  StateLimitError: new errors.StateLimitError('maxKeysPerNode', 10_001, 10_000),
  SingletonStoppedError: new errors.SingletonStoppedError('mailer', 'moved'),
  ShutdownError: new errors.ShutdownError('join'),
  NodeNameRequiredError: new errors.NodeNameRequiredError('10.0.0.1:7946'),
};

test('there is a sample of every class of error', () => {
  const classes = Object.entries(errors)
    .filter(([, exported]) => typeof exported === 'function')
    .map(([name]) => name)
    .filter((name) => name !== 'MemberlistError');
  assert.deepEqual(Object.keys(samples).sort(), classes.sort());
});

test('every code belongs to exactly one class', () => {
  const codes = Object.values(samples).map(({ code }) => code);
  assert.deepEqual(codes.sort(), Object.keys(errorCodes).sort());
});

for (const [name, sample] of Object.entries(samples)) {
  test(`${name} has its name, a code of its own name and is a MemberlistError`, () => {
    assert.equal(sample.name, name);
    const words = name.replace(/Error$/, '').replace(/(?<=[a-z])[A-Z]/g, '_$&');
    assert.equal(sample.code, `ERR_MEMBERLIST_${words.toUpperCase()}`);
    assert.ok(sample instanceof MemberlistError);
    assert.ok(sample instanceof Error);
    assert.match(sample.stack ?? '', new RegExp(`^${name}|^\\w*Error`));
    for (const [otherName, other] of Object.entries(errors)) {
      if (typeof other !== 'function' || other === MemberlistError) continue;
      assert.equal(sample instanceof other, otherName === name, `${name} instanceof ${otherName}`);
    }
  });
}

test('a JoinError is a MemberlistError and an AggregateError, with its failures told', () => {
  const error = new JoinError(failures);
  for (const base of [MemberlistError, AggregateError, Error]) {
    assert.equal(error instanceof base, true, base.name);
  }
  assert.deepEqual(
    error.errors,
    failures.map((failure) => failure.error),
  );
  assert.equal(error.failures, failures);
  assert.match(error.message, /a:1: refused/);
  assert.match(error.message, /b \(10\.0\.0\.2:7946\): timed out/);
  assert.match(new JoinError([]).message, /none was given/);
});

test('other errors and other values are no MemberlistErrors', () => {
  for (const value of [new Error('x'), new AggregateError([]), {}, null, undefined, 'x']) {
    assert.equal(value instanceof MemberlistError, false);
  }
});

test('a ConfigError names every field with its rule, and no value', () => {
  const error = new errors.ConfigError([
    { field: 'name', value: 'the-value', rule: 'must be short' },
    { field: 'bindPort', value: -1, rule: 'must be an integer 0–65535' },
  ]);
  assert.match(error.message, /name: must be short\n {2}bindPort: must be an integer/);
  assert.doesNotMatch(error.message, /the-value/);
  assert.equal(error.problems.length, 2);
});

test('a cause is passed on', () => {
  assert.equal(new ProtocolError('x', { cause }).cause, cause);
  assert.equal(new errors.TimeoutError('x', 1, { cause }).cause, cause);
  assert.equal(new errors.ConfigError([], { cause }).cause, cause);
  assert.equal('cause' in new ProtocolError('x'), false);
});

test('sizes, limits and nodes can be read from the errors', () => {
  const tooLarge = new errors.MessageTooLargeError('metadata', 513, 512);
  assert.deepEqual([tooLarge.size, tooLarge.limit], [513, 512]);
  assert.equal(new errors.NoPingResponseError('n1', 'a:1', 5).node, 'n1');
});

test('what peers chose is escaped in messages, and the fields have it as it is', () => {
  const evil = 'evil\u001b[31m\u009b2J\u202egnp\r\nall is well';
  const shown = 'evil\\u001b[31m\\u009b2J\\u202egnp\\u000d\\u000aall is well';
  const refused = { seed: evil, address: '10.0.0.2:7946', error: new Error(evil) };
  const made = {
    join: new JoinError([refused], evil),
    timeout: new errors.TimeoutError(evil, 1, { details: [evil] }),
    protocol: new ProtocolError(evil),
    ping: new errors.NoPingResponseError(evil, '10.0.0.1:7946', 500),
  };
  for (const [what, { message }] of Object.entries(made)) {
    assert.ok(message.includes(shown), `${what}: ${message}`);
    assert.ok(!/[\p{Cc}\p{Cf}]/u.test(message.replaceAll('\n', '')), what);
    assert.ok(!message.includes('\nall is well'), what);
  }
  assert.equal(made.join.failures[0]?.seed, evil);
  assert.equal(made.ping.node, evil);
});

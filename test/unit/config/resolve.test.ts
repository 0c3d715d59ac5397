/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { Registry } from 'prom-client';
import type { MemberlistConfig, ResolvedConfig } from '../../../src/config/options.js';
import { keyFields } from '../../../src/config/key-settings.js';
import { lanConfig, localConfig, wanConfig } from '../../../src/config/presets.js';
import { resolveConfig } from '../../../src/config/resolve.js';
import { rules } from '../../../src/config/rules.js';
import { ConfigError, type ConfigProblem } from '../../../src/errors.js';
import { systemClock } from '../../../src/runtime/system-clock.js';
import { systemRandom } from '../../../src/runtime/system-random.js';
import { Keyring } from '../../../src/security/keyring.js';

/** Resolves any value that an untyped caller may pass. */
const resolve = (config: unknown): ResolvedConfig => resolveConfig(config as MemberlistConfig);

function problemsOf(config: unknown): readonly ConfigProblem[] {
  try {
    resolve(config);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems;
  }
  return [];
}

const brokenFields = (config: unknown) => problemsOf(config).map(({ field }) => field);
const nothing = () => undefined;

test('without a configuration every setting has the LAN default', () => {
  const { bindAddr, ...rest } = lanConfig();
  for (const config of [undefined, {}]) {
    const resolved = resolveConfig(config);
    assert.deepEqual(resolved, {
      ...rest,
      bindAddr: [bindAddr],
      name: hostname(),
      clock: systemClock,
      random: systemRandom,
      advertiseAddr: undefined,
      advertisePort: undefined,
      keyFile: undefined,
      keyring: undefined,
      cidrsAllowed: undefined,
      seeds: undefined,
      snapshot: undefined,
      expectedMembers: undefined,
      disableTcpPingsForNode: undefined,
      delegate: undefined,
      events: undefined,
      conflict: undefined,
      merge: undefined,
      ping: undefined,
      alive: undefined,
      transport: undefined,
      logger: undefined,
      use: [],
    });
  }
});

test('every setting is either resolved or converted to the keyring', () => {
  const resolved = Object.keys(resolveConfig({}));
  assert.deepEqual([...resolved, 'secretKey'].sort(), Object.keys(rules).sort());
});

test('an undefined field counts as not set, known or not, unless it is a key', () => {
  const others = Object.keys(rules).filter((field) => !keyFields.some((key) => key === field));
  const config = Object.fromEntries(others.map((field) => [field, undefined]));
  assert.deepEqual(resolve({ ...config, nonsense: undefined }), resolveConfig({}));
});

test('a given value replaces the default', () => {
  const delegate = { nodeMeta: () => Buffer.from('x') };
  const resolved = resolveConfig({ name: 'a', probeInterval: 250.5, label: 'blue', delegate });
  assert.equal(resolved.name, 'a');
  assert.equal(resolved.probeInterval, 250.5);
  assert.equal(resolved.label, 'blue');
  assert.equal(resolved.delegate, delegate);
  assert.equal(resolved.gossipInterval, 200);
});

test('an address to bind becomes a list, and a list stays one', () => {
  assert.deepEqual(resolveConfig({ bindAddr: '::1' }).bindAddr, ['::1']);
  assert.deepEqual(resolveConfig({ bindAddr: ['127.0.0.1', '::1'] }).bindAddr, [
    '127.0.0.1',
    '::1',
  ]);
});

test('port 0 to advertise means the bound port', () => {
  assert.equal(resolveConfig({ advertisePort: 0 }).advertisePort, undefined);
  assert.equal(resolveConfig({ advertisePort: 80 }).advertisePort, 80);
});

test('missing options of rejoin have their defaults, and seeds are copied', () => {
  const hour = 3_600_000;
  const rejoin = { interval: 5_000, timeout: undefined };
  const seeds = ['10.0.0.1'];
  const resolved = resolveConfig({ rejoin, seeds });
  seeds.push('10.0.0.2');
  assert.deepEqual(resolved.rejoin, { interval: 5_000, timeout: 10_000, forgetAfter: 72 * hour });
  assert.deepEqual(resolved.seeds, ['10.0.0.1']);
  assert.ok(Object.isFrozen(resolved.rejoin) && Object.isFrozen(resolved.seeds));
  assert.equal(resolveConfig({ rejoin: false }).rejoin, false);
});

test('a secret key becomes a keyring and is not kept', () => {
  const key = Keyring.generate(16);
  for (const secretKey of [key, key.toString('base64')]) {
    const resolved = resolveConfig({ secretKey });
    assert.deepEqual(resolved.keyring?.keys(), [key]);
    assert.ok(!('secretKey' in resolved));
  }
  const keyring = new Keyring(key);
  assert.equal(resolveConfig({ keyring }).keyring, keyring);
});

test('the result is frozen, and later changes of the input do not affect it', () => {
  const bindAddr = ['127.0.0.1'];
  const cidrsAllowed = ['10.0.0.0/8'];
  const labels = { cluster: 'blue' };
  const registry = new Registry();
  const delegate = {};
  const resolved = resolveConfig({
    bindAddr,
    cidrsAllowed,
    delegate,
    metrics: { labels, registry },
  });
  bindAddr.push('::1');
  cidrsAllowed.push('::/0');
  labels.cluster = 'green';

  assert.deepEqual(resolved.bindAddr, ['127.0.0.1']);
  assert.deepEqual(resolved.cidrsAllowed, ['10.0.0.0/8']);
  assert.ok(resolved.metrics !== false);
  assert.deepEqual(resolved.metrics.labels, { cluster: 'blue' });
  assert.equal(resolved.metrics.registry, registry);
  for (const part of [
    resolved,
    resolved.bindAddr,
    resolved.cidrsAllowed,
    resolved.metrics,
    resolved.metrics.labels,
  ]) {
    assert.ok(Object.isFrozen(part));
  }
  assert.ok(!Object.isFrozen(delegate));
  assert.ok(!Object.isFrozen(registry));
});

test('a problem has the given value, except for keys', () => {
  for (const field of Object.keys(rules)) {
    const value = Symbol('no value of any setting');
    const secret = field === 'secretKey' || field === 'keyring';
    const problems = problemsOf({ [field]: value });
    assert.equal(problems.length, 1);
    assert.equal(problems[0]!.field, field);
    assert.equal(problems[0]!.value, secret ? '[hidden]' : value);
    assert.match(problems[0]!.rule, /must/);
  }
  assert.ok(Number.isNaN(problemsOf({ probeTimeout: NaN })[0]!.value));
});

test('all mistakes are reported at once, in the order of the settings, unknown ones last', () => {
  const config = { zebra: 1, probeTimeout: 0, bindPort: -1, name: '', apple: 2 };
  const expected = ['name', 'bindPort', 'probeTimeout', 'zebra', 'apple'];
  assert.deepEqual(brokenFields(config), expected);
  assert.deepEqual(brokenFields(config), expected);
});

test('an unknown field is a mistake, with the most likely intended name', () => {
  assert.deepEqual(problemsOf({ probeIntervall: 5, __proto: 1, favouriteColour: 'blue' }), [
    { field: 'probeIntervall', value: 5, rule: "unknown field; did you mean 'probeInterval'?" },
    { field: '__proto', value: 1, rule: 'unknown field' },
    { field: 'favouriteColour', value: 'blue', rule: 'unknown field' },
  ]);
  assert.deepEqual(brokenFields({ toString: 1, constructor: 2 }), ['toString', 'constructor']);
  assert.deepEqual(brokenFields(JSON.parse('{"__proto__": {"name": "x"}}')), ['__proto__']);
});

test('no error shows a key, not even under a misspelled name', () => {
  const text = 'c2VjcmV0LXNlY3JldC1zZWNyZXQ';
  const key = Buffer.from(text, 'base64');
  for (const config of [
    { secretKey: text },
    { secretKey: key, keyring: new Keyring(Buffer.alloc(16)) },
    { keyring: text },
    { keyring: [key] },
    { secretkey: text },
    { SecretKeys: text },
    { encryptionKey: text },
    { gossipBytes: key },
  ]) {
    assert.throws(
      () => resolve(config),
      (error) => {
        assert.ok(error instanceof ConfigError);
        const shown = inspect(error, { depth: 10 }) + JSON.stringify(error.problems);
        for (const part of [text.slice(0, 12), key.toString('hex', 0, 4), '73 65 63', '115']) {
          assert.ok(!shown.includes(part), shown);
        }
        return error.problems.every(({ value }) => value === '[hidden]');
      },
    );
  }
});

test('a secret key and a keyring together contradict each other', () => {
  const secretKey = Buffer.alloc(16);
  assert.deepEqual(problemsOf({ secretKey, keyring: new Keyring(secretKey) }), [
    {
      field: 'secretKey',
      value: '[hidden]',
      rule: 'must not be given together with keyring',
    },
  ]);
});

test('a key property without a value is one mistake, with one sentence that says what to do', () => {
  const blanks = [undefined, null, '', ' \n', Buffer.alloc(0), new Uint8Array()];
  for (const field of keyFields) {
    for (const value of blanks) {
      for (const other of [{}, { plaintext: true }]) {
        const [problem, ...more] = problemsOf({ ...other, [field]: value });
        assert.deepEqual(more, []);
        assert.equal(problem?.field, field);
        assert.match(problem.rule, /environment variable/);
        assert.match(problem.rule, new RegExp(`omit ${field} and set plaintext: true`));
        assert.doesNotMatch(problem.rule, /[.\n]/, 'it is one sentence');
      }
    }
  }
  const both = { secretKey: undefined, keyFile: '' };
  assert.deepEqual(brokenFields(both), ['secretKey', 'keyFile']);
  assert.deepEqual(
    brokenFields({ ...both, keyFile: undefined, keyring: Buffer.alloc(0) }).length,
    3,
  );
});

test('a key property that only a prototype has as undefined, or no key at all, is not a mistake', () => {
  assert.deepEqual(problemsOf(Object.create({ secretKey: undefined })), []);
  for (const preset of [lanConfig(), wanConfig(), localConfig()]) {
    assert.deepEqual(problemsOf({ ...preset }), []);
    assert.deepEqual(
      keyFields.filter((field) => field in preset),
      [],
    );
  }
});

test('plaintext contradicts a key, and is false by default', () => {
  const secretKey = Buffer.alloc(16);
  assert.equal(resolveConfig({}).plaintext, false);
  assert.equal(resolveConfig({ plaintext: true }).plaintext, true);
  assert.deepEqual(problemsOf({ secretKey, plaintext: false }), []);
  for (const key of [{ secretKey }, { keyring: new Keyring(secretKey) }]) {
    const [problem, ...more] = problemsOf({ ...key, plaintext: true });
    assert.deepEqual([problem?.field, problem?.value, more], ['plaintext', true, []]);
    assert.match(problem?.rule ?? '', /^must not be true together with (secretKey|keyring)$/);
  }
});

test('the version of the delegate protocol lies between its bounds', () => {
  const version = (min: unknown, current: unknown, max: unknown) => ({
    delegateProtocolMin: min,
    delegateProtocolVersion: current,
    delegateProtocolMax: max,
  });
  assert.deepEqual(brokenFields(version(1, 2, 3)), []);
  assert.deepEqual(brokenFields(version(255, 255, 255)), []);
  assert.deepEqual(brokenFields(version(3, 3, 2)), ['delegateProtocolMin']);
  assert.deepEqual(brokenFields(version(2, 1, 3)), ['delegateProtocolVersion']);
  assert.deepEqual(brokenFields(version(2, 4, 3)), ['delegateProtocolVersion']);
  assert.deepEqual(brokenFields({ delegateProtocolVersion: 1 }), ['delegateProtocolVersion']);
  assert.deepEqual(brokenFields({ delegateProtocolMin: 1 }), ['delegateProtocolMin']);
  assert.deepEqual(brokenFields(version(3, 3, 'x')), ['delegateProtocolMax']);
});

test('a probe timeout may exceed the probe interval, as in Go', () => {
  assert.deepEqual(problemsOf({ probeTimeout: 2_000, probeInterval: 1_000 }), []);
});

test('a configuration that is not an object is one mistake', () => {
  for (const config of [null, 'lan', 5, true, [], nothing]) {
    const problems = problemsOf(config);
    assert.equal(problems.length, 1);
    assert.equal(problems[0]!.field, 'config');
    assert.equal(problems[0]!.value, config);
  }
});

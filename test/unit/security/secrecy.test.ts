/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A node uses keys and never shows them: neither in printed or copied objects, nor in
// errors, log lines, events or metrics.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { format, inspect } from 'node:util';
import { serialize } from 'node:v8';
import createDebug from 'debug';
import { Registry } from 'prom-client';
import { JoinError, Keyring, Memberlist } from '../../../src/index.js';
import { layersFor } from '../../../src/security/layers.js';
import { addressOf, Cluster, Log, rejection, until } from '../memberlist/cluster.js';

const sizes = [16, 24, 32] as const;

/** All encodings of a part of a key: four bytes at each offset. */
function* traces(key: Buffer): Iterable<string> {
  for (let at = 0; at + 4 <= key.length; at++) {
    const piece = key.subarray(at, at + 4);
    const [hex, numbers] = [piece.toString('hex'), [...piece]];
    yield* [hex, hex.toUpperCase(), hex.replace(/..(?!$)/g, '$& ')];
    yield* [numbers.join(), numbers.join(', '), piece.toString('latin1')];
  }
  // Base64 in its three alignments, without the characters that bytes beside it have a part in.
  for (const start of [0, 1, 2]) {
    for (const encoding of ['base64', 'base64url'] as const) {
      const text = key.subarray(start).toString(encoding);
      for (let at = 0; at + 6 <= text.length - 4; at += 4) yield text.slice(at, at + 6);
    }
  }
}

function assertHidden(keys: readonly Buffer[], shown: readonly (string | Buffer)[]): void {
  for (const each of shown) {
    const text = typeof each === 'string' ? each : each.toString('latin1');
    // A list is printed in columns.
    const inOneLine = text.replace(/\s+/g, ' ');
    for (const key of keys) {
      for (const trace of traces(key)) {
        assert.ok(!text.includes(trace) && !inOneLine.includes(trace), text);
      }
    }
  }
}

/** The result of copying or printing, or its error. */
function outcome(make: () => string | Buffer): string | Buffer {
  try {
    return make();
  } catch (error) {
    return inspect(error, { depth: Infinity, showHidden: true });
  }
}

function printed(value: unknown): (string | Buffer)[] {
  return [
    inspect(value, { depth: 10, showHidden: true }),
    inspect(value, { depth: 10, showHidden: true, getters: true }),
    inspect(value, { depth: 10, customInspect: false, showHidden: true, showProxy: true }),
    outcome(() => format('%s %o %O %j', value, value, value, value)),
    outcome(() => JSON.stringify(value)),
    outcome(() => JSON.stringify(Object.entries(value as object))),
    outcome(() => String(value)),
    outcome(() => serialize(value)),
    outcome(() => inspect(structuredClone(value), { depth: 10, showHidden: true })),
    outcome(() => inspect({ ...(value as object) }, { depth: 10, showHidden: true })),
  ];
}

test('the search of this test finds a key in any output that shows one', () => {
  const key = randomBytes(32);
  for (const shown of [
    key,
    key.toString('hex'),
    key.toString('base64'),
    `x${key.toString('base64url', 1)}`,
    key.subarray(5, 20).toString('base64'),
    inspect(key),
    inspect([...key]),
    JSON.stringify(key),
    inspect(new Uint8Array(key)),
    inspect({ a: { secretKey: key } }),
  ]) {
    assert.throws(() => assertHidden([key], [shown]), inspect(shown));
  }
  assertHidden([key], [randomBytes(32).toString('hex')]);
});

test('no printed output and no copy of a Memberlist or its parts shows a key', async () => {
  await using cluster = new Cluster();
  for (const size of sizes) {
    const keys = [randomBytes(size), randomBytes(16)] as const;
    const keyring = new Keyring(keys[0], [keys[1]]);
    const list = await cluster.node(`with a keyring ${size}`, { keyring });
    const other = await cluster.node(`with a key ${size}`, { secretKey: keys[0] });
    const { cipher } = layersFor(list.config);
    assert.ok(cipher);
    for (const value of [list, list.config, keyring, { keyring }, [keyring], cipher, other]) {
      assertHidden(keys, printed(value));
    }
    assertHidden(keys, printed(list.localNode));
    assertHidden(keys, printed(list.members()));
  }
});

test('a copy of a keyring is empty, and not a keyring', () => {
  const keyring = new Keyring(randomBytes(32));
  const copy: unknown = structuredClone(keyring);
  assert.deepEqual(copy, {});
  assert.ok(!(copy instanceof Keyring));
});

test('no error about a key shows it', async () => {
  const good = randomBytes(32);
  const keyring = new Keyring(good);
  for (const length of [1, 15, 33]) {
    const bad = randomBytes(length);
    const texts = [bad.toString('base64'), `${good.toString('hex')}!`, good.toString('latin1')];
    for (const key of [bad, ...texts]) {
      const errors: unknown[] = [];
      const attempts: (() => unknown)[] = [
        () => new Keyring(key),
        () => new Keyring(good, [key]),
        () => keyring.addKey(key),
        () => keyring.useKey(key),
        () => keyring.removeKey(key),
        () => Memberlist.create({ secretKey: key }),
        () => Memberlist.create({ secretkey: key } as object),
        () => Memberlist.create({ keyring: [key] } as object),
        () => Memberlist.create({ encryptionKey: key } as object),
      ];
      for (const attempt of attempts) {
        const running = new Promise((resolve) => resolve(attempt()));
        errors.push(await rejection(running, Error));
      }
      assert.equal(errors.length, attempts.length);
      const secrets = [good, ...(bad.length >= 4 ? [bad] : [])];
      for (const error of errors) assertHidden(secrets, printed(error));
    }
  }
  for (const misuse of [() => keyring.removeKey(good), () => keyring.useKey(randomBytes(16))]) {
    assert.throws(misuse, (error) => {
      assertHidden([good], printed(error));
      return true;
    });
  }
});

test('no log line, event or metric of a rotation shows a key, nor one about a wrong key', async (t) => {
  const lines: string[] = [];
  const [oldKey, newKey, wrongKey] = [randomBytes(16), randomBytes(32), randomBytes(24)];
  const original = createDebug.log;
  createDebug.log = (...args: unknown[]) => void lines.push(format(...args));
  createDebug.enable('memberlist:*');
  t.after(() => {
    createDebug.disable();
    createDebug.log = original;
  });
  await using cluster = new Cluster();
  const registry = new Registry();
  const log = new Log();
  const a = await cluster.node('a', { keyring: new Keyring(oldKey), metrics: { registry } });
  const b = await cluster.node('b', { secretKey: oldKey, logger: log });
  const stranger = await cluster.node('stranger', { secretKey: wrongKey });
  const events: unknown[] = [];
  void (async () => {
    for await (const event of a.events()) events.push(event);
  })();
  await b.join([addressOf(a).addr]);
  for (const change of ['addKey', 'useKey', 'removeKey'] as const) {
    for (const list of [a, b]) {
      list.keyring?.[change](change === 'removeKey' ? oldKey : newKey);
      await list.updateNode();
      await a.sendReliable(b.localNode, Buffer.from(change));
      await b.sendBestEffort(a.localNode, Buffer.from(change));
    }
  }
  const refusal = await rejection(stranger.join([addressOf(a).addr]), JoinError);
  await stranger.sendToAddress(addressOf(a), Buffer.from('hello'));
  const isDropped = async (): Promise<boolean> =>
    /drops_total\{.*undecryptable.*\} [2-9]/.test(await registry.metrics());
  while (!(await isDropped())) await new Promise((resolve) => setImmediate(resolve));
  await until([a, b], () => log.lines.length > 0 && lines.some((line) => line.includes('key')));
  const fields = log.lines.map((line) => inspect(line, { depth: 10, showHidden: true }));
  const keys = [oldKey, newKey, wrongKey];
  assertHidden(keys, [...lines, ...fields, await registry.metrics()]);
  assertHidden(keys, printed(refusal));
  assertHidden(keys, printed(events));
  assert.ok(lines.length >= 3, lines.join('\n'));
});

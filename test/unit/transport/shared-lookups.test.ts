/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { resolveSeed } from '../../../src/transport/resolve.js';
import { SharedLookups } from '../../../src/transport/shared-lookups.js';

interface LookUpUnderWay {
  readonly name: string;
  readonly signal: AbortSignal;
  readonly end: (result: string | Error) => void;
}

function harness(): { lookups: SharedLookups<string>; begun: LookUpUnderWay[] } {
  const begun: LookUpUnderWay[] = [];
  const lookups = new SharedLookups<string>(
    (name, signal) =>
      new Promise((resolve, reject) => {
        const end = (result: string | Error): void =>
          result instanceof Error ? reject(result) : resolve(result);
        begun.push({ name, signal, end });
      }),
  );
  return { lookups, begun };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

suite('look-ups of one name', () => {
  test('of the same name are one lookup, and all callers get its answer', async () => {
    const { lookups, begun } = harness();
    const asked = [lookups.lookUp('a'), lookups.lookUp('a'), lookups.lookUp('b')];
    assert.deepEqual(
      begun.map(({ name }) => name),
      ['a', 'b'],
    );
    for (const { name, end } of begun) end(`the address of ${name}`);
    assert.deepEqual(await Promise.all(asked), [
      'the address of a',
      'the address of a',
      'the address of b',
    ]);
  });

  test('start again after the previous lookup has ended', async () => {
    const { lookups, begun } = harness();
    const first = lookups.lookUp('a');
    begun[0]?.end(new Error('no answer'));
    await assert.rejects(first, /no answer/);
    const second = lookups.lookUp('a');
    assert.equal(begun.length, 2);
    begun[1]?.end('here');
    assert.equal(await second, 'here');
  });

  test('are aborted when all callers have canceled, and not before', async () => {
    const { lookups, begun } = harness();
    const reason = new Error('never mind');
    const [first, second] = [new AbortController(), new AbortController()];
    const asked = [lookups.lookUp('a', first.signal), lookups.lookUp('a', second.signal)];
    first.abort(reason);
    await assert.rejects(asked[0]!, reason);
    assert.equal(begun[0]?.signal.aborted, false);
    second.abort(reason);
    await assert.rejects(asked[1]!, reason);
    assert.equal(begun[0].signal.aborted, true);
  });

  test('do not overlap a canceled lookup that has not ended yet', async () => {
    const { lookups, begun } = harness();
    const stop = new AbortController();
    const given = lookups.lookUp('a', stop.signal);
    stop.abort(new Error('never mind'));
    await assert.rejects(given);
    const next = lookups.lookUp('a');
    await turn();
    assert.equal(begun.length, 1);
    begun[0]?.end(new Error('cancelled'));
    await turn();
    assert.equal(begun.length, 2);
    begun[1]?.end('here');
    assert.equal(await next, 'here');
    await assert.rejects(lookups.lookUp('a', AbortSignal.abort(new Error('no'))), /no/);
    assert.equal(begun.length, 2);
  });

  test('are shared by all nodes of a process with the same lookup function', async () => {
    let lookups = 0;
    const lookup = (): Promise<{ address: string }[]> => {
      lookups++;
      return turn().then(() => [{ address: '192.0.2.1' }]);
    };
    const options = { defaultPort: 7946, lookup };
    const found = await Promise.all(
      ['db', 'db:80', 'n/db'].map((seed) => resolveSeed(seed, options)),
    );
    assert.equal(lookups, 1);
    assert.deepEqual(
      found.map(([address]) => address?.addr),
      ['192.0.2.1:7946', '192.0.2.1:80', '192.0.2.1:7946'],
    );
  });
});

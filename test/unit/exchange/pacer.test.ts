/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ShutdownError } from '../../../src/errors.js';
import { Pacer } from '../../../src/exchange/pacer.js';
import { VirtualClock } from '../../../src/testing/index.js';
import type { Sliced } from '../../../src/wire/sliced.js';

/** Work with a number of slices; records each slice. */
function* work(name: string, slices: number, log: string[]): Sliced<string> {
  for (let slice = 1; slice <= slices; slice++) {
    log.push(`${name}${slice}`);
    if (slice < slices) yield;
  }
  return name;
}

function harness(): { pacer: Pacer; log: string[]; turns: () => Promise<number> } {
  const clock = new VirtualClock();
  const log: string[] = [];
  // Turn by turn, each with all its consequences.
  const turns = async (): Promise<number> => {
    let count = 0;
    for (; clock.runNext(); count++) {
      log.push('|');
      await settled();
    }
    return count;
  };
  return { pacer: new Pacer({ clock }), log, turns };
}

async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

test('work of one slice runs immediately, without a turn', async () => {
  const { pacer, log, turns } = harness();
  const result = pacer.run(work('a', 1, log));
  assert.deepEqual(log, ['a1']);
  assert.equal(await result, 'a');
  assert.equal(await turns(), 0);
});

test('longer work waits for a turn of the event loop between two slices', async () => {
  const { pacer, log, turns } = harness();
  const result = pacer.run(work('a', 3, log));
  await turns();
  assert.deepEqual(log, ['a1', '|', 'a2', '|', 'a3']);
  assert.equal(await result, 'a');
});

test('each turn runs one slice of the pending work, in order', async () => {
  const { pacer, log, turns } = harness();
  const results = ['a', 'b', 'c'].map((name) => pacer.run(work(name, 2, log)));
  await settled();
  assert.deepEqual(log, ['a1'], 'who comes while there is long work waits, however short its own');
  await turns();
  assert.deepEqual(log.join(' '), 'a1 | a2 | b1 | c1 | b2 | c2');
  assert.deepEqual(await Promise.all(results), ['a', 'b', 'c']);
});

test('after long work has finished, the next work runs immediately again', async () => {
  const { pacer, log, turns } = harness();
  void pacer.run(work('a', 2, log));
  await turns();
  log.length = 0;
  void pacer.run(work('b', 1, log));
  assert.deepEqual(log, ['b1']);
});

test('work that throws rejects, and other work continues', async () => {
  const { pacer, log, turns } = harness();
  function* failing(): Sliced<never> {
    yield;
    throw new Error('broken');
  }
  void pacer.run(work('a', 3, log));
  const failed = pacer.run(failing());
  const rejected = assert.rejects(failed, /broken/);
  await turns();
  await rejected;
  assert.deepEqual(log.filter((entry) => entry !== '|').join(' '), 'a1 a2 a3');
});

test('after a stop no work continues, no turn is left, and waiting work rejects', async () => {
  const { pacer, log, turns } = harness();
  const results = ['a', 'b', 'c'].map((name) => pacer.run(work(name, 3, log)));
  const outcomes = Promise.allSettled(results);
  await settled();
  pacer.stop();
  assert.equal(await turns(), 0, 'no turn is waited for');
  for (const outcome of await outcomes) {
    assert.equal(outcome.status, 'rejected');
    assert.ok(outcome.reason instanceof ShutdownError, String(outcome.reason));
  }
  await assert.rejects(pacer.run(work('d', 1, log)), ShutdownError);
  assert.deepEqual(log, ['a1']);
});

test('work that stops the pacer itself ends with that slice', async () => {
  const { pacer, log, turns } = harness();
  function* last(): Sliced<void> {
    pacer.stop();
    yield;
    log.push('too late');
  }
  await assert.rejects(pacer.run(last()), ShutdownError);
  assert.equal(await turns(), 0);
  assert.deepEqual(log, []);
});

test('exclusive work starts when the previous one has finished, and other work continues in between', async () => {
  const { pacer, log, turns } = harness();
  const results = ['a', 'b'].map((name) => pacer.runAlone(work(name, 3, log)));
  results.push(pacer.run(work('c', 2, log)));
  await turns();
  assert.deepEqual(await Promise.all(results), ['a', 'b', 'c']);
  assert.deepEqual(log.filter((entry) => entry !== '|').join(' '), 'a1 a2 c1 a3 c2 b1 b2 b3');
});

test('work with an aborted signal is dropped at once, wherever it waits', async () => {
  const { pacer, log, turns } = harness();
  const controllers = ['a', 'b', 'c', 'd'].map(() => new AbortController());
  const [inTurn, alone, next, early] = controllers.map(({ signal }) => signal);
  const reason = new Error('enough');
  const outcomes = Promise.allSettled([
    pacer.runAlone(work('a', 3, log), inTurn),
    pacer.runAlone(work('b', 3, log), alone),
    pacer.runAlone(work('c', 3, log), next),
  ]);
  await settled();
  controllers[1]?.abort(reason);
  controllers[0]?.abort(reason);
  controllers[3]?.abort(reason);
  await assert.rejects(pacer.run(work('d', 1, log), early), reason);
  await turns();
  const [first, second, third] = await outcomes;
  assert.deepEqual(
    [first, second].map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  assert.deepEqual(third, { status: 'fulfilled', value: 'c' });
  assert.deepEqual(log.filter((entry) => entry !== '|').join(' '), 'a1 c1 c2 c3');
});

test('after a stop, waiting exclusive work rejects as well', async () => {
  const { pacer, log, turns } = harness();
  const outcomes = Promise.allSettled(['a', 'b'].map((name) => pacer.runAlone(work(name, 3, log))));
  await settled();
  pacer.stop();
  assert.equal(await turns(), 0);
  for (const outcome of await outcomes) assert.equal(outcome.status, 'rejected');
  assert.deepEqual(log, ['a1']);
});

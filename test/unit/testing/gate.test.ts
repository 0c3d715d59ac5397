/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Gate } from '../../../src/testing/gate.js';
import { VirtualClock } from '../../../src/testing/index.js';

function setUp(): { clock: VirtualClock; gate: Gate; passed: string[]; send: (t: string) => void } {
  const clock = new VirtualClock();
  const gate = new Gate(clock);
  const passed: string[] = [];
  const send = (text: string): void => gate.pass(() => passed.push(text));
  return { clock, gate, passed, send };
}

suite('a gate', () => {
  test('runs actions immediately while it is open', () => {
    const { gate, passed, send } = setUp();
    assert.ok(gate.isClear);
    send('a');
    assert.deepEqual(passed, ['a']);
    gate.open();
    send('b');
    assert.deepEqual(passed, ['a', 'b']);
  });

  test('delays actions while it is shut, and then runs them in order', () => {
    const { clock, gate, passed, send } = setUp();
    gate.shut();
    for (const text of ['a', 'b', 'c']) send(text);
    clock.advance(1_000);
    assert.deepEqual([passed.length, gate.waiting, gate.isClear], [0, 3, false]);
    gate.open();
    assert.deepEqual(passed, [], 'each in an event of its own');
    clock.advance(0);
    assert.deepEqual(passed, ['a', 'b', 'c']);
    assert.ok(gate.isClear);
  });

  test('actions that arrive while it is emptied run last', () => {
    const { clock, gate, passed, send } = setUp();
    gate.shut();
    for (const text of ['a', 'b']) send(text);
    gate.open();
    send('c');
    clock.runNext();
    send('d');
    clock.advance(0);
    assert.deepEqual(passed, ['a', 'b', 'c', 'd']);
    assert.equal(clock.pending, 0);
  });

  test('what the first to pass bring about comes after all of them', () => {
    const { clock, gate, passed } = setUp();
    gate.shut();
    for (const text of ['a', 'b']) {
      gate.pass(() => {
        passed.push(text);
        clock.afterTurn(() => passed.push(`after ${text}`));
      });
    }
    gate.open();
    clock.advance(0);
    assert.deepEqual(passed, ['a', 'b', 'after a', 'after b']);
  });

  test('may be shut again while it empties itself, and loses nothing', () => {
    const { clock, gate, passed, send } = setUp();
    gate.shut();
    for (const text of ['a', 'b', 'c']) send(text);
    gate.open();
    clock.runNext();
    gate.shut();
    clock.advance(10);
    assert.deepEqual(passed, ['a']);
    gate.open();
    clock.advance(0);
    assert.deepEqual(passed, ['a', 'b', 'c']);
  });

  test('discard() drops waiting actions, and opens it', () => {
    const { clock, gate, passed, send } = setUp();
    gate.shut();
    send('a');
    gate.discard();
    send('b');
    clock.advance(10);
    assert.deepEqual(passed, ['b']);
  });
});

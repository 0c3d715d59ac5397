/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { CatchUp } from '../../../src/core/catch-up.js';
import { Counters } from '../../../src/core/counters.js';
import { Inbox } from '../../../src/core/inbox.js';
import { VirtualClock } from '../../../src/testing/index.js';

const maxTurns = 64;

function makeCatchUp() {
  const clock = new VirtualClock();
  const counters = new Counters();
  const handled: number[] = [];
  const handle = ({ start }: { start: number }): void => void handled.push(start);
  const inbox = new Inbox({ clock, counters }, { depth: 10_000, handle });
  const catchUp = new CatchUp({ clock, counters, inbox });
  const claim = (id: number): void => {
    counters.packetsIn++;
    inbox.add({ buf: Buffer.alloc(0), start: id, end: id, from: { addr: '' } }, 'low');
  };
  return { clock, counters, inbox, catchUp, handled, claim };
}

suite('CatchUp', () => {
  test('calls back after one turn when no packet had arrived', () => {
    const { clock, catchUp } = makeCatchUp();
    let calls = 0;
    catchUp.wait(() => calls++);
    assert.equal(calls, 0);
    assert.equal(clock.pending, 1);
    clock.runNext();
    assert.equal(calls, 1);
    assert.deepEqual([clock.pending, clock.now()], [0, 0]);
  });

  test('after stop it makes no callback and leaves no pending turn', () => {
    const { clock, catchUp, claim } = makeCatchUp();
    const calls: string[] = [];
    catchUp.wait(() => calls.push('at once'));
    claim(1);
    clock.runNext();
    catchUp.wait(() => calls.push('later'));
    const ofInbox = 1;
    assert.ok(clock.pending > ofInbox);
    catchUp.stop();
    assert.equal(clock.pending, ofInbox);
    catchUp.wait(() => calls.push('too late'));
    assert.equal(clock.pending, ofInbox);
    clock.advance(1_000);
    assert.deepEqual(calls, []);
  });

  test('is still waiting when the packets from the socket are processed', () => {
    const { clock, catchUp, handled, claim } = makeCatchUp();
    const seen: number[][] = [];
    clock.afterTurn(() => claim(1));
    catchUp.wait(() => seen.push([...handled]));
    clock.advance(0);
    assert.deepEqual(seen, [[1]]);
  });

  test('waits until the inbox is empty, regardless of the number of slices', () => {
    const { clock, catchUp, inbox, claim } = makeCatchUp();
    for (let id = 0; id < 3000; id++) claim(id);
    let left: number | undefined;
    catchUp.wait(() => (left = inbox.size));
    clock.advance(0);
    assert.equal(left, 0);
  });

  test('waits one more turn while packets arrive that are processed at once', () => {
    const { clock, counters, catchUp } = makeCatchUp();
    let calls = 0;
    const read = (packets: number) => () => {
      counters.packetsIn++;
      if (packets > 1) clock.afterTurn(read(packets - 1));
    };
    clock.afterTurn(read(5));
    catchUp.wait(() => {
      calls++;
      assert.equal(counters.packetsIn, 5);
    });
    let steps = 0;
    while (clock.runNext()) steps++;
    assert.equal(calls, 1);
    // Five for the packets, one with each of them, and one more that found nothing new.
    assert.equal(steps, 11);
  });

  test('a packet that arrived long ago does not make it wait', () => {
    const { clock, counters, catchUp } = makeCatchUp();
    counters.packetsIn = 1000;
    let calls = 0;
    catchUp.wait(() => calls++);
    clock.runNext();
    assert.equal(calls, 1);
  });

  test('does not wait for the end of a constant flood', () => {
    const { clock, counters, catchUp } = makeCatchUp();
    let turns = 0;
    const flood = (): void => {
      turns++;
      counters.packetsIn++;
      if (turns < 10 * maxTurns) clock.afterTurn(flood);
    };
    clock.afterTurn(flood);
    let turnsAtCall = 0;
    catchUp.wait(() => (turnsAtCall = turns));
    clock.advance(0);
    assert.ok(turnsAtCall >= maxTurns, `gave up after ${turnsAtCall} turns`);
    assert.ok(turnsAtCall <= maxTurns + 2, `gave up only after ${turnsAtCall} turns`);
  });

  test('several callers can wait at the same time, and each is called once', () => {
    const { clock, catchUp, claim } = makeCatchUp();
    const calls: string[] = [];
    catchUp.wait(() => calls.push('first'));
    claim(1);
    catchUp.wait(() => calls.push('second'));
    clock.advance(0);
    assert.deepEqual(calls.sort(), ['first', 'second']);
  });
});

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What a push/pull allocates beside its streams is reserved first (our own state, and what the merge delegate is
// shown), and how long it takes is told to the engine.
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Counters } from '../../../src/core/counters.js';
import { ProtocolError } from '../../../src/errors.js';
import { StateExchange, type StateExchangeComponents } from '../../../src/node/state-exchange.js';
import { VirtualClock } from '../../../src/testing/index.js';
import { MessageType } from '../../../src/wire/message-type.js';
import { noBytes } from '../../../src/wire/messages.js';
import { runToCompletion } from '../../../src/wire/sliced.js';
import { makeEngine, record, type Harness } from '../core/harness.js';
import { Ledger, OutOfMemory } from '../wire/ledger.js';

const members = 1_000;
const stateBytes = 50_000;

/** The exchange of a node with so many members, whose delegate has a state and takes every merge. */
function exchangeOf(harness: Harness): {
  exchange: StateExchange;
  /** How often the delegate was asked for its state, and about a merge. */
  asked: () => { states: number; merges: number };
} {
  for (let i = 0; i < members; i++) harness.addMember(`m${i}`);
  const localState = mock.fn(() => Buffer.alloc(stateBytes));
  const objectionToMerge = mock.fn(() => undefined);
  const { engine } = harness;
  const components = { engine, host: { localState, objectionToMerge } };
  const exchange = new StateExchange(components as unknown as StateExchangeComponents, {
    asksForMerges: true,
  });
  const asked = () => ({
    states: localState.mock.callCount(),
    merges: objectionToMerge.mock.callCount(),
  });
  return { exchange, asked };
}

test('our own state is reserved while it is written, and as long as it is held', () => {
  const { exchange, asked } = exchangeOf(makeEngine());
  const memory = new Ledger();
  const message = runToCompletion(exchange.local(false, memory));
  assert.ok(message.length > stateBytes + 20 * members);
  assert.ok(memory.held >= message.length, `${memory.held} of ${message.length}`);
  for (const most of [members, stateBytes, message.length - 1]) {
    assert.throws(
      () => runToCompletion(exchange.local(false, new Ledger(most))),
      OutOfMemory,
      `${most}`,
    );
  }
  const { states } = asked();
  assert.throws(
    () => runToCompletion(exchange.local(false, new Ledger(8 * members - 1))),
    OutOfMemory,
  );
  assert.equal(asked().states, states, 'there is no room for the list of the rows');
});

test('what the merge delegate is shown of a table is reserved as long as it is shown', () => {
  const { exchange, asked } = exchangeOf(makeEngine());
  const records = Array.from({ length: members }, (_, i) => record(`x${i}`));
  const remote = {
    type: MessageType.pushPull,
    join: true,
    records,
    userState: noBytes,
    skippedRecords: 0,
  };
  const memory = new Ledger();
  assert.equal(runToCompletion(exchange.objectionTo(remote, true, memory)), undefined);
  assert.equal(asked().merges, 1);
  assert.ok(memory.peak >= 100 * members, `${memory.peak}`);
  assert.equal(memory.held, 0);
  const short = new Ledger(50 * members);
  assert.throws(() => runToCompletion(exchange.objectionTo(remote, true, short)), OutOfMemory);
  assert.equal(asked().merges, 1, 'it is not asked where there is no room for the answer');
});

test('the engine is told when a push/pull of ours begins, and when it has ended in any way', async () => {
  const told: string[] = [];
  const failures: Error[] = [];
  const pushPull = (): Promise<void> => {
    told.push('exchanged');
    const failure = failures.shift();
    return failure === undefined ? Promise.resolve() : Promise.reject(failure);
  };
  const components = {
    clock: new VirtualClock(),
    counters: new Counters(),
    dialer: { pushPull },
    guard: { run: (work: () => void) => work() },
    ownAddress: { check: () => undefined },
    exchanged: () => undefined,
    report: () => undefined,
    engine: {
      exchangeBegins: () => {
        told.push('begun');
        return () => told.push('ended');
      },
    },
  };
  const exchange = new StateExchange(components as unknown as StateExchangeComponents, {
    asksForMerges: false,
  });
  await exchange.exchange({ addr: '10.0.0.2:7946' }, false);
  assert.deepEqual(told.splice(0), ['begun', 'exchanged', 'ended']);
  const failure = new ProtocolError('it broke off');
  failures.push(failure);
  await assert.rejects(exchange.exchange({ addr: '10.0.0.2:7946' }, false), failure);
  assert.deepEqual(told, ['begun', 'exchanged', 'ended']);
});

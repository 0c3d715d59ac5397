/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What is told of push/pulls that fail, or that lack this node, one after the other.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Report } from '../../../src/core/reports.js';
import { ProtocolError, TimeoutError } from '../../../src/errors.js';
import { ExchangeWatch } from '../../../src/node/exchange-watch.js';
import { limits } from '../../../src/wire/limits.js';

const refused = new ProtocolError('refused');
const stalled = new TimeoutError('push/pull with b', 10_000);
const undialed = new TimeoutError('dialing b', 10_000, { cause: new Error('ETIMEDOUT') });

function start(): { watch: ExchangeWatch; told: Report[] } {
  const told: Report[] = [];
  return { watch: new ExchangeWatch({ report: (report) => told.push(report) }), told };
}

const codes = (told: readonly Report[]): string[] => told.map(({ code }) => code);

test('three failures in a row are told once, whoever the peers are, until an exchange succeeds', () => {
  for (const peers of [
    ['b', 'b', 'b', 'b', 'b', 'b', 'b'],
    ['b', 'c', 'd', 'e', 'f', 'g', 'h'],
  ]) {
    const { watch, told } = start();
    for (const peer of peers.slice(0, 2)) watch.failed(peer, refused);
    assert.deepEqual(told, []);
    for (const peer of peers.slice(2)) watch.failed(peer, refused);
    const [, , peer] = peers;
    assert.deepEqual(told, [
      { code: 'exchanges-failing', peer, count: 3, packetsPass: false, error: refused },
    ]);
    for (const each of peers) watch.succeeded(each);
    assert.equal(watch.failing, 0);
    for (const each of peers) watch.failed(each, refused);
    assert.equal(told.length, 2);
  }
});

test('one peer with which all exchanges fail is told, though those with others succeed', () => {
  const { watch, told } = start();
  for (let round = 0; round < 5; round++) {
    watch.failed('b', refused);
    watch.succeeded('c');
  }
  assert.deepEqual(codes(told), ['exchanges-failing']);
  assert.equal(told[0]?.peer, 'b');
});

test('failures with a success in between are not told', () => {
  const { watch, told } = start();
  for (let round = 0; round < 5; round++) {
    watch.failed('b', refused);
    watch.failed('b', refused);
    watch.succeeded('b');
  }
  assert.deepEqual(told, []);
});

test('packets that pass while streams stall are told, and only if the connection was made', () => {
  const cases = [
    ['b', stalled, true],
    ['another', stalled, false],
    ['b', undialed, false],
    ['b', refused, false],
  ] as const;
  for (const [acknowledging, error, packetsPass] of cases) {
    const { watch, told } = start();
    watch.acknowledged('b');
    watch.failed('b', error);
    watch.acknowledged(acknowledging);
    watch.failed('b', error);
    watch.failed('b', error);
    assert.ok(told[0]?.code === 'exchanges-failing');
    assert.equal(told[0].packetsPass, packetsPass);
  }
  const { watch, told } = start();
  for (const peer of ['b', 'c', 'd']) {
    watch.failed(peer, stalled);
    watch.acknowledged(peer);
  }
  assert.ok(told[0]?.code === 'exchanges-failing' && told[0].packetsPass, 'by several peers');
});

test('so many failing peers are remembered and no more', () => {
  const { watch } = start();
  for (let i = 0; i < limits.failingExchanges + 10; i++) watch.failed(`n${i}`, refused);
  assert.equal(watch.failing, limits.failingExchanges);
});

test('three tables in a row without this node are told once, until one has it', () => {
  const { watch, told } = start();
  const look = (...lists: boolean[]): void => {
    for (const [i, each] of lists.entries()) watch.listed(`n${i}`, each, '10.0.0.1:7946');
  };
  look(false, false, true, false, false);
  assert.deepEqual(told, []);
  look(false, false, false);
  assert.deepEqual(told, [{ code: 'not-listed', peer: 'n0', count: 3, address: '10.0.0.1:7946' }]);
  look(true, false, false, false);
  assert.equal(told.length, 2);
});

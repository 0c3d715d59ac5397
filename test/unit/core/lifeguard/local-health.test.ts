/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LocalHealth } from '../../../../src/core/lifeguard/local-health.js';

function makeHealth(maxMultiplier = 8): { health: LocalHealth; changes: number[] } {
  const changes: number[] = [];
  const changed = (score: number): void => void changes.push(score);
  return { health: new LocalHealth({ maxMultiplier, changed }), changes };
}

test('a node starts healthy, with a score of 0', () => {
  const { health, changes } = makeHealth();
  assert.equal(health.score, 0);
  assert.deepEqual(changes, []);
});

test('the score does not fall below 0', () => {
  const { health } = makeHealth();
  health.add(-1);
  assert.equal(health.score, 0);
  health.add(2);
  health.add(-5);
  assert.equal(health.score, 0);
});

test('the score does not exceed the multiplier minus one', () => {
  const { health } = makeHealth(8);
  for (let i = 0; i < 20; i++) health.add(1);
  assert.equal(health.score, 7);
  health.add(100);
  assert.equal(health.score, 7);
  health.add(-1);
  assert.equal(health.score, 6);
});

test('with a multiplier of 1 the score stays 0', () => {
  const { health, changes } = makeHealth(1);
  health.add(3);
  assert.equal(health.score, 0);
  assert.deepEqual(changes, []);
});

test('each change is reported, and only changes are', () => {
  const { health, changes } = makeHealth(3);
  for (const delta of [1, 0, 1, 1, -1, -5, -1]) health.add(delta);
  assert.deepEqual(changes, [1, 2, 1, 0]);
});

test('a duration is multiplied by the score plus one', () => {
  const { health } = makeHealth();
  assert.equal(health.scale(1000), 1000);
  health.add(3);
  assert.equal(health.scale(1000), 4000);
});

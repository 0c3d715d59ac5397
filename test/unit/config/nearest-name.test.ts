/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearestName } from '../../../src/config/nearest-name.js';

const names = ['name', 'ping', 'probeInterval', 'probeTimeout', 'gossipInterval', 'tcpTimeout'];

test('a missing, a doubled, a wrong and two swapped letters lead to the intended name', () => {
  for (const typed of ['probeInterva', 'probeInntervall', 'probeIntervak', 'probeIntevral']) {
    assert.equal(nearestName(typed, names), 'probeInterval');
  }
  assert.equal(nearestName('nmae', names), 'name');
});

test('case does not matter, so the names of Go lead to those of this library', () => {
  assert.equal(nearestName('TCPTimeout', names), 'tcpTimeout');
  assert.equal(nearestName('ProbeInterval', names), 'probeInterval');
});

test('of equally similar names the first is suggested', () => {
  assert.equal(nearestName('cat', ['bat', 'hat']), 'bat');
  assert.equal(nearestName('cat', ['hat', 'bat']), 'hat');
});

test('a name without a similar name has no suggestion', () => {
  assert.equal(nearestName('favouriteColour', names), undefined);
  assert.equal(nearestName('pxxx', names), undefined);
  assert.equal(nearestName('', names), undefined);
  assert.equal(nearestName('name', []), undefined);
});

test('a very long name is rejected cheaply and has no suggestion', () => {
  assert.equal(nearestName('x'.repeat(1_000_000), names), undefined);
});

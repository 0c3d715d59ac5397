/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// State messages that are sent more than once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecentState } from '../../../src/node/recent-state.js';
import { VirtualClock } from '../../../src/testing/virtual-clock.js';
import { Label } from '../../../src/wire/label.js';
import { MemoryPart, unboundedMemory } from '../../../src/wire/memory.js';
import { shareMessage } from '../../../src/wire/shared-messages.js';
import { runToCompletion } from '../../../src/wire/sliced.js';
import { wrapForStream, wrapForStreamSliced } from '../../../src/wire/stream-codec.js';

const message = Buffer.from('the state of a table');
const userState = Buffer.from('user state');
const content = { join: false, userState };

test('a message whose encoding took a while is found again, for 20 times as long', () => {
  const clock = new VirtualClock();
  const recent = new RecentState({ clock });
  recent.keep(message, content, 10);
  clock.advanceTo(199);
  assert.equal(recent.find(false, Buffer.from('user state')), message);
  clock.advanceTo(200);
  assert.equal(recent.find(false, userState), undefined);
  assert.equal(clock.pending, 0);
});

test('no message is found for more than a second', () => {
  const clock = new VirtualClock();
  const recent = new RecentState({ clock });
  recent.keep(message, content, 5_000);
  clock.advanceTo(1_000);
  assert.equal(recent.find(false, userState), undefined);
});

test('a message that was encoded in no time is not kept', () => {
  const clock = new VirtualClock();
  const recent = new RecentState({ clock });
  recent.keep(message, content, 1);
  assert.equal(recent.find(false, userState), undefined);
  assert.equal(clock.pending, 0);
});

test('with another user state, or for a join, it is another message', () => {
  const recent = new RecentState({ clock: new VirtualClock() });
  recent.keep(message, content, 10);
  assert.equal(recent.find(false, Buffer.from('newer')), undefined);
  assert.equal(recent.find(true, userState), undefined);
});

test('a newer message takes the place of the one before, with its own time', () => {
  const clock = new VirtualClock();
  const recent = new RecentState({ clock });
  recent.keep(message, content, 10);
  clock.advanceTo(150);
  const newer = Buffer.from('newer');
  recent.keep(newer, content, 10);
  clock.advanceTo(300);
  assert.equal(recent.find(false, userState), newer);
  recent.drop();
  assert.equal(recent.find(false, userState), undefined);
  assert.equal(clock.pending, 0);
});

test('a shared message is compressed once, and its memory is reserved each time', () => {
  const layers = {
    label: new Label({ label: '', skipInboundCheck: false }),
    cipher: undefined,
    compress: true,
  };
  const shared = Buffer.from(message);
  shareMessage(shared);
  const [first, second] = [new MemoryPart(unboundedMemory), new MemoryPart(unboundedMemory)];
  const once = runToCompletion(wrapForStreamSliced(shared, layers, first));
  const again = runToCompletion(wrapForStreamSliced(shared, layers, second));
  assert.equal(again, once);
  assert.ok(second.held >= again.length);
  const ofItsOwn = Buffer.from(message);
  const alone = wrapForStream(ofItsOwn, layers);
  assert.deepEqual(alone, once);
  assert.notEqual(wrapForStream(ofItsOwn, layers), alone);
});

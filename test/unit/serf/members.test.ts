/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Serf's statuses of members, and what is remembered for how long.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node } from '../../../src/index.js';
import { serfLimits } from '../../../src/serf/limits.js';
import { Members } from '../../../src/serf/members.js';
import { VirtualClock } from '../../../src/testing/index.js';

const node = (name: string): Node => ({ name }) as Node;

class World {
  readonly clock = new VirtualClock();
  readonly changes: string[] = [];
  readonly givenUp: string[] = [];
  readonly members = new Members({
    clock: this.clock,
    reapAfter: { failed: 1_000, left: 2_000, intents: 500 },
    changed: (change, { name }) => this.changes.push(`${change} ${name}`),
    givenUp: (name) => this.givenUp.push(name),
  });

  constructor(...names: string[]) {
    for (const name of names) this.members.joined(node(name));
    this.changes.length = 0;
  }

  status(name: string): string | undefined {
    return this.members.get(name)?.status;
  }
}

test('a member that is gone has left only if it announced that', () => {
  const { members, changes } = new World('a', 'b');
  assert.equal(members.intentReceived({ kind: 'leave', ltime: 5, node: 'a' }), true);
  assert.equal(members.intentReceived({ kind: 'leave', ltime: 5, node: 'a' }), false);
  members.wentAway('a');
  members.wentAway('b');
  assert.deepEqual(changes, ['leave a', 'failed b']);
  const statusLtimes = new Map([
    ['a', 5],
    ['b', 0],
  ]);
  assert.deepEqual(members.state(), { statusLtimes, leftMembers: ['a'] });
  members.joined(node('a'));
  assert.deepEqual(members.state().leftMembers, [], 'it is back');
  members.intentReceived({ kind: 'leave', ltime: 9, node: 'a' });
  members.intentReceived({ kind: 'join', ltime: 10, node: 'a' });
  members.wentAway('a');
  assert.deepEqual(members.state().leftMembers, [], 'it had changed its mind');
});

test('a leave of a failed member comes late, and is the end of attempts to reconnect', () => {
  const world = new World('a');
  world.members.wentAway('a');
  assert.equal(world.members.intentReceived({ kind: 'leave', ltime: 1, node: 'a' }), true);
  assert.equal(world.status('a'), 'left');
  assert.deepEqual(world.givenUp, ['a']);
  assert.deepEqual(world.changes, ['failed a', 'leave a']);
});

test('an intent that arrives before its member counts; such intents are bounded', () => {
  const { members } = new World();
  assert.equal(members.intentReceived({ kind: 'leave', ltime: 3, node: 'early' }), true);
  assert.equal(members.intentReceived({ kind: 'leave', ltime: 3, node: 'early' }), false);
  members.joined(node('early'));
  assert.equal(members.get('early')?.status, 'leaving');
  members.wentAway('early');
  assert.deepEqual(members.state().leftMembers, ['early']);
  members.intentReceived({ kind: 'join', ltime: 1, node: 'first' });
  for (let i = 0; i < 2_000; i++) {
    members.intentReceived({ kind: 'join', ltime: 1, node: `n${i}` });
  }
  assert.equal(members.lastIntent('first'), 0);
  assert.equal(members.lastIntent('n1999'), 1);
});

test('an intent of an unknown node with a long name is not kept', () => {
  const { members } = new World();
  const [longest, long] = ['n'.repeat(256), 'n'.repeat(257)];
  assert.equal(members.intentReceived({ kind: 'leave', ltime: 5, node: longest }), true);
  assert.equal(members.intentReceived({ kind: 'leave', ltime: 5, node: long }), false);
  members.joined(node(long));
  assert.equal(members.intentReceived({ kind: 'leave', ltime: 6, node: long }), true);
});

test('failed members, members that left, and old intents are reaped after their times', () => {
  const { members, clock, changes } = new World('failed', 'left', 'alive');
  assert.equal(members.mustReap, false);
  members.intentReceived({ kind: 'leave', ltime: 5, node: 'left' });
  members.wentAway('left');
  members.wentAway('failed');
  members.intentReceived({ kind: 'join', ltime: 5, node: 'early' });
  changes.length = 0;
  clock.advance(600);
  members.reap();
  assert.equal(members.lastIntent('early'), 0);
  assert.equal(members.size, 3);
  clock.advance(600);
  members.reap();
  clock.advance(1_000);
  members.reap();
  assert.deepEqual(changes, ['reap failed', 'reap left']);
  assert.deepEqual([members.size, members.mustReap], [1, false]);
});

test('a member that returns is not reaped, and how long it had failed is known', () => {
  const { members, clock } = new World('a');
  members.wentAway('a');
  clock.advance(700);
  assert.equal(members.joined(node('a')), 700);
  clock.advance(5_000);
  members.reap();
  assert.equal(members.get('a')?.status, 'alive');
  assert.equal(members.joined(node('b')), undefined);
});

test('a bounded number of members that are gone is remembered', () => {
  const { members } = new World();
  for (let i = 0; i <= serfLimits.goneMembers; i++) {
    members.joined(node(`n${i}`));
    members.wentAway(`n${i}`);
  }
  assert.equal(members.size, serfLimits.goneMembers);
  assert.equal(members.get('n0'), undefined);
});

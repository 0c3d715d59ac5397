/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Every event of a member becomes one output line of the agent.
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { writeEvents, writeMessages } from '../../../src/cli/agent-events.js';
import { nodeFrom } from '../../../src/core/member.js';
import type { MemberlistEvents } from '../../../src/observability/member-events.js';

function node(name: string) {
  const addr = Buffer.of(10, 0, 0, 1);
  const facts = { addr, port: 7946, address: '10.0.0.1:7946', meta: null, incarnation: 3 };
  return nodeFrom(name, { ...facts, vsn: Buffer.of(1, 5, 5, 0, 0, 0) }, 'alive');
}

const [a, b] = [node('a'), node('b')];
const happened: { [Name in keyof MemberlistEvents]: MemberlistEvents[Name] } = {
  join: [a],
  leave: [a, 'failed'],
  update: [a, Buffer.from('before')],
  suspect: [a],
  refute: [a],
  conflict: [a, b],
  message: [Buffer.from('hello'), { addr: '10.0.0.1:7946', name: 'a' }],
  health: [2],
  isolated: [{ members: 1, expected: 5 }],
  minority: [{ members: 2, expected: 5 }],
  'quorum-restored': [{ members: 5, expected: 5 }],
  flapping: [a, 4],
};

test('each event is written once, under its name, with the node or data it is about', () => {
  const list = new EventEmitter<MemberlistEvents>();
  const lines: Record<string, unknown>[] = [];
  writeEvents(list, (line) => void lines.push({ ...line }));
  writeMessages(list, (line) => void lines.push({ ...line }));
  for (const [event, about] of Object.entries(happened)) {
    assert.ok(list.emit(event as 'join', ...(about as [typeof a])), `${event} is written`);
    const line = lines.pop();
    assert.equal(line?.event, event);
    assert.deepEqual(lines, []);
    const text = JSON.stringify(line);
    assert.ok(Object.keys(line).length > 1, text);
    if (about[0] === a) assert.match(text, /"name":"a"/);
  }
});

test('health and cluster events include their numbers', () => {
  const list = new EventEmitter<MemberlistEvents>();
  const lines: object[] = [];
  writeEvents(list, (line) => void lines.push(line));
  list.emit('minority', ...happened.minority);
  assert.deepEqual(lines.pop(), { event: 'minority', members: 2, expected: 5 });
  list.emit('flapping', ...happened.flapping);
  assert.equal((lines.pop() as { count?: number }).count, 4);
  list.emit('health', ...happened.health);
  assert.deepEqual(lines.pop(), { event: 'health', score: 2 });
});

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Which records of a push/pull tell nothing new and are not read: passing one over must come to the same as
// merging it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecordPrecheck } from '../../../../src/wire/record-precheck.js';
import type { MemberRecord } from '../../../../src/wire/messages.js';
import { memberRecordSchema } from '../../../../src/wire/schemas.js';
import { runToCompletion } from '../../../../src/wire/sliced.js';
import { encodeWith } from '../../../../src/wire/struct-codec.js';
import {
  dead,
  ip,
  makeEngine,
  mapped,
  ME,
  record,
  suspect,
  type Harness,
  type HarnessOptions,
} from '../harness.js';

const incarnation = 4;

function harness(options?: HarnessOptions): Harness {
  const made = makeEngine(options);
  made.addMember('a', { incarnation });
  return made;
}

function isKnown({ engine }: Harness, told: MemberRecord): boolean {
  const bytes = encodeWith((writer) => memberRecordSchema.write(writer, told));
  const glance = new RecordPrecheck();
  assert.equal(glance.read(bytes, 0, bytes.length), bytes.length);
  return engine.merger.isKnown(glance);
}

test('a record about an alive member with the known or an earlier incarnation is skipped', () => {
  for (const told of [
    { incarnation },
    { incarnation: 3 },
    { incarnation, meta: Buffer.from('x') },
  ]) {
    const made = harness();
    assert.ok(isKnown(made, record('a', told)));
    const { engine, events, takeBroadcasts } = made;
    // Merging it says the same.
    takeBroadcasts();
    const before = events.length;
    runToCompletion(engine.merger.merge([record('a', told)]));
    assert.equal(events.length, before);
    assert.deepEqual(takeBroadcasts(), []);
  }
});

test('this includes members whose name is not ASCII', () => {
  const made = harness();
  made.addMember('é', { incarnation });
  const { addr } = made.member('é');
  assert.ok(isKnown(made, record('é', { incarnation, addr })));
  assert.ok(!isKnown(made, record('é', { incarnation: incarnation + 1, addr })));
});

const updates: readonly (readonly [string, string, Partial<MemberRecord>])[] = [
  ['a newer incarnation', 'a', { incarnation: 5 }],
  ['an incarnation that has wrapped', 'a', { incarnation: 0 }],
  ['another address', 'a', { incarnation, addr: ip('10.0.0.77') }],
  ['the same address as an IPv6 one', 'a', { incarnation, addr: mapped('10.0.0.1') }],
  ['another port', 'a', { incarnation, port: 7 }],
  ['other versions', 'a', { incarnation, vsn: Buffer.of(1, 5, 5, 0, 0, 0) }],
  ['no versions', 'a', { incarnation, vsn: Buffer.alloc(0) }],
  ['a suspicion', 'a', { incarnation, state: 1 }],
  ['a death', 'a', { incarnation, state: 2 }],
  ['a leave', 'a', { incarnation, state: 3 }],
  ['a state that does not exist', 'a', { incarnation, state: 4 }],
  ['an unknown member', 'b', { incarnation }],
  ['ourselves', ME, { incarnation: 0 }],
];
for (const [what, name, told] of updates) {
  test(`${what} is not skipped`, () => {
    const made = makeEngine();
    made.addMember('a', { incarnation: told.incarnation === 0 ? 0xffffffff : incarnation });
    assert.ok(!isKnown(made, record(name, told)));
  });
}

test('records about suspect, dead and departed members are not skipped', () => {
  const suspected = harness();
  suspected.receive(suspect('a', { incarnation, from: 'b' }));
  assert.ok(!isKnown(suspected, record('a', { incarnation })));
  for (const from of ['a', 'b']) {
    const gone = harness();
    gone.receive(dead('a', { incarnation, from }));
    assert.ok(!isKnown(gone, record('a', { incarnation })));
  }
});

test('nothing is skipped if there is an alive delegate', () => {
  const delegated = harness({ settings: { hasAliveDelegate: true } });
  assert.ok(!isKnown(delegated, record('a', { incarnation })));
});

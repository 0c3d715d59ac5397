/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Push/pull in slices: what changes between two of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writePackedRecord } from '../../../../src/wire/packed-record.js';
import { SeededRandom } from '../../../../src/testing/index.js';
import type { MemberRecord } from '../../../../src/wire/messages.js';
import { encodePushPullSliced } from '../../../../src/wire/push-pull-codec.js';
import { sliceSizes, runToCompletion } from '../../../../src/wire/sliced.js';
import { StreamReader, type PushPull } from '../../../../src/wire/stream-codec.js';
import { Label } from '../../../../src/wire/label.js';
import { alive, dead, type Harness, makeEngine, ME, record, suspect } from '../harness.js';

const SLICE = sliceSizes.records;
const noState = Buffer.alloc(0);

function nameOf(index: number): string {
  return `m${index}`;
}

function records(count: number): MemberRecord[] {
  return Array.from({ length: count }, (_, index) => record(nameOf(index)));
}

function decoded(message: Buffer): PushPull {
  const label = new Label({ label: '', skipInboundCheck: false });
  const layers = { label, cipher: undefined, compress: false };
  const result = new StreamReader(layers, { expectLabel: false }).push(message);
  assert.ok(result?.type === 6);
  return result;
}

function encoding({ engine }: Harness): Generator<undefined, Buffer, undefined> {
  const rows = [...engine.table];
  return encodePushPullSliced({ join: false, rows, write: writePackedRecord, userState: noState });
}

test('a merge has as many slices as its length requires', () => {
  for (const [count, yields] of [
    [0, 0],
    [1, 0],
    [SLICE - 1, 0],
    [SLICE + 1, 1],
    [3 * SLICE + 1, 3],
  ] as const) {
    const harness = makeEngine();
    const merge = harness.engine.merger.merge(records(count));
    let seen = 0;
    while (merge.next().done !== true) seen++;
    assert.equal(seen, yields, `${count} records`);
    assert.equal(harness.engine.table.size, 1 + count);
  }
});

test('an older record does not revive a member that left or died between two slices', () => {
  const harness = makeEngine();
  const { engine, addMember, receive, member } = harness;
  const [left, died] = [nameOf(SLICE + 1), nameOf(SLICE + 2)];
  for (const name of [left, died]) addMember(name, { incarnation: 1 });
  const merge = engine.merger.merge(
    records(2 * SLICE).map((each) => ({ ...each, incarnation: 1 })),
  );
  assert.equal(merge.next().done, false);
  receive(dead(left, { incarnation: 1, from: left }));
  receive(dead(died, { incarnation: 1, from: ME }));
  runToCompletion(merge);
  assert.equal(member(left).state, 'left');
  assert.equal(member(died).state, 'dead');
});

test('a merge ends with the node: nothing is added after a stop', () => {
  const { engine, events } = makeEngine();
  const merge = engine.merger.merge(records(3 * SLICE));
  merge.next();
  engine.stop();
  const told = events.length;
  assert.equal(merge.next().done, true);
  assert.equal(events.length, told);
  assert.equal(engine.table.size, 1 + SLICE);
});

test('a record is sent with the state at the time when its slice is written', () => {
  const harness = makeEngine();
  const { engine, receive } = harness;
  runToCompletion(engine.merger.merge(records(2 * SLICE)));
  const rows = [...engine.table];
  const [early, late] = [rows[0], rows.at(-1)] as const;
  assert.ok(early && late && early.name !== ME && late.name !== ME);
  const work = encoding(harness);
  work.next();
  for (const { name } of [early, late]) receive(alive(name, { incarnation: 9 }));
  const { records: sent } = decoded(runToCompletion(work));
  assert.equal(sent.length, rows.length, 'as many as the header says');
  assert.equal(sent[0]?.incarnation, 1);
  assert.equal(sent.at(-1)?.incarnation, 9);
});

test('members that join or leave between two slices change neither the count nor the other records', () => {
  const harness = makeEngine();
  const { engine, receive } = harness;
  runToCompletion(engine.merger.merge(records(2 * SLICE)));
  const names = Array.from(engine.table, ({ name }) => name);
  const work = encoding(harness);
  work.next();
  receive(alive('new'));
  receive(dead(nameOf(SLICE), { incarnation: 0, from: ME }));
  engine.table.removeIf(({ name }) => name === nameOf(SLICE));
  assert.deepEqual(
    decoded(runToCompletion(work)).records.map(({ name }) => name),
    names,
  );
});

test('with any changes in between, no incarnation decreases and both sides finally agree', () => {
  for (let seed = 0; seed < 20; seed++) {
    const random = new SeededRandom(`slices ${seed}`);
    const draw = (below: number): number => Math.floor(random.next() * below);
    const [one, other] = [makeEngine({ seed }), makeEngine({ seed: seed + 1000 })];
    for (const { engine } of [one, other]) {
      const theirs = records(4 * SLICE).map((each) => ({ ...each, incarnation: 1 + draw(4) }));
      runToCompletion(engine.merger.merge(theirs.filter(() => draw(10) > 0)));
    }
    const known = new Map<string, number>();
    const disturb = ({ engine, receive }: Harness): void => {
      for (let i = 0; i < 50; i++) {
        const incarnation = draw(8);
        const name = nameOf(draw(4 * SLICE));
        const kind = draw(3);
        if (kind === 0) receive(alive(name, { incarnation }));
        else if (kind === 1) receive(suspect(name, { incarnation, from: nameOf(draw(9)) }));
        else if (engine.table.get(name)?.state === 'suspect') receive(alive(name, { incarnation }));
      }
      for (const { name, incarnation } of engine.table) {
        const key = `${engine === one.engine ? 'one' : 'other'} ${name}`;
        assert.ok(incarnation >= (known.get(key) ?? 0), `${seed}: ${key}`);
        known.set(key, incarnation);
      }
    };
    const exchange = (from: Harness, to: Harness, quiet: boolean): void => {
      const work = encoding(from);
      let message = work.next();
      for (; message.done !== true; message = work.next()) if (!quiet) disturb(from);
      const merge = to.engine.merger.merge(decoded(message.value).records);
      while (merge.next().done !== true) if (!quiet) disturb(to);
    };
    exchange(one, other, false);
    exchange(other, one, false);
    for (let round = 0; round < 2; round++) {
      exchange(one, other, true);
      exchange(other, one, true);
    }
    for (const [here, there] of [
      [one, other],
      [other, one],
    ] as const) {
      for (const { name, incarnation, state } of here.engine.table) {
        if (name === ME) continue;
        const seen = there.engine.table.get(name);
        // Unknown members are only added if they are alive; and a suspect stays suspect.
        if (seen === undefined) assert.equal(state, 'suspect', `seed ${seed}: ${name}`);
        else if (state === 'suspect') assert.equal(seen.state, 'suspect', `seed ${seed}: ${name}`);
        else assert.deepEqual([seen.incarnation, seen.state], [incarnation, state], name);
      }
    }
  }
});

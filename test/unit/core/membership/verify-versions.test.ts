/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  versionProblem,
  type VersionedMember,
} from '../../../../src/core/membership/verify-versions.js';
import { makeEngine, record } from '../harness.js';
import { wholly } from '../../../../src/wire/sliced.js';

type Versions = readonly [min: number, max: number, current: number];

function speaker(
  name: string,
  [min, max, current]: Versions,
  { isAlive = true, delegate = [0, 0, 0] as Versions } = {},
): VersionedMember {
  return { name, isAlive, vsn: Buffer.of(min, max, current, ...delegate) };
}

const usual: Versions = [1, 5, 2];

test('members that understand each other may be merged', () => {
  const theirs = [speaker('a', usual), speaker('b', [2, 4, 3])];
  assert.equal(versionProblem(theirs, [speaker('me', [1, 5, 4])]), undefined);
  assert.equal(versionProblem([], []), undefined);
});

test('a current version at either end of the range is inside it', () => {
  const theirs = [speaker('a', [2, 4, 2]), speaker('b', [1, 5, 4])];
  assert.equal(versionProblem(theirs, [speaker('me', usual)]), undefined);
});

test('one who speaks less than the highest min is refused, by name and range', () => {
  const problem = versionProblem([speaker('a', [3, 5, 3])], [speaker('me', usual)]);
  assert.equal(problem, 'me speaks protocol version 2, the cluster understands 3 to 5');
});

test('one who speaks more than the lowest max is refused, by name and range', () => {
  const problem = versionProblem([speaker('a', [1, 5, 5])], [speaker('me', [1, 4, 2])]);
  assert.equal(problem, 'a speaks protocol version 5, the cluster understands 1 to 4');
});

test('the range is that of all the living, on both sides', () => {
  const narrow = speaker('n', [2, 3, 3]);
  const four = speaker('four', [1, 5, 4]);
  assert.match(versionProblem([narrow, four], []) ?? '', /^four speaks .* understands 2 to 3$/);
  assert.match(versionProblem([narrow], [four]) ?? '', /^four /);
  assert.match(versionProblem([four], [narrow]) ?? '', /^four /);
  assert.match(versionProblem([], [narrow, four]) ?? '', /^four /);
});

test('those who are not alive do not narrow the range', () => {
  const gone = speaker('gone', [2, 2, 2], { isAlive: false });
  const other = speaker('a', [1, 5, 3]);
  assert.equal(versionProblem([other], [gone]), undefined);
  assert.equal(versionProblem([gone], [other]), undefined);
});

test('those who are not alive must speak a version inside it all the same', () => {
  const gone = speaker('gone', [7, 9, 8], { isAlive: false });
  const me = speaker('me', usual);
  assert.match(versionProblem([gone], [me]) ?? '', /^gone speaks protocol version 8/);
  assert.match(versionProblem([], [me, gone]) ?? '', /^gone speaks protocol version 8/);
});

test('the delegate protocol is guarded in the same way', () => {
  const theirs = speaker('a', usual, { delegate: [3, 4, 3] });
  const below = speaker('me', usual, { delegate: [1, 4, 2] });
  const above = speaker('me', usual, { delegate: [3, 9, 9] });
  const inside = speaker('me', usual, { delegate: [3, 9, 4] });
  assert.equal(
    versionProblem([theirs], [below]),
    'me speaks delegate protocol version 2, the cluster understands 3 to 4',
  );
  assert.match(versionProblem([theirs], [above]) ?? '', /^me speaks delegate protocol version 9/);
  assert.equal(versionProblem([theirs], [inside]), undefined);
});

test('ranges without anything in common are said to have nothing in common', () => {
  const problem = versionProblem([speaker('a', [4, 5, 4])], [speaker('me', [1, 2, 2])]);
  assert.match(problem ?? '', /no protocol version is understood by all \(at least 4, at most 2\)/);
});

test('one without a full set of version bytes counts as speaking 0, and is refused by name', () => {
  const { engine } = makeEngine();
  for (const length of [0, 3, 5]) {
    const vsn = Buffer.of(1, 5, 2, 0, 0).subarray(0, length);
    const problem = wholly(engine.merger.versionProblem([record('short', { vsn })]));
    assert.equal(problem, 'short speaks protocol version 0, the cluster understands 1 to 5');
  }
});

test('the engine compares their records with everybody in our table', () => {
  const { engine, addMember } = makeEngine();
  addMember('dead', { vsn: Buffer.of(6, 9, 7, 0, 0, 0), state: 'dead' });
  assert.match(
    wholly(engine.merger.versionProblem([record('a')])) ?? '',
    /^dead speaks protocol version 7/,
  );
});

test('of their records the dead do not narrow the range, the living do', () => {
  const { engine } = makeEngine();
  const vsn = Buffer.of(3, 5, 3, 0, 0, 0);
  assert.equal(wholly(engine.merger.versionProblem([record('a', { vsn, state: 2 })])), undefined);
  assert.match(
    wholly(engine.merger.versionProblem([record('a', { vsn, state: 0 })])) ?? '',
    /^me speaks/,
  );
});

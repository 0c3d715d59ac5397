/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ReconnectCandidates } from '../../../src/discovery/reconnect-candidates.js';
import { SeededRandom, VirtualClock } from '../../../src/testing/index.js';
import { limits } from '../../../src/wire/limits.js';

const intervalMs = 30_000;
const hourMs = 3_600_000;

class Stage {
  readonly clock = new VirtualClock();
  readonly lost: ReconnectCandidates;

  constructor(seed = 1) {
    this.lost = new ReconnectCandidates(
      { clock: this.clock, random: new SeededRandom(seed) },
      { intervalMs, forgetAfterMs: 72 * hourMs },
    );
  }

  lose(...names: string[]): void {
    for (const name of names) this.lost.add(name, `10.0.0.1:${name.length}`);
  }

  names(): string[] {
    return Array.from(this.lost, ({ name }) => name);
  }

  /** Of so many draws, those that fell to each peer, and to the others. */
  draws(times: number, alive: number, others = 0): Record<string, number> {
    const counts: Record<string, number> = {};
    for (let i = 0; i < times; i++) {
      const drawn = this.lost.draw(alive, others);
      const whose = drawn === undefined ? 'nobody' : drawn === 'others' ? drawn : drawn.peer.name;
      counts[whose] = (counts[whose] ?? 0) + 1;
    }
    return counts;
  }
}

function near(actual: number | undefined, expected: number): void {
  assert.ok(Math.abs((actual ?? 0) - expected) < expected * 0.1, `${actual} of ${expected}`);
}

suite('lost peers', () => {
  test('are remembered with their last address until they are back', () => {
    const { lost, lose, names } = bound(new Stage());
    lose('a', 'bb');
    assert.equal(lost.size, 2);
    assert.equal(lost.remove('a'), true);
    assert.equal(lost.remove('a'), false);
    assert.deepEqual(names(), ['bb']);
    assert.deepEqual([...lost], [{ name: 'bb', addr: '10.0.0.1:2', failedAt: 0 }]);
  });

  test('nobody is drawn when nobody is lost', () => {
    assert.deepEqual(new Stage().draws(100, 1), { nobody: 100 });
  });

  test('whoever is alone looks for somebody in every interval, for each as often', () => {
    const stage = new Stage();
    stage.lose('a', 'b', 'c');
    const { a, b, c, nobody } = stage.draws(3_000, 1);
    for (const count of [a, b, c]) near(count, 1_000);
    assert.equal(nobody, undefined);
  });

  test('all members together make one attempt for each lost peer in an interval', () => {
    for (const alive of [10, 90, 1_000]) {
      const stage = new Stage(alive);
      stage.lose('a', 'b', 'c');
      const { a, b, c } = stage.draws(1_000 * alive, alive);
      for (const count of [a, b, c]) near(count, 1_000);
    }
  });

  test('the others count as so many peers', () => {
    const stage = new Stage();
    stage.lose('a');
    const counts = stage.draws(40_000, 10, 1);
    near(counts.a, 4_000);
    near(counts.others, 4_000);
    assert.deepEqual(new Stage().draws(10, 1, 1), { others: 10 });
  });

  test('the longer one is gone the less often it is looked for, in the end once an hour', () => {
    const stage = new Stage();
    stage.lose('a');
    const inIntervals = (count: number): number => (count * intervalMs) / hourMs;
    for (const [hours, pauses] of [
      [0.16, inIntervals(120)],
      [2, 12],
      [20, 120],
      [70, 120],
    ] as const) {
      stage.clock.advanceTo(hours * hourMs);
      near(stage.draws(1_000_000, 10).a, 100_000 / pauses);
    }
  });

  test('who is gone for too long is forgotten, and who failed again begins anew', () => {
    const stage = new Stage();
    stage.lose('a', 'b');
    stage.clock.advanceTo(71 * hourMs);
    stage.lose('a');
    assert.deepEqual(stage.names(), ['b', 'a']);
    stage.clock.advanceTo(72 * hourMs);
    assert.deepEqual(stage.names(), ['a']);
    stage.clock.advanceTo(143 * hourMs);
    assert.equal(stage.lost.size, 0);
    assert.deepEqual(stage.draws(10, 1), { nobody: 10 });
  });

  test('of too many the first is forgotten', () => {
    const stage = new Stage();
    for (let i = 0; i <= limits.reconnectCandidates; i++) stage.lose(`n${i}`);
    assert.equal(stage.lost.size, limits.reconnectCandidates);
    assert.equal(stage.lost.has('n0'), false);
    assert.equal(stage.lost.has('n1'), true);
  });
});

function bound(stage: Stage): {
  lost: ReconnectCandidates;
  lose: Stage['lose'];
  names: Stage['names'];
} {
  const { lost } = stage;
  return { lost, lose: (...names) => stage.lose(...names), names: () => stage.names() };
}

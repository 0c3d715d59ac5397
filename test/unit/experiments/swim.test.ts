/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { beginnings, Rounds } from '../../../experiments/swim/detection.js';
import { lineThrough, meanOf, shareOf } from '../../../experiments/swim/estimates.js';
import {
  allOf,
  expectedPeriods,
  expectedWait,
  falseProbeProbability,
  longestWait,
  shareOfPeriod,
  within,
} from '../../../experiments/swim/expected.js';
import { Gaps } from '../../../experiments/swim/load.js';
import { fullAmounts, keyOf, seedOf, tasksOf } from '../../../experiments/swim/tasks.js';

const near = (actual: number | null | undefined, expected: number, tolerance: number): void => {
  assert.ok(actual !== null && actual !== undefined);
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual}, not ${expected}`);
};

describe('what the SWIM paper expects', () => {
  it('is the false-probe probability of its formula', () => {
    near(falseProbeProbability(0.1, 0), 0.19, 1e-12);
    near(falseProbeProbability(0.1, 1), 0.0653, 5e-5);
    near(falseProbeProbability(0.1, 3), 0.00773, 5e-6);
    assert.equal(falseProbeProbability(0, 3), 0);
  });

  it('is e/(e − 1) periods until a crashed node is probed, in a large cluster', () => {
    near(expectedPeriods(1_000_000), Math.E / (Math.E - 1), 1e-5);
    assert.equal(expectedPeriods(2), 1);
    // Two observers, each with the target in every other round: 3/4 find it in the first one.
    near(expectedPeriods(3), 4 / 3, 1e-12);
    near(expectedWait(1_000_000), 1, 1e-5);
  });

  it('is a share of crashes for each period that sums up to all', () => {
    const periods = Array.from({ length: 60 }, (_, before) => before + 1);
    const shares = periods.map(shareOfPeriod);
    near(
      shares.reduce((sum, share) => sum + share),
      1,
      1e-12,
    );
    const mean = shares.reduce((sum, share, index) => sum + share * (index + 1), 0);
    near(mean, Math.E / (Math.E - 1), 1e-12);
  });

  it('is a bound of 2n − 1 rounds', () => assert.equal(longestWait(32), 63));
});

describe('verdicts', () => {
  it('hold at both ends of a range, and are open without a figure', () => {
    assert.equal(within(1, { low: 1, high: 2 }), 'met');
    assert.equal(within(2, { low: 1, high: 2 }), 'met');
    assert.equal(within(2.01, { low: 1, high: 2 }), 'not met');
    assert.equal(within(null, { low: 1, high: 2 }), 'open');
  });

  it('are not met together when one is not, and open when one is', () => {
    assert.equal(allOf(['met', 'open', 'not met']), 'not met');
    assert.equal(allOf(['met', 'open']), 'open');
    assert.equal(allOf([]), 'open');
    assert.equal(allOf(['met', 'met']), 'met');
  });
});

describe('estimates', () => {
  it('give a mean and its interval', () => {
    const { value, low, high } = meanOf([1, 2, 3, 4, 5]);
    assert.equal(value, 3);
    // Standard deviation √2.5, of five.
    near(high, 3 + 1.959964 * Math.sqrt(0.5), 1e-6);
    near(low, 3 - 1.959964 * Math.sqrt(0.5), 1e-6);
    assert.deepEqual(meanOf([]), { value: null, low: null, high: null });
  });

  it("give a share and Wilson's interval", () => {
    const { value, low, high } = shareOf(10, 100);
    assert.equal(value, 0.1);
    near(low, 0.05523, 1e-5);
    near(high, 0.17437, 1e-5);
    const none = shareOf(0, 100);
    assert.equal(none.low, 0);
    near(none.high, 0.03699, 1e-5);
  });

  it('find the line through points', () => {
    const exact = lineThrough([1, 2, 4].map((x) => [x, 3 + 2 * x] as const));
    near(exact?.intercept, 3, 1e-12);
    near(exact?.slope, 2, 1e-12);
    near(exact?.linearity, 1, 1e-12);
    const bent = lineThrough([
      [0, 0],
      [1, 1],
      [2, 0],
    ]);
    near(bent?.slope, 0, 1e-12);
    near(bent?.linearity, 0, 1e-12);
    assert.equal(lineThrough([[1, 1], [2, 2]]), undefined); // prettier-ignore
  });
});

describe('counting', () => {
  it('counts the beginnings of periods after a moment and up to another', () => {
    assert.equal(beginnings(500, 1_000), 1);
    assert.equal(beginnings(500, 3_000), 3);
    assert.equal(beginnings(500, 999), 0);
    // Sums of milliseconds are not exact.
    assert.equal(beginnings(500, 2_000 - 1e-10), 2);
  });

  it('counts the rounds that each observer takes, its first probe of the target included', () => {
    const rounds = new Rounds(['n0', 'n1', 'n2'], 'n2');
    assert.equal(rounds.observers, 2);
    rounds.probe('n0', 'n1');
    rounds.probe('n0', 'n2');
    assert.equal(rounds.last, undefined);
    for (const target of ['n0', 'n0', 'n2']) rounds.probe('n1', target);
    assert.equal(rounds.last, 3);
    rounds.probe('n0', 'n2');
    assert.equal(rounds.last, 3);
  });

  it('finds the longest gap between two probes of the same member', () => {
    const gaps = new Gaps();
    for (const target of ['b', 'c', 'd', 'd', 'c', 'b']) gaps.probe('a', target);
    gaps.probe('b', 'a');
    assert.equal(gaps.longest, 5);
  });
});

describe('the runs', () => {
  const tasks = tasksOf(fullAmounts);

  it('have names of their own', () => {
    assert.equal(new Set(tasks.map(keyOf)).size, tasks.length);
  });

  it('are what the table of experiments asks for', () => {
    const loads = tasks.filter(({ kind }) => kind === 'load').map(({ nodes }) => nodes);
    assert.deepEqual(
      loads.sort((a, b) => a - b),
      [8, 16, 32, 64, 128, 256, 512, 1_024],
    );
    for (const phases of ['lock-step', 'random']) {
      const seeds = tasks.flatMap((task) =>
        task.kind === 'detection' && task.phases === phases && task.nodes === 32 ? task.count : 0,
      );
      assert.equal(
        seeds.reduce((sum, count) => sum + count, 0),
        2_000,
      );
    }
    const cells = tasks.flatMap((task) =>
      task.kind === 'false-probes' ? `q${task.lossPercent} k${task.helpers}` : [],
    );
    assert.equal(new Set(cells).size, 9);
  });

  it('of one size and kind of phases share nothing but the beginning of their seeds', () => {
    const [first, second] = tasks.filter(({ kind }) => kind === 'detection');
    assert.ok(first && second);
    assert.equal(seedOf(first), seedOf(second));
    assert.notEqual(keyOf(first), keyOf(second));
  });
});

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  answerOf,
  curveOf,
  medianOf,
  reachedByGossip,
} from '../../../experiments/converge/answer.js';
import {
  answerText,
  gossipText,
  plotOf,
  shareText,
  timeText,
} from '../../../experiments/converge/answer-text.js';
import { OptionError, parseOptions, type Question } from '../../../experiments/converge/options.js';
import {
  exchangeMs,
  quietMs,
  type Sample,
  simulate,
  tasksOf,
} from '../../../experiments/converge/simulate.js';
import { drawPlot } from '../../../experiments/plots.js';

function ask(...words: string[]): Question {
  const options = parseOptions(words);
  assert.ok(options);
  return options.question;
}

describe('options of the convergence calculator', () => {
  it('are those of a LAN by default', () => {
    const { settings, nodes, loss, what, latency } = ask();
    assert.deepEqual(settings, {
      gossipInterval: 200,
      gossipNodes: 3,
      retransmitMult: 4,
      probeInterval: 1_000,
      probeTimeout: 500,
      suspicionMult: 4,
      pushPullInterval: 30_000,
    });
    assert.deepEqual({ nodes, loss, what }, { nodes: 100, loss: 0, what: ['update', 'failure'] });
    assert.deepEqual(latency, { min: 0.5, max: 2 });
  });

  it('come from another preset, as far as they are not given', () => {
    const { settings, latency } = ask('--preset', 'wan', '--gossip-nodes', '2');
    assert.equal(settings.gossipInterval, 500);
    assert.equal(settings.gossipNodes, 2);
    assert.equal(latency.min, 20);
  });

  it('take a latency as a number or as a range', () => {
    assert.deepEqual(ask('--latency', '5').latency, { min: 5, max: 5 });
    assert.deepEqual(ask('--latency', '1-20').latency, { min: 1, max: 20 });
  });

  it('are explained by --help', () => assert.equal(parseOptions(['--help']), undefined));

  it('that are invalid are all reported, with the valid values', () => {
    assert.throws(
      () => parseOptions(['--nodes', '1', '--loss', '5', '--latency', '9-3', '--what', 'joy']),
      (error: unknown) => {
        assert.ok(error instanceof OptionError);
        assert.match(error.message, /--nodes must be a whole number from 2 to 4096; not 1/);
        assert.match(error.message, /--loss must be a number from 0 to 0.9; not 5/);
        assert.match(error.message, /--latency must be milliseconds.*not 9-3/);
        assert.match(error.message, /--what must be update, failure, both; not joy/);
        assert.match(error.message, /--help/);
        return true;
      },
    );
    assert.throws(() => parseOptions(['--gossip-speed', '1']), /gossip-speed/);
    assert.throws(() => parseOptions(['--out', 'plot.png']), /\.svg/);
    assert.throws(() => parseOptions(['--probe-interval', '0']), /no failure is detected/);
    assert.throws(
      () =>
        parseOptions([
          ...['--what', 'update', '--probe-interval', '0'],
          ...['--gossip-interval', '0', '--push-pull-interval', '0'],
        ]),
      /updates do not spread/,
    );
  });
});

describe('the result', () => {
  const question = ask('--nodes', '11', '--what', 'update', '--seeds', '3');
  const update = (...times: number[]): Sample => ({
    what: 'update',
    times,
    firstSuspicionMs: null,
    firstVerdictMs: null,
  });
  const tenths = (step: number): number[] => Array.from({ length: 10 }, (_, i) => step * (i + 1));

  it('is when each share knew, in the middle seed and the extreme ones', () => {
    const samples = [update(...tenths(10)), update(...tenths(30)), update(...tenths(20))];
    const { reaches, seeds } = answerOf(question, 'update', samples);
    assert.equal(seeds, 3);
    const [half, most, ...almostAll] = reaches.change ?? [];
    assert.deepEqual(half, {
      share: 0.5,
      medianMs: 100,
      fastestMs: 50,
      slowestMs: 150,
      missed: 0,
    });
    assert.equal(most?.medianMs, 180);
    assert.deepEqual(
      almostAll.map(({ medianMs }) => medianMs),
      [200, 200, 200],
    );
  });

  it('reports how often a member never knew', () => {
    const short = update(...tenths(10).slice(0, 9));
    const { reaches } = answerOf(question, 'update', [short, short, update(...tenths(10))]);
    const all = reaches.change?.at(-1);
    assert.deepEqual(all, { share: 1, medianMs: null, fastestMs: 100, slowestMs: null, missed: 2 });
  });

  it('counts from the first suspicion and the first verdict, too', () => {
    const failure: Sample = {
      what: 'failure',
      times: tenths(1).map((time) => 5_000 + time),
      firstSuspicionMs: 1_500,
      firstVerdictMs: 5_001,
    };
    const { reaches, firstSuspicion, firstVerdict } = answerOf(question, 'failure', [failure]);
    assert.equal(reaches.change?.at(-1)?.medianMs, 5_010);
    assert.equal(reaches.suspicion?.at(-1)?.medianMs, 3_510);
    assert.equal(reaches.verdict?.at(-1)?.medianMs, 9);
    assert.equal(firstSuspicion?.medianMs, 1_500);
    assert.equal(firstVerdict?.medianMs, 5_001);
  });

  it('distinguishes gossip alone from full exchanges', () => {
    assert.equal(reachedByGossip([10, 20, 30], 15), 3);
    assert.equal(reachedByGossip([10, 20, 300, 310], 15), 2);
    assert.equal(reachedByGossip([], 15), 0);
    const late = update(...tenths(10).slice(0, 9), 25_000);
    const answer = answerOf(question, 'update', [late, update(...tenths(10))]);
    assert.equal(answer.gossip?.complete, 1);
    assert.equal(answer.gossip.reached, 0.95);
    assert.match(gossipText(answer), /in 1 of 2 seeds and 95 % of all members/);
    assert.match(gossipText(answer), /Full exchanges, one per member every 30.00 s/);
  });

  it('is a curve as well', () => {
    const samples = [update(...tenths(10)), update(...tenths(20))];
    const curve = curveOf(question, samples, 'change', 4);
    assert.deepEqual(
      curve.map(({ ms }) => ms),
      [0, 50, 100, 150, 200],
    );
    assert.deepEqual(curve[2], { ms: 100, median: 0.75, least: 0.5, most: 1 });
  });

  it('has the mean of the two middle ones for a median where there are two', () => {
    assert.equal(medianOf([1, 2, 4]), 2);
    assert.equal(medianOf([1, 2, 4, 9]), 3);
    assert.equal(medianOf([1, Infinity]), Infinity);
    assert.equal(medianOf([]), null);
  });

  it('is put in words', () => {
    assert.equal(timeText(12.4), '12 ms');
    assert.equal(timeText(1_234), '1.23 s');
    assert.equal(timeText(null), 'never');
    assert.equal(shareText(0.999), '99.9 %');
    assert.equal(shareText(0.99996), '99.996 %');
    assert.equal(shareText(1), '100 %');
    assert.equal(shareText(0.05), '5 %');
  });
});

describe('how long is waited', () => {
  it('is until the last member to receive an update has sent it as often as it should', () => {
    const question = ask('--nodes', '1000', '--latency', '2');
    // 4 × ⌈log10(1001)⌉ = 16 times, in 6 rounds of 3.
    assert.equal(quietMs(question), 8 * 200 + 2);
    assert.equal(exchangeMs(question), 30_000 * 6);
    assert.equal(quietMs(ask('--nodes', '9', '--gossip-interval', '0', '--latency', '0')), 6_000);
  });

  it('is in clusters that take ten seeds each', () => {
    const tasks = tasksOf(ask('--seeds', '23'));
    assert.deepEqual(
      tasks.map(({ cluster, seeds }) => [cluster, seeds]),
      [
        [0, 10],
        [1, 10],
        [2, 3],
      ],
    );
  });
});

describe('a small cluster', () => {
  it('learns of updates immediately, of failures after a suspicion, and converges again', async () => {
    const question = ask('--nodes', '8', '--seeds', '2', '--loss', '0.02');
    const [task] = tasksOf(question);
    assert.ok(task);
    const samples = await simulate(task);
    assert.deepEqual(
      samples.map(({ what, times }) => [what, times.length]),
      [
        ['update', 7],
        ['failure', 7],
        ['update', 7],
        ['failure', 7],
      ],
    );
    assert.deepEqual(await simulate(task), samples);
    for (const what of question.what) {
      const answer = answerOf(question, what, samples);
      const [half] = answer.reaches.change ?? [];
      assert.ok(half?.medianMs);
      // A suspicion lasts 4 s at least.
      if (what === 'failure') assert.ok(half.medianMs > 4_000);
      else assert.ok(half.medianMs < 2_000);
      assert.match(answerText(answer, 'markdown'), /^## An? (update|failure), 2 seeds/);
      assert.match(drawPlot(plotOf(question, what, samples)), /^<svg/);
    }
  });

  it('gets by full exchanges what gossip does not bring', async () => {
    const question = ask(
      ...['--nodes', '6', '--seeds', '3', '--what', 'update'],
      ...['--gossip-nodes', '1', '--retransmit-mult', '1', '--push-pull-interval', '5000'],
    );
    const [task] = tasksOf(question);
    assert.ok(task);
    const samples = await simulate(task);
    assert.ok(samples.every(({ times }) => times.length === 5));
    const { gossip } = answerOf(question, 'update', samples);
    assert.ok(gossip && gossip.complete < 3);
    assert.ok(gossip.reached < 1);
  });
});

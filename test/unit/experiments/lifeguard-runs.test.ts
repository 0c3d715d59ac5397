/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The runs of the Lifeguard experiment: whose rules they go by, how a process that waits for its sends
// goes on, and that a run counts what it says.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Blocking } from '../../../experiments/lifeguard/blocking.js';
import {
  cellsInSamplingOrder,
  intervalCells,
  keyOf,
  type Run,
  runsOf,
  thresholdCells,
} from '../../../experiments/lifeguard/cells.js';
import {
  canonicalVariant,
  configFor,
  type Configuration,
  configurationNames,
  rulesFor,
  type Variant,
} from '../../../experiments/lifeguard/configurations.js';
import { execute } from '../../../experiments/lifeguard/run.js';
import { productionRules } from '../../../src/core/lifeguard/rules.js';
import { SimulatedCluster } from '../../../src/testing/index.js';

const tuning = (
  configuration: Configuration,
  variant: Variant,
  alpha = 5,
): Parameters<typeof rulesFor>[0] => ({ configuration, variant, alpha, beta: 6 });

suite('the rules', () => {
  test('of the paper differ from the product’s in four places', () => {
    const [paper, product] = [
      rulesFor(tuning('lifeguard', 'paper')),
      rulesFor(tuning('lifeguard', 'product')),
    ];
    assert.deepEqual([paper.probeTimeoutMs(500, 2), product.probeTimeoutMs(500, 2)], [1500, 500]);
    assert.deepEqual([paper.failedProbeCost(3, 1), product.failedProbeCost(3, 1)], [3, 2]);
    assert.deepEqual([paper.failedProbeCost(3, 3), product.failedProbeCost(3, 3)], [1, 0]);
    assert.deepEqual([paper.failedProbeCost(0, 0), product.failedProbeCost(0, 0)], [1, 1]);
    const wanted = [paper, product].map((rules) => rules.confirmationsWanted(7, 128));
    assert.deepEqual(wanted, [3, 5]);
    const longest = (['paper', 'product'] as const).map(
      (variant) => configFor(tuning('lifeguard', variant)).awarenessMaxMultiplier,
    );
    assert.deepEqual(longest, [9, 8]);
  });

  test('of plain SWIM have none of Lifeguard, and each extension has its own', () => {
    for (const name of configurationNames) {
      const rules = rulesFor(tuning(name, 'product'));
      const config = configFor(tuning(name, 'product'));
      const has = (extension: Configuration): boolean => name === extension || name === 'lifeguard';
      assert.equal(rules.usesBuddySystem, has('buddy'), name);
      assert.equal(rules.requestsNacks, has('lha-probe'), name);
      assert.equal(config.awarenessMaxMultiplier === 1, !has('lha-probe'), name);
      assert.equal(rules.confirmationsWanted(5, 128), has('lha-suspicion') ? 3 : 0, name);
      assert.equal(config.suspicionMaxTimeoutMult, has('lha-suspicion') ? 6 : 1, name);
    }
  });

  test('reach the node that is created with them, and no other', async () => {
    const rules = rulesFor(tuning('swim', 'product'));
    let asked = 0;
    const lifeguard = {
      ...rules,
      probeTimeoutMs: (probeTimeoutMs: number, healthScore: number) => {
        asked++;
        return rules.probeTimeoutMs(probeTimeoutMs, healthScore);
      },
    };
    await using cluster = await SimulatedCluster.createWith({ size: 2 }, (name) =>
      name === 'n0' ? { lifeguard } : {},
    );
    await cluster.joinAll();
    await cluster.run(10_000);
    assert.ok(asked > 5 && asked < 15, `${asked} probes of n0 alone`);
    assert.equal(productionRules.usesBuddySystem, true);
  });
});

suite('the grid', () => {
  test('has 54 Threshold and 432 Interval cells, each once, in an order that never changes', () => {
    assert.deepEqual([thresholdCells.length, intervalCells.length], [54, 432]);
    const all = cellsInSamplingOrder();
    assert.equal(new Set(all).size, 486);
    assert.deepEqual(cellsInSamplingOrder(), all);
    const byPart = [...cellsInSamplingOrder('threshold'), ...cellsInSamplingOrder('interval')];
    assert.deepEqual(new Set(byPart), new Set(all));
    assert.deepEqual(
      all.filter((cell) => cell.intervalMs !== undefined),
      cellsInSamplingOrder('interval'),
    );
  });

  test('runs that are identical in both variants are executed once', () => {
    const common = { anomaly: 'block', noStallRule: false, beta: 6, nodes: 128 } as const;
    const choice = { ...common, cells: all(1), variants: ['paper', 'product'] as const };
    const of = (alpha: number): string[] =>
      runsOf({ ...choice, alpha, repetitions: 1 }).map(
        ({ configuration, variant }) => `${configuration} ${variant}`,
      );
    assert.deepEqual(of(5), [
      'swim product',
      'lha-probe paper',
      'lha-probe product',
      'lha-suspicion product',
      'buddy product',
      'lifeguard paper',
      'lifeguard product',
    ]);
    // With another α the product wants another number of confirmations than the paper.
    assert.equal(of(4).length, 8);
    assert.equal(canonicalVariant(tuning('lha-suspicion', 'paper', 4)), 'paper');
    const keys = runsOf({ ...choice, alpha: 5, repetitions: 2 }).map(keyOf);
    assert.equal(new Set(keys).size, 14);
  });
});

function all(count: number): ReturnType<typeof cellsInSamplingOrder> {
  return cellsInSamplingOrder().slice(0, count);
}

suite('a process that waits for its sends', () => {
  test('blocks at its next tick, keeps one late tick, and continues afterwards', () => {
    const blocking = new Blocking();
    const done: string[] = [];
    const tick = blocking.rules.periodic?.(() => done.push('tick'), 'gossip');
    assert.ok(tick);
    tick();
    blocking.block();
    for (let i = 0; i < 5; i++) tick();
    assert.deepEqual(done, ['tick', 'tick'], 'what it sends first is under way');
    blocking.release();
    assert.deepEqual(done, ['tick', 'tick', 'tick'], 'of the missed ones a ticker keeps one');
    tick();
    assert.equal(done.length, 4);
  });

  test('delays probe results, but not suspicion timeouts', () => {
    const blocking = new Blocking();
    const heard: string[] = [];
    const catchUp = (then: () => void): void => then();
    blocking.block();
    blocking.rules.probeWait?.(catchUp)(() => heard.push('probe'));
    blocking.rules.suspicionWait?.(catchUp)(() => heard.push('suspicion'));
    assert.deepEqual(heard, ['suspicion']);
    blocking.release();
    assert.deepEqual(heard, ['suspicion', 'probe']);
  });
});

suite('a run', () => {
  const run: Run = {
    ...tuning('swim', 'product'),
    configuration: 'swim',
    variant: 'product',
    anomaly: 'block',
    nodes: 16,
    concurrency: 2,
    durationMs: 32_768,
    repetition: 0,
  };

  test('of the Threshold kind records when each anomalous node was detected first and by all', async () => {
    const result = await execute(run);
    assert.equal(result.detections.length, 2);
    for (const { firstMs, fullMs } of result.detections) {
      assert.ok(firstMs > 5_000 && firstMs < 15_000, `${firstMs}`);
      assert.ok(fullMs !== null && fullMs >= firstMs && fullMs < firstMs + 3_000);
    }
    assert.equal(result.recovered, true);
    assert.ok(result.truePositives >= 2 * 14);
    assert.equal((await execute(run)).digest, result.digest);
  });

  test('of the Interval kind lasts two minutes, and counts deaths of the healthy', async () => {
    const interval = { ...run, concurrency: 8, durationMs: 16_384, intervalMs: 1 };
    const swim = await execute(interval);
    assert.ok(swim.virtualMs >= 120_000 && swim.virtualMs < 140_000);
    assert.equal(swim.recovered, null);
    assert.deepEqual(swim.detections, []);
    assert.ok(swim.falsePositives >= swim.falsePositivesAtHealthy);
    assert.ok(swim.falsePositives > 0, 'half of the nodes hear nothing, and blame the others');
    const lifeguard = await execute({ ...interval, configuration: 'lifeguard' });
    assert.ok(lifeguard.falsePositives < swim.falsePositives);
    assert.equal(lifeguard.seed, swim.seed, 'compared in pairs');
  });
});

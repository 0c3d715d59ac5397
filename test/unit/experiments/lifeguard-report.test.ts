/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import {
  type Cell,
  cellsInSamplingOrder,
  type Choice,
  keyOf,
  type Run,
  runsOf,
  seedOf,
} from '../../../experiments/lifeguard/cells.js';
import { variants } from '../../../experiments/lifeguard/configurations.js';
import { freezesOf, otherRunsOf } from '../../../experiments/lifeguard/report-extras.js';
import { judge, type Verdict } from '../../../experiments/lifeguard/report-marks.js';
import { publishedSetting, select } from '../../../experiments/lifeguard/report-select.js';
import { summarize, type Summary } from '../../../experiments/lifeguard/report-summary.js';
import { writeReport } from '../../../experiments/lifeguard/report.js';
import type { RunResult } from '../../../experiments/lifeguard/run.js';
import { Store } from '../../../experiments/store.js';

const folder = mkdtempSync(join(tmpdir(), 'lifeguard-report-'));
after(() => rmSync(folder, { recursive: true }));

const cells = cellsInSamplingOrder();
const grid: Choice = { ...publishedSetting, cells, variants, repetitions: 1 };
let stores = 0;

/** Events of made-up runs: by default SWIM has a hundred, of which ten at healthy nodes. */
type Events = (run: Run) => readonly [all: number, atHealthy: number];
const usual: Events = ({ configuration, variant }) => {
  const factor = { swim: 1, 'lha-probe': 0.7, 'lha-suspicion': 0.1, buddy: 0.9, lifeguard: 0.01 };
  const extra = configuration === 'lifeguard' && variant === 'product' ? 1 : 0;
  return [100 * factor[configuration] + extra, 10 * factor[configuration]];
};

function resultOf(run: Run, events: Events): RunResult {
  const [falsePositives, falsePositivesAtHealthy] = events(run);
  const isThreshold = run.intervalMs === undefined;
  const isFoundOut = isThreshold && run.durationMs > 16_000;
  return {
    key: keyOf(run),
    run,
    seed: seedOf(run),
    falsePositives,
    falsePositivesAtHealthy,
    truePositives: 0,
    detections: Array.from({ length: isFoundOut ? run.concurrency : 0 }, (_, index) => ({
      firstMs: 12_400 + index,
      fullMs: index === 0 ? null : 12_900 + index,
    })),
    recovered: isThreshold ? true : null,
    messages: run.configuration === 'lifeguard' ? 110 : 100,
    bytes: 1_000,
    packets: 0,
    packetBytes: 0,
    virtualMs: 120_000,
    digest: '',
    cpuMs: 1_000,
  };
}

function storeOf(choices: readonly Partial<Choice>[], events = usual): Store<RunResult> {
  const store = new Store<RunResult>(join(folder, `${stores++}.jsonl`));
  for (const choice of choices) {
    for (const run of runsOf({ ...grid, ...choice })) store.add(resultOf(run, events));
  }
  return store;
}

function summaryOf(choice: Partial<Choice>, events = usual): Summary {
  return summarize(select(storeOf([choice], events), publishedSetting, 'product'));
}

function verdicts(summary: Summary): Record<string, Verdict> {
  return Object.fromEntries(judge(summary).map(({ name, verdict }) => [name, verdict]));
}

const names = {
  baseline: 'baseline: SWIM, averaged over the full grid, 25–250 FP per run',
  atHealthy: 'Lifeguard FP− ≤ 10 %, with ≥ 200 events of the baseline',
  first: 'Lifeguard median first detection 12.0–12.9 s',
};

suite('the runs that count', () => {
  test('are, of each part, those up to the first cell that is not complete', () => {
    const ordered = cellsInSamplingOrder('interval');
    const quick = cellsInSamplingOrder('threshold').slice(0, 20);
    const chosen = [...ordered.slice(0, 40), ...ordered.slice(41, 50), ...quick];
    const { interval, threshold, repetitions } = select(
      storeOf([{ cells: chosen }]),
      publishedSetting,
      'product',
    );
    assert.deepEqual(
      interval.map(({ cell }) => cell),
      ordered.slice(0, 40),
    );
    assert.deepEqual(
      threshold.map(({ cell }) => cell),
      quick,
    );
    assert.deepEqual(
      repetitions.map(({ leftOut }) => leftOut),
      [9],
    );
  });

  test('are counted by variant: what both share stands for both', () => {
    const store = storeOf([{ cells: cells.slice(0, 5), variants: ['paper'] }]);
    const sizes = variants.map((variant) => {
      const { interval, threshold } = select(store, publishedSetting, variant);
      return interval.length + threshold.length;
    });
    assert.deepEqual(sizes, [5, 0]);
  });

  test('are none of other settings, nor of cells that are not in the grid', () => {
    const some = cells.slice(0, 3);
    const other: Cell = { concurrency: 3, durationMs: 99 };
    const more = [{ cells: some, alpha: 4 }, { cells: some, nodes: 64 }, { cells: [other] }];
    const store = storeOf([{ cells: some }, ...more]);
    const { interval, threshold } = select(store, publishedSetting, 'product');
    assert.equal(interval.length + threshold.length, 3);
    const others = otherRunsOf(store);
    assert.deepEqual(
      new Set(others.map(({ setting, isOfTheGrid }) => [setting.alpha, isOfTheGrid].join())),
      new Set(['4,true', '5,true', '5,false']),
    );
    // SWIM and the rest: 7 runs a cell, and 8 with α = 4, where K differs.
    assert.equal(
      others.reduce((runs, group) => runs + group.runs, 0),
      3 * 8 + 3 * 7 + 7,
    );
  });
});

suite('the figures', () => {
  test('are ratios of sums to SWIM', () => {
    const { figures, intervalRuns } = summaryOf({});
    assert.equal(intervalRuns, 432);
    assert.equal(figures.swim.falsePositives, 43_200);
    assert.deepEqual(figures.swim.perRun, { value: 100, low: 100, high: 100 });
    assert.equal(figures.lifeguard.falsePositivesPercent.value, 2);
    assert.equal(figures['lha-probe'].falsePositivesAtHealthyPercent.value, 70);
    assert.equal(figures.lifeguard.messagesPercent.value, 110);
    assert.equal(figures.buddy.byConcurrency[0]?.falsePositives, 48 * 90);
  });

  test('count the nodes that were found out, and those that all came to know of', () => {
    const { count, fullCount, first, full, spread } = summaryOf({}).figures.lifeguard.threshold
      .detections;
    assert.equal(count, 290);
    assert.equal(fullCount, 290 - 18);
    assert.ok(Math.abs((first.median.value ?? 0) - 12.41) < 0.01);
    assert.ok((first.p99 ?? 0) > 12.42 && first.p999 === null);
    assert.ok(Math.abs((full.median.value ?? 0) - 12.91) < 0.01);
    assert.ok(Math.abs((spread.median.value ?? 0) - 0.5) < 1e-9);
  });
});

suite('the marks', () => {
  test('are all met by runs like the published ones', () => {
    const all = judge(summaryOf({}));
    assert.equal(all.length, 10);
    assert.deepEqual(
      all.filter(({ verdict }) => verdict !== 'met'),
      [],
    );
  });

  test('are not decided by a few cells', () => {
    const all = Object.values(verdicts(summaryOf({ cells: cells.slice(0, 20) })));
    assert.deepEqual(new Set(all), new Set(['not enough data']));
  });

  test('about false positives are void when SWIM does not misbehave', () => {
    const all = judge(summaryOf({}, (run) => usual(run).map((n) => n / 10) as [number, number]));
    assert.equal(all[0].verdict, 'not met');
    assert.equal(all.filter(({ isVoid }) => isVoid).length, 4);
  });

  test('about the baseline are not decided by a sample whose interval is wide', () => {
    const rare: Events = (run) => (run.concurrency === 32 ? [2_000, 8] : [0, 0]);
    const part = verdicts(summaryOf({ cells: cells.slice(0, 60) }, rare));
    assert.equal(part[names.baseline], 'not enough data');
    const whole = verdicts(summaryOf({}, rare));
    assert.equal(whole[names.baseline], 'met');
  });

  test('about healthy nodes want events', () => {
    const few: Events = (run) => [usual(run)[0], run.configuration === 'swim' ? 0.4 : 0];
    assert.equal(verdicts(summaryOf({}, few))[names.atHealthy], 'not enough data');
  });

  test('about times want detections', () => {
    assert.equal(
      verdicts(summaryOf({ cells: cells.slice(0, 60) }))[names.first],
      'not enough data',
    );
  });
});

test('frozen nodes are compared on the seeds that both have', () => {
  const frozen = { anomaly: 'freeze', variants: ['product'] } as const;
  const store = storeOf([
    { ...frozen, cells: cells.slice(0, 50) },
    { ...frozen, cells: cells.slice(0, 40), noStallRule: true },
  ]);
  const [freeze, ...more] = freezesOf(store);
  assert.deepEqual(more, []);
  assert.equal(freeze?.withRule?.intervalRuns, freeze?.withoutRule?.intervalRuns);
  assert.deepEqual(freeze?.ruleEffect, { value: 100, low: 100, high: 100 });
});

suite('the report', () => {
  test('is written, the same whenever it is', async (context) => {
    context.mock.method(console, 'log', () => undefined);
    storeOf([{ cells: cells.slice(0, 70) }]);
    const path = join(folder, `${stores - 1}.jsonl`);
    const [one, other] = [join(folder, 'one'), join(folder, 'other')];
    await writeReport(path, one);
    await writeReport(path, other);
    const files = readdirSync(one);
    assert.equal(files.filter((file) => file.endsWith('.svg')).length, 8);
    for (const file of files) {
      const text = readFileSync(join(one, file), 'utf8');
      assert.equal(readFileSync(join(other, file), 'utf8'), text, file);
      assert.doesNotMatch(text, /NaN|undefined|Infinity/, file);
    }
    const report = readFileSync(join(one, 'lifeguard.md'), 'utf8');
    assert.match(report, /## Frozen nodes[^#]*Not run yet\./);
    assert.match(report, /## Other settings[^#]*None\./);
  });

  test('is not written of nothing', async (context) => {
    const log = context.mock.method(console, 'log', () => undefined);
    await writeReport(join(folder, 'none.jsonl'), join(folder, 'none'));
    assert.equal(log.mock.callCount(), 1);
    assert.ok(!readdirSync(folder).includes('none'));
  });
});

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Store } from '../../../experiments/store.js';
import { quietCluster } from '../../../experiments/swim/quiet-cluster.js';
import { writeReport } from '../../../experiments/swim/report.js';
import { probing } from '../../../experiments/swim/settings.js';
import { summarize } from '../../../experiments/swim/summary.js';
import {
  execute,
  type Amounts,
  type Result,
  type Task,
  tasksOf,
} from '../../../experiments/swim/tasks.js';
import { wiretap, type ProbeMessage } from '../../../experiments/swim/wiretap.js';

describe('a quiet cluster', () => {
  it('runs only the selected loops', async () => {
    const { cluster, loops } = await quietCluster({ size: 4, seed: 'quiet', config: probing });
    const seen: (ProbeMessage | undefined)[] = [];
    wiretap(cluster, ({ kind }) => seen.push(kind));
    await cluster.run(5_000);
    assert.deepEqual(seen, []);
    // If the engine named its loops wrongly, these would be probes.
    loops.run('gossip', 'push-pull', 'queue-check');
    await cluster.run(5_000);
    assert.deepEqual(seen, []);
    loops.run('probe');
    await cluster.run(5_000);
    assert.deepEqual([...new Set(seen)].sort(), ['ack', 'ping']);
    loops.run('gossip');
    void cluster.node('n1').updateNode();
    seen.length = 0;
    await cluster.run(5_000);
    assert.deepEqual([...new Set(seen)], [undefined]);
    await cluster.close();
  });

  it('probes in lock-step if configured', async () => {
    const config = { ...probing, indirectChecks: 0 };
    const init = { size: 5, seed: 'step', config, stepMs: 1_000 };
    const { cluster, loops } = await quietCluster(init);
    const at = new Map<number, number>();
    wiretap(cluster, ({ kind, at: time }) => {
      if (kind === 'ping') at.set(Math.round(time), (at.get(Math.round(time)) ?? 0) + 1);
    });
    loops.run('probe');
    cluster.crash('n4');
    await cluster.run(10_000);
    // Four that are left, at each of ten moments, whether their probes succeed or fail.
    for (const [time, pings] of at) {
      assert.equal(time % 1_000, 0);
      if (time > 1_000) assert.ok(pings >= 4, `${pings} at ${time}`);
    }
    assert.equal(at.size, 10);
    await cluster.close();
  });
});

describe('the SWIM experiments, with few of everything', () => {
  const amounts: Amounts = {
    loadPeriods: 20,
    crashes: { 8: 3 },
    toTheLast: 3,
    thousandRounds: () => 0.64,
    updates: () => ({ clusters: 1, each: 2 }),
  };
  const isSmall = (task: Task): boolean =>
    task.nodes <= 8 ||
    (task.kind === 'false-probes' && task.lossPercent === 10 && task.helpers !== 1);

  it('are summed up and written, and are open as long as not all is done', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'swim-'));
    try {
      const store = new Store<Result>(join(directory, 'runs.jsonl'));
      for (const task of tasksOf(amounts).filter(isSmall)) store.add(await execute(task));
      const { load, detection, worstCase, falseProbes, infection, verdicts, runs } =
        await writeReport({ store, amounts, directory });
      assert.ok(runs.done < runs.wanted);
      assert.ok(verdicts.every(({ verdict }) => verdict !== 'met'));
      assert.equal(load.length, 1);
      for (const { sent, received, others } of load) {
        assert.ok(Math.abs(sent - 2) < 0.02 && Math.abs(received - 2) < 0.02);
        assert.equal(others, 0);
      }
      for (const { seeds, wait, detection: found, phases, periods } of detection) {
        assert.equal(seeds, 3);
        assert.ok(Math.abs((found.value ?? 0) - (wait.value ?? 0) - 1) < 0.01);
        if (phases === 'lock-step') assert.ok((periods.value ?? 0) >= 1);
      }
      assert.ok(worstCase.length >= 2);
      assert.ok(worstCase.every(({ verdict }) => verdict === 'met'));
      const alone = falseProbes.find(({ helpers }) => helpers === 0);
      assert.equal(alone?.rounds, 640);
      assert.ok(Math.abs((alone.share.value ?? 0) - 0.19) < 0.06);
      const helped = falseProbes.find(({ helpers }) => helpers === 3);
      assert.equal(helped?.helpersAsked, 3);
      assert.ok(infection.sizes.every(({ reached }) => reached > 0.9));
      const text = readFileSync(join(directory, 'swim.md'), 'utf8');
      for (const name of ['load', 'detection', 'false-probes', 'infection-median']) {
        assert.ok(text.includes(`swim-${name}.svg`));
        assert.match(readFileSync(join(directory, `swim-${name}.svg`), 'utf8'), /^<svg/);
      }
      const figures = JSON.parse(readFileSync(join(directory, 'swim.json'), 'utf8')) as object;
      assert.ok('verdicts' in figures);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('give the same for the same seed', async () => {
    const task: Task = {
      kind: 'detection',
      nodes: 8,
      phases: 'random',
      toTheLast: false,
      first: 5,
      count: 2,
    };
    const [once, twice] = [await execute(task), await execute(task)];
    assert.deepEqual(once.measured, twice.measured);
    const store = new Store<Result>(join(tmpdir(), 'no-such-file.jsonl'));
    assert.equal(summarize(store, amounts).runs.done, 0);
  });
});

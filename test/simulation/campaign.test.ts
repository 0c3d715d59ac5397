/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import type { MembershipEvent, Node } from '../../src/index.js';
import { canaries } from './campaign/canaries.js';
import { EventWatch, Violation } from './campaign/invariants.js';
import { play } from './campaign/play.js';
import { drawScenario } from './campaign/scenario.js';
import { shrink } from './campaign/shrink.js';

/** Seeds that found something once, each with what that was. */
const kept: Record<string, number> = {
  'a node that is alone cannot empty its queue': 6,
};

suite('the fault campaign', () => {
  for (const seed of [0, 1, 2, 3, 4, 5]) {
    test(`every invariant holds in the scenario of seed ${seed}`, async () => {
      await play(drawScenario(seed, { nodes: 4 + 2 * seed }));
    });
  }

  for (const [finding, seed] of Object.entries(kept)) {
    test(`seed ${seed} is kept: ${finding}`, async () => {
      await play(drawScenario(seed));
    });
  }

  test('a scenario is played the same way each time', async () => {
    const scenario = drawScenario(7, { nodes: 6 });
    assert.deepEqual(drawScenario(7, { nodes: 6 }), scenario);
    assert.deepEqual(await play(scenario), await play(scenario));
  });

  test('scenarios differ in size, faults and steps', () => {
    const all = Array.from({ length: 300 }, (_, seed) => drawScenario(seed));
    const sizes = all.map(({ nodes }) => nodes);
    assert.deepEqual([Math.min(...sizes), Math.max(...sizes) > 50], [3, true]);
    const done = new Set(all.flatMap(({ steps }) => steps.map((step) => step.do)));
    assert.equal(done.size, 14);
    for (const fault of ['loss', 'duplication', 'reordering', 'streamBreaks'] as const) {
      const share = all.filter(({ network }) => (network[fault] ?? 0) > 0).length / all.length;
      assert.ok(share > 0.3 && share < 0.6, `${fault}: ${share}`);
    }
    for (const { steps, healAt } of all) {
      assert.ok(steps.every(({ at }, i) => at <= healAt && at >= (steps[i - 1]?.at ?? 0)));
    }
  });

  test('a scenario that fails is made smaller as long as it fails', async () => {
    const scenario = drawScenario(10, { nodes: 20 });
    const culprit = scenario.steps[3];
    assert.ok(culprit);
    const judge = (candidate: typeof scenario): Promise<string | undefined> =>
      Promise.resolve(
        candidate.steps.includes(culprit) && candidate.nodes > 4 ? 'it fails' : undefined,
      );
    const smallest = await shrink(scenario, judge);
    assert.deepEqual(smallest.steps, [culprit]);
    assert.equal(smallest.nodes, 5);
  });

  test('every canary fits the source', () => {
    assert.ok(canaries.length >= 12);
    for (const { name, file, from, to } of canaries) {
      const source = readFileSync(new URL(`../../src/${file}`, import.meta.url), 'utf8');
      assert.equal(source.split(from).length, 2, name);
      assert.notEqual(from, to);
    }
  });
});

const node = (incarnation: number, address = '10.0.0.2:7946', name = 'b'): Node => ({
  name,
  addr: '10.0.0.2',
  port: 7946,
  address,
  meta: Buffer.alloc(0),
  state: 'alive',
  incarnation,
  protocol: { min: 1, max: 5, current: 2 },
  delegateProtocol: { min: 0, max: 0, current: 0 },
});

const join = (incarnation: number, address?: string, name?: string): MembershipEvent => ({
  type: 'join',
  node: node(incarnation, address, name),
});
const suspect: MembershipEvent = { type: 'suspect', node: node(1) };
const recover: MembershipEvent = { type: 'recover', node: node(2) };
const failed: MembershipEvent = { type: 'leave', node: node(1), reason: 'failed' };
const left: MembershipEvent = { type: 'leave', node: node(1), reason: 'left' };

interface Watched {
  readonly watch: EventWatch;
  readonly time: { now: number };
  readonly running: Set<string>;
}

function watched(): Watched {
  const time = { now: 0 };
  const running = new Set(['a', 'b']);
  const watch = new EventWatch({
    now: () => time.now,
    clockOf: () => time.now,
    isRunning: (observer) => running.has(observer),
    nameOf: (observer) => observer,
    gossipToTheDeadTime: 1_000,
    shortestSuspicion: 500,
  });
  watch.started('a', 'a', '10.0.0.1:7946');
  watch.started('b', 'b', '10.0.0.2:7946');
  return { watch, time, running };
}

suite('the invariants of events', () => {
  const broken = (rule: RegExp, events: readonly MembershipEvent[]): void => {
    const { watch } = watched();
    for (const event of events.slice(0, -1)) watch.event('a', event);
    assert.throws(
      () => watch.event('a', events.at(-1)!),
      (error) => error instanceof Violation && rule.test(error.message),
    );
  };

  test('a life in order breaks none', () => {
    const { watch } = watched();
    for (const event of [join(1), suspect, recover, { ...suspect, node: node(2) }]) {
      watch.event('a', event);
    }
    watch.leaves('b');
    watch.event('a', { ...left, node: node(2) });
    watch.event('a', join(3));
  });

  test('events about a name alternate', () => {
    for (const events of [
      [suspect],
      [recover],
      [failed],
      [join(1), join(1)],
      [join(1), recover],
      [join(1), suspect, suspect],
      [join(1), failed, failed],
      [join(1), failed, suspect],
    ]) {
      broken(/alternate/, events);
    }
  });

  test('an incarnation does not fall while the name is held', () => {
    broken(/never falls/, [join(5), suspect]);
    broken(/never falls/, [join(1), failed, join(0)]);
    const { watch, time } = watched();
    watch.started('b', 'b', '10.0.0.3:7946');
    watch.event('a', join(5));
    watch.event('a', { ...failed, node: node(5) });
    watch.event('a', join(1, '10.0.0.3:7946'));
    watch.event('a', { ...failed, node: node(1, '10.0.0.3:7946') });
    time.now = 1_001;
    watch.event('a', join(0));
  });

  test('only who left is said to have left', () => {
    broken(/left only/, [join(1), left]);
  });

  test('nobody is told of itself, of strangers, or of anything after its end', () => {
    broken(/about oneself/, [join(1, '10.0.0.1:7946', 'a')]);
    broken(/lived somewhere/, [join(1, '10.9.9.9:1')]);
    const { watch, running } = watched();
    running.delete('a');
    assert.throws(() => watch.event('a', join(1)), /after a shutdown/);
  });

  test('a conflict needs two addresses at which the name lived', () => {
    const [here, there] = [node(1), node(1, '10.0.0.3:7946')];
    broken(/two addresses/, [{ type: 'conflict', existing: here, other: here }]);
    broken(/two lived/, [{ type: 'conflict', existing: here, other: there }]);
    const { watch } = watched();
    watch.started('twin', 'b', there.address);
    watch.event('a', { type: 'conflict', existing: here, other: there });
  });

  test('health has its range', () => {
    broken(/health/, [{ type: 'health', score: 8 }]);
  });

  test('who finds somebody dead by itself has suspected it for its time', () => {
    const verdict = { code: 'member-failed', peer: 'b', by: 'a' };
    const { watch, time } = watched();
    watch.event('a', join(1));
    assert.throws(() => watch.logged('a', verdict), /was suspected/);
    watch.logged('a', { ...verdict, by: 'c' });
    watch.event('a', suspect);
    time.now = 400;
    assert.throws(() => watch.logged('a', verdict), /has its time/);
    time.now = 500;
    watch.logged('a', verdict);
  });

  test('a death of somebody who runs is noted, as it may happen', () => {
    const { watch, running } = watched();
    watch.event('a', join(1));
    watch.event('a', failed);
    assert.equal(watch.falseDeaths.length, 1);
    running.delete('b');
    watch.event('a', join(2));
    watch.event('a', { ...failed, node: node(2) });
    assert.equal(watch.falseDeaths.length, 1);
  });
});

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { MembershipEvent, Node } from '../../src/index.js';
import { canaries } from './campaign/canaries.js';
import { drawScenario } from './campaign/draw.js';
import { extensionsOf } from './campaign/extension-plan.js';
import { parseScenario, readScenario, textOf } from './campaign/files.js';
import { EventWatch } from './campaign/invariants.js';
import { parseOptions, UsageError } from './campaign/options.js';
import { play } from './campaign/play.js';
import type { Scenario } from './campaign/scenario.js';
import { shrink } from './campaign/shrink.js';
import { Violation } from './campaign/violation.js';

/**
 * Scenarios that found something once, each with what that was. As files: what a seed draws changes
 * with the campaign.
 */
const kept: Record<string, string> = {
  'alone.json': 'who is alone cannot empty its queue: no fault, and no longer taken for one',
  'two-at-one-address.json': 'a partition separates addresses, of which two nodes may have had one',
  'four-rejoins.json': 'groups that forget one another one after the other are joined each time',
  'reborn-elsewhere.json': 'who starts again remembers nobody, and whom it alone knew is alone',
  'refuted-in-vain.json': 'all sendings of a refutation may go to somebody else than the accuser',
  'twins-verdict.json': 'what a twin found out in our name we did not suspect for its time',
  'forgotten-later.json':
    'who holds others for dead when those are joined again forgets them later',
  'ended-in-a-turn.json': 'a node that ends while it waits for late packets leaves no timer behind',
  'home-taken.json': 'a node whose address has another one by now starts elsewhere',
};
const keptFolder = new URL('./campaign/kept/', import.meta.url);

suite('the fault campaign', () => {
  for (const seed of [0, 1, 2, 3, 4, 5]) {
    test(`every invariant holds in the scenario of seed ${seed}`, async () => {
      await play(drawScenario(seed, { nodes: 4 + 2 * seed }));
    });
  }

  for (const [file, finding] of Object.entries(kept)) {
    test(`${file} is kept: ${finding}`, async () => {
      await play(readScenario(fileURLToPath(new URL(file, keptFolder))));
    });
  }

  test('who was cut off for longer than it is remembered is found again, and nobody joins it', async () => {
    const long = Array.from({ length: 100 }, (_, seed) => drawScenario(seed, { maxNodes: 8 }));
    const chosen = long.filter(({ rejoins }) => rejoins === true);
    assert.ok(chosen.length >= 3, `${chosen.length} of 100`);
    for (const scenario of chosen.slice(0, 3)) await play(scenario);
  });

  test('every scenario that is kept has its reason here', () => {
    assert.deepEqual(readdirSync(keptFolder).sort(), Object.keys(kept).sort());
  });

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
    assert.equal(done.size, 17);
    for (const fault of ['loss', 'duplication', 'reordering', 'streamBreaks'] as const) {
      const share = all.filter(({ network }) => (network[fault] ?? 0) > 0).length / all.length;
      assert.ok(share > 0.3 && share < 0.6, `${fault}: ${share}`);
    }
    for (const { steps, healAt } of all) {
      assert.ok(steps.every(({ at }, i) => at <= healAt && at >= (steps[i - 1]?.at ?? 0)));
    }
  });

  test('partitions are of both kinds, and one in eight scenarios is calm', () => {
    const all = Array.from({ length: 400 }, (_, seed) => drawScenario(seed));
    const share = (is: (scenario: Scenario) => boolean): number =>
      all.filter(is).length / all.length;
    const parts = (oneWay: boolean) => (scenario: Scenario) =>
      scenario.steps.some((step) => step.do === 'partition' && step.oneWay === oneWay);
    assert.ok(share(parts(false)) > 0.15);
    assert.ok(share(parts(true)) > 0.08);
    const calm = share(({ isCalm }) => isCalm);
    assert.ok(calm > 0.08 && calm < 0.17, `${calm}`);
  });

  test('half of the scenarios have extensions, on some of the nodes', () => {
    const all = Array.from({ length: 400 }, (_, seed) => drawScenario(seed));
    const extended = all.filter(({ extensions }) => extensions !== undefined);
    assert.ok(extended.length > 170 && extended.length < 230, `${extended.length}`);
    for (const scenario of extended) {
      const running = ['n0', 'n1', 'n2'].map((key) => extensionsOf(scenario, key).length > 0);
      assert.deepEqual(running, [true, false, true]);
    }
  });

  test('extensions change neither the faults of a scenario nor the scenarios without them', () => {
    for (const seed of [0, 2, 12]) {
      const { extensions, ...faults } = drawScenario(seed);
      assert.ok(extensions !== undefined);
      assert.deepEqual(parseScenario(textOf(faults)).extensions, undefined);
    }
    assert.equal('extensions' in drawScenario(1), false);
  });

  test('extensions exchange messages, and their exceptions are part of the scenario', async () => {
    const scenario = drawScenario(2, { nodes: 4 });
    const extensions = { shares: { alpha: 1, beta: 1 }, intervalMs: 200, throws: 0.1 };
    const { extensionMessages } = await play({ ...scenario, extensions });
    assert.ok(extensionMessages > 100, `${extensionMessages}`);
  });

  test('a scenario that fails is made smaller as long as it fails', async () => {
    const scenario = drawScenario(11, { nodes: 20 });
    const culprit = scenario.steps.find((step) => step.do === 'update');
    assert.ok(culprit);
    const smallest = await shrink(scenario, ({ steps, nodes }) =>
      Promise.resolve(nodes > 4 && steps.some((step) => step.do === 'update')),
    );
    assert.deepEqual(
      smallest.steps.map((step) => step.do),
      ['update'],
    );
    assert.equal(smallest.nodes, 5);
    const { latency, loss = 0, duplication = 0, reordering = 0 } = smallest.network;
    assert.deepEqual(
      { latency, faults: loss + duplication + reordering },
      { latency: 1, faults: 0 },
    );
    const [step] = smallest.steps;
    assert.ok(step?.do === 'update' && /^n[0-4]$/.test(step.node), JSON.stringify(step));
  });

  test('steps about nodes that are not there any more go with them', async () => {
    const scenario: Scenario = {
      ...drawScenario(10, { nodes: 8 }),
      steps: [
        { at: 1, do: 'partition', groups: [['n0', 'n7'], ['n3']], oneWay: true },
        { at: 2, do: 'link', from: 'n0', to: 'n5', loss: 1 },
        { at: 3, do: 'crash', node: 'n2', silent: true },
        { at: 4, do: 'update', node: 'n7', meta: 'n7' },
      ],
    };
    const smallest = await shrink(scenario, ({ steps }) =>
      Promise.resolve(steps.some((step) => step.do === 'update')),
    );
    assert.equal(smallest.nodes, 2);
    assert.deepEqual(smallest.steps, [{ at: 4, do: 'update', node: 'n1', meta: 'n7' }]);
  });

  test('a scenario is text and back', () => {
    const scenario = drawScenario(19);
    assert.deepEqual(parseScenario(textOf(scenario)), JSON.parse(JSON.stringify(scenario)));
    assert.throws(() => parseScenario('{"seed":1}'), /a scenario has "nodes"/);
  });

  test('what cannot be asked for is said', () => {
    assert.throws(() => parseOptions(['--seeds', 'abc']), UsageError);
    assert.throws(() => parseOptions(['--seed', '-1']), UsageError);
    assert.throws(() => parseOptions(['--nodes', '0']), /from 1 to 256/);
    assert.throws(() => parseOptions(['--speed']), /--speed/);
    assert.throws(() => parseOptions(['twice']), UsageError);
    assert.throws(() => parseOptions(['--toolkit', 'cache']), /none, or some of bus,state,ring/);
    assert.deepEqual(parseOptions(['--toolkit', 'ring,bus']).toolkit, ['bus', 'ring']);
    assert.deepEqual(parseOptions(['--toolkit', 'none']).toolkit, []);
    const { mode, seeds, from } = parseOptions(['--seeds', '1000', '--from', '7']);
    assert.deepEqual({ mode, seeds, from }, { mode: 'seeds', seeds: 1_000, from: 7 });
  });

  test('every canary fits the source', () => {
    assert.ok(canaries.length >= 12);
    assert.equal(new Set(canaries.map(({ name }) => name)).size, canaries.length);
    for (const { name, file, from, to } of canaries) {
      const source = readFileSync(new URL(`../../src/${file}`, import.meta.url), 'utf8');
      assert.equal(source.split(from).length, 2, name);
      assert.notEqual(from, to);
    }
  });

  test('the docs have every invariant, every canary and every scenario that is kept', () => {
    const docs = readFileSync(new URL('../../docs/CAMPAIGN.md', import.meta.url), 'utf8');
    const folder = new URL('./campaign/', import.meta.url);
    const sources = readdirSync(folder).filter((file) => file.endsWith('.ts'));
    const rules = sources.flatMap((file) => {
      const source = readFileSync(new URL(file, folder), 'utf8');
      return Array.from(
        source.matchAll(/(?:Violation\(\s*|rule: )'([^']+)'/g),
        ([, rule]) => rule!,
      );
    });
    assert.ok(rules.length > 20);
    const names = canaries.map(({ name }) => name);
    const missing = [...rules, ...names, ...Object.keys(kept)].filter(
      (text) => text !== 'an error' && !docs.replaceAll(/\s+/g, ' ').includes(text),
    );
    assert.deepEqual(missing, []);
  });
});

const node = (incarnation: number, address = '10.0.0.2:7946', name = 'b'): Node => ({
  name,
  addr: '10.0.0.2',
  port: 7946,
  address,
  meta: Buffer.alloc(0),
  extensions: {},
  state: 'alive',
  incarnation,
  protocol: { min: 1, max: 5, current: 2 },
  delegateProtocol: { min: 0, max: 0, current: 0 },
});

const join = (incarnation: number, address?: string, name?: string): MembershipEvent => ({
  type: 'join',
  node: node(incarnation, address, name),
});
const suspected = (incarnation: number): MembershipEvent => ({
  type: 'suspect',
  node: { ...node(incarnation), state: 'suspect' },
});
const suspect = suspected(1);
const recover: MembershipEvent = { type: 'refute', node: node(2) };
const gone = (
  incarnation: number,
  reason: 'failed' | 'left',
  address?: string,
): MembershipEvent => ({
  type: 'leave',
  node: { ...node(incarnation, address), state: reason === 'left' ? 'left' : 'dead' },
  reason,
});
const failed = gone(1, 'failed');
const left = gone(1, 'left');

interface Watched {
  readonly watch: EventWatch;
  readonly time: { now: number };
  readonly running: Set<string>;
  /** Tells `a`, whose table says the same. */
  readonly tell: (event: MembershipEvent) => void;
  /** What the table of `a` says of `b`. */
  readonly row: { b: Node | undefined };
}

function watched(): Watched {
  const time = { now: 0 };
  const running = new Set(['a', 'b']);
  const row: Watched['row'] = { b: undefined };
  const watch = new EventWatch({
    now: () => time.now,
    clockOf: () => time.now,
    isRunning: (observer) => running.has(observer),
    nameOf: (observer) => observer,
    membersOf: () => 8,
    rowOf: () => row.b,
    gossipToTheDeadTime: 1_000,
    suspicionMs: (members, confirmations) => 100 * members - 100 * confirmations,
  });
  watch.started('a', 'a', '10.0.0.1:7946');
  watch.started('b', 'b', '10.0.0.2:7946');
  const tell = (event: MembershipEvent): void => {
    if ('node' in event) row.b = event.node;
    watch.event('a', event);
  };
  return { watch, time, running, tell, row };
}

suite('the invariants of events', () => {
  const broken = (rule: RegExp, events: readonly MembershipEvent[]): void => {
    const { tell } = watched();
    for (const event of events.slice(0, -1)) tell(event);
    assert.throws(
      () => tell(events.at(-1)!),
      (error) => error instanceof Violation && rule.test(error.message),
    );
  };

  test('a life in order breaks none', () => {
    const { watch, tell } = watched();
    for (const event of [join(1), suspect, recover, suspected(2)]) tell(event);
    watch.leaves('b', 2);
    tell(gone(2, 'left'));
    tell(join(3));
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

  test('an incarnation does not decrease while the name is held', () => {
    broken(/never decreases/, [join(5), suspect]);
    broken(/never decreases/, [join(1), failed, join(0)]);
    const { watch, time, tell } = watched();
    const moved = '10.0.0.3:7946';
    watch.started('b', 'b', moved);
    tell(join(5));
    tell(gone(5, 'failed'));
    tell(join(1, moved));
    tell(gone(1, 'failed', moved));
    time.now = 1_001;
    tell(join(0));
  });

  test('only a member that left is reported as left, in the incarnation in which it did', () => {
    broken(/left only/, [join(1), left]);
    const { watch, tell } = watched();
    watch.leaves('b', 2);
    tell(join(1));
    assert.throws(() => tell(left), /left only/);
  });

  test('no node is notified of itself, of outsiders, or of anything after its end', () => {
    broken(/about the node itself/, [join(1, '10.0.0.1:7946', 'a')]);
    broken(/only at its addresses/, [join(1, '10.9.9.9:1')]);
    const { tell, running } = watched();
    running.delete('a');
    assert.throws(() => tell(join(1)), /after a shutdown/);
  });

  test('a conflict needs two addresses at which the name lived', () => {
    const [here, there] = [node(1), node(1, '10.0.0.3:7946')];
    broken(/two addresses/, [{ type: 'conflict', existing: here, other: here }]);
    broken(/two nodes had/, [{ type: 'conflict', existing: here, other: there }]);
    const { watch, tell } = watched();
    watch.started('twin', 'b', there.address);
    tell({ type: 'conflict', existing: here, other: there });
  });

  test('health has its range', () => {
    broken(/health/, [{ type: 'health', score: 8 }]);
  });

  test('a node that declares a member dead has suspected it for the whole timeout', () => {
    const verdict = { peer: 'b', by: 'a', confirmations: 2 };
    const { watch, time, tell } = watched();
    tell(join(1));
    assert.throws(() => watch.foundDead('a', verdict), /was suspected/);
    watch.foundDead('a', { ...verdict, by: 'c' });
    tell(suspect);
    time.now = 598;
    assert.throws(() => watch.foundDead('a', verdict), /lasts for its timeout/);
    time.now = 600;
    assert.throws(
      () => watch.foundDead('a', { ...verdict, confirmations: 1 }),
      /lasts for its timeout/,
    );
    watch.foundDead('a', verdict);
    // It reaps the member and meets it again: gossip may return the claim that the member has not refuted.
    tell(failed);
    tell(join(1));
    watch.foundDead('a', verdict);
    tell(failed);
    tell(join(2));
    assert.throws(() => watch.foundDead('a', verdict), /was suspected/);
  });

  test('what a twin found out in our name, or of an earlier life, is no verdict of ours', () => {
    const verdict = { peer: 'b', by: 'a', confirmations: 2 };
    for (const name of ['a', 'b']) {
      const { watch, tell } = watched();
      tell(join(1));
      watch.started('twin', name, '10.0.0.3:7946');
      watch.foundDead('a', verdict);
    }
  });

  test('an event says what the table says', () => {
    const { watch, row } = watched();
    assert.throws(() => watch.event('a', join(1)), /the table says nothing/);
    row.b = node(2);
    assert.throws(() => watch.event('a', join(1)), /the table says alive 2/);
  });

  test('a table matches the events', () => {
    const self = node(1, '10.0.0.1:7946', 'a');
    const { watch, tell, time } = watched();
    assert.throws(() => watch.table('a', [self, node(1)]), /it was told unknown/);
    tell(join(1));
    watch.table('a', [self, node(1)]);
    watch.table('a', [self, node(3)]);
    assert.throws(() => watch.table('a', [self, node(2)]), /never decreases/);
    assert.throws(() => watch.table('a', [self]), /b is alive and not in it/);
    assert.throws(
      () => watch.table('a', [self, { ...node(3), state: 'dead' }]),
      /matches the events/,
    );
    const meta = Buffer.from('new');
    assert.throws(() => watch.table('a', [self, { ...node(3), meta }]), /matches the events/);
    tell(gone(3, 'failed'));
    assert.throws(() => watch.table('a', [self]), /kept for their time/);
    time.now = 1_001;
    watch.table('a', [self]);
  });

  test('no node considers itself dead, or decreases its incarnation', () => {
    const self = node(2, '10.0.0.1:7946', 'a');
    const { watch } = watched();
    watch.table('a', [self]);
    assert.throws(() => watch.table('a', [{ ...self, incarnation: 1 }]), /own incarnation/);
    assert.throws(() => watch.table('a', [{ ...self, state: 'dead' }]), /considers itself dead/);
    assert.throws(() => watch.table('a', [{ ...self, state: 'left' }]), /considers itself dead/);
    watch.leaves('a', 2);
    watch.table('a', [{ ...self, state: 'left' }]);
  });

  test('a death of somebody who runs is noted, as it may happen', () => {
    const { watch, running, tell } = watched();
    tell(join(1));
    tell(failed);
    assert.equal(watch.falseDeaths.length, 1);
    running.delete('b');
    tell(join(2));
    tell(gone(2, 'failed'));
    assert.equal(watch.falseDeaths.length, 1);
    watch.leaves('b', 3);
    tell(join(3));
    tell(gone(3, 'failed'));
    assert.equal(watch.unheardLeaves.length, 1);
  });
});

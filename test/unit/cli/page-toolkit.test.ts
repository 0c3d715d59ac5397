/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What the page shows of the bus and the state is bounded, harmless, and sent only when it has changed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pageLimits } from '../../../src/cli/page/limits.js';
import type { BusView, StateView } from '../../../src/cli/page/messages.js';
import { ToolkitViews, type ShownToolkit } from '../../../src/cli/page/toolkit-views.js';
import { VirtualClock } from '../../../src/testing/index.js';
import { FakeToolkit } from '../../page/fake-toolkit.js';

const evil = '\u001b[2J\u202e';

async function dataOf<T>(views: ToolkitViews, name: string): Promise<T> {
  const bytes = (await views.messages()).get(name) ?? assert.fail(`no ${name}`);
  return JSON.parse(/^data: (.*)$/m.exec(bytes.toString())?.[1] ?? '') as T;
}

test('an agent without bus and state sends no messages about them', async () => {
  const views = new ToolkitViews({ clock: new VirtualClock() }, {});
  assert.equal((await views.messages()).size, 0);
});

test('rows are limited, and the rest is counted', async () => {
  const toolkit = new FakeToolkit({ topics: 1_000, publishers: 900, nodes: 2_000, keys: 40 });
  const views = new ToolkitViews({ clock: new VirtualClock() }, toolkit);
  const bus = await dataOf<BusView>(views, 'bus');
  assert.deepEqual([bus.topics.length, bus.topicsNotShown], [50, 950]);
  assert.deepEqual([bus.publishers.length, bus.publishersNotShown], [50, 850]);
  assert.deepEqual(
    bus.publishers.slice(0, 3).map(({ gaps }) => gaps),
    [1, 1, 0],
  );
  const state = await dataOf<StateView>(views, 'state');
  assert.deepEqual([state.nodes.length, state.nodesNotShown, state.keys], [100, 1_900, 80_000]);
  const shown = state.nodes.reduce((sum, { values }) => sum + values.length, 0);
  assert.equal(shown, pageLimits.stateValuesShown);
  assert.ok(state.nodes.every(({ keys, values }) => keys === 40 && values.length <= 20));
});

test('only what is shown is decoded', async () => {
  const asked: string[] = [];
  const toolkit = new FakeToolkit({ topics: 0, publishers: 0, nodes: 300, keys: 300 });
  const { names, keys, sizes } = toolkit.state;
  const get = (name: string, key: string): unknown => asked.push(`${name} ${key}`);
  const state: ShownToolkit['state'] = { names, keys, sizes, get };
  await dataOf(new ToolkitViews({ clock: new VirtualClock() }, { state }), 'state');
  assert.equal(asked.length, pageLimits.stateValuesShown);
});

test('texts of peers are short and cannot control anything', async () => {
  const toolkit = new FakeToolkit({ topics: 0, publishers: 0, nodes: 1, keys: 0 });
  const long = evil + 'x'.repeat(100_000);
  toolkit.publish(long);
  for (const value of [long, { [long]: long }, Buffer.alloc(100_000), null]) {
    toolkit.set('node-000', `${evil}${typeof value}`, value);
    toolkit.set('node-000', long, value);
  }
  const views = new ToolkitViews({ clock: new VirtualClock() }, toolkit);
  for (const bytes of (await views.messages()).values()) {
    assert.doesNotMatch(bytes.toString().replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u);
    assert.ok(bytes.length < 4_000, String(bytes.length));
  }
});

test('a message that has not changed is the same object, also when time passes', async () => {
  const clock = new VirtualClock();
  const toolkit = new FakeToolkit({ topics: 3, publishers: 1, nodes: 2, keys: 2 });
  const views = new ToolkitViews({ clock }, toolkit);
  const first = await views.messages();
  clock.advance(2_000);
  const second = await views.messages();
  assert.equal(second.get('state'), first.get('state'));
  toolkit.set('node-000', 'key-000', 'new');
  toolkit.publish('topic-000');
  // A new message is not made more often than that.
  assert.equal((await views.messages()).get('state'), first.get('state'));
  clock.advance(2_000);
  const third = await views.messages();
  assert.notEqual(third.get('state'), first.get('state'));
  assert.notEqual(third.get('bus'), first.get('bus'));
});

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Five nodes, five processes, LAN defaults; the event loop of one is blocked for 3 s, three times. It
// suspects nobody, and nobody declares it failed: it refutes the suspicions of it.
import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { test } from 'node:test';
import type { FromChild, ToChild } from './stalled-node-child.js';
import { until } from './until.js';

const STALLED = 'n2';

class Node {
  readonly name: string;
  readonly events: string[] = [];
  readonly #child: ChildProcess;
  address = '';
  members = 1;
  unblocked = 0;

  constructor(name: string) {
    this.name = name;
    const script = new URL('stalled-node-child.ts', import.meta.url);
    this.#child = fork(script, [name], { execArgv: ['--import', 'tsx'] });
    this.#child.on('message', (message: FromChild) => {
      if (message.kind === 'ready') this.address = message.address;
      else if (message.kind === 'members') this.members = message.count;
      else if (message.kind === 'unblocked') this.unblocked++;
      else this.events.push(`${message.type} ${message.about}`);
    });
  }

  order(order: ToChild): void {
    this.#child.send(order);
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }
}

test('a node whose event loop stalls accuses nobody, and lives', { timeout: 90_000 }, async (t) => {
  const nodes = [0, 1, 2, 3, 4].map((n) => new Node(`n${n}`));
  t.after(() => nodes.forEach((node) => node.end()));
  const [first, , stalled] = nodes as [Node, Node, Node];
  const others = nodes.filter((node) => node !== stalled);
  await until('all have started', () => nodes.every(({ address }) => address !== ''), 20_000);
  for (const node of nodes.slice(1)) node.order({ join: first.address });
  await until('all see all', () => nodes.every(({ members }) => members === 5), 10_000);

  for (let stall = 1; stall <= 3; stall++) {
    for (const node of nodes) node.events.length = 0;
    stalled.order({ blockMs: 3000 });
    await until('the block is over', () => stalled.unblocked === stall, 10_000);
    // Whoever suspected it hears the refutation; a suspicion lasts 4 s at the least.
    const isSettled = (): boolean =>
      others.every(
        ({ events }) =>
          events.filter((event) => event === `suspect ${STALLED}`).length ===
          events.filter((event) => event === `recover ${STALLED}`).length,
      );
    await until('every suspicion of it is refuted', isSettled, 4000);
    const suspicions = others.flatMap(({ events }) =>
      events.filter((e) => e.startsWith('suspect')),
    );
    assert.ok(suspicions.length > 0, '3 s of silence are noticed, or this test tests nothing');
    assert.deepEqual(stalled.events, [], 'it accuses nobody');
    for (const { name, events } of others) {
      assert.ok(!events.some((event) => event.startsWith('failed')), `${name}: ${events.join()}`);
      assert.ok(
        events.every((event) => event.endsWith(STALLED)),
        `${name}: ${events.join()}`,
      );
    }
  }
});

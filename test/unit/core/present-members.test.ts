/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The member table counts the members that are present as they change. The cluster health check asks for the number
// in each turn of the event loop in which a member joined or failed, so it must not walk the table.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../../src/testing/index.js';
import { alive, dead, makeEngine, suspect } from './harness.js';

test('the number of present members is right after any claims, after members are reaped, and after they are forgotten', () => {
  for (let seed = 0; seed < 20; seed++) {
    const random = new SeededRandom(seed);
    const below = (bound: number): number => Math.floor(random.next() * bound);
    const settings = { gossipToTheDeadTime: 3_000, deadNodeReclaimTime: 500 };
    const node = makeEngine({ seed, schedulers: true, settings });
    const { table } = node.engine;
    const seen = new Set<number>();
    for (let step = 0; step < 400; step++) {
      const name = `m${below(8)}`;
      const incarnation = 1 + below(1 + step / 40);
      const kind = below(7);
      if (kind <= 1) {
        node.receive(alive(name, { incarnation, addr: Buffer.of(10, 0, 0, 2 + below(4)) }));
      } else if (kind === 2) node.receive(suspect(name, { incarnation }));
      else if (kind === 3) node.receive(dead(name, { incarnation }));
      else if (kind === 4) node.receive(dead(name, { incarnation, from: name }));
      else if (kind === 5) node.engine.forget(name);
      else node.run(below(2_000));
      const present = table.count((member) => !member.isGone);
      assert.equal(table.present, present, `seed ${seed}, step ${step}`);
      seen.add(present);
    }
    assert.ok(seen.size > 3, 'members came and went');
    node.engine.stop();
  }
});

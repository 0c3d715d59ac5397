/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Memberlist, MemberlistError } from '../../../src/index.js';
import { Cluster, Log, names } from './cluster.js';
import {
  allDelegates,
  delegateMethods,
  eventNames,
  everyEvent,
  everythingHappensTo,
  suspicious,
} from './everything.js';

// What was begun in a handler. Each may fail, but only with an error of the library's.
class Outcomes {
  readonly #all: Promise<unknown>[] = [];

  add(...begun: Promise<unknown>[]): void {
    this.#all.push(
      ...begun.map((outcome) =>
        outcome.catch((error: unknown) => {
          if (!(error instanceof MemberlistError)) return error;
        }),
      ),
    );
  }

  async unexpected(): Promise<unknown[]> {
    const errors = await Promise.all(this.#all);
    return errors.filter((error) => error instanceof Error);
  }
}

// Everything that can be called on a Memberlist, but for what ends its life.
function callEverything(a: Memberlist, outcomes: Outcomes): void {
  const to = a.members().find(({ name }) => name !== a.localNode.name) ?? a.localNode;
  const timeout = 1_000;
  outcomes.add(
    a.join([to.address], { timeout }),
    a.join(['10.9.9.9:7946'], { timeout }),
    a.updateNode({ timeout }),
    a.ping(to.name, to.address),
    a.sendBestEffort(to, Buffer.from('in passing')),
    a.sendReliable(to, Buffer.from('in passing')),
    a.sendToAddress({ addr: to.address }, Buffer.from('in passing')),
    a.events().return!(),
  );
  assert.equal(a.members().length, a.numMembers);
  assert.ok(a.healthScore >= 0);
  assert.equal(a.member(to.name)?.name, to.name);
  assert.equal(a.keyring, undefined);
}

async function lifeWithHandler(
  where: string,
  act: (a: Memberlist, outcomes: Outcomes) => void,
  ends: boolean,
): Promise<void> {
  await using cluster = new Cluster();
  const seen = new Set<string>();
  const outcomes = new Outcomes();
  const log = new Log();
  const running: { list?: Memberlist } = {};
  let acted = false;
  const happened = (what: string): void => {
    seen.add(what);
    const { list } = running;
    if (what !== where || acted || list === undefined) return;
    acted = true;
    act(list, outcomes);
  };
  const a = await cluster.node('a', { ...suspicious, ...allDelegates(happened), logger: log });
  running.list = a;
  const handlers = everyEvent(happened);
  for (const event of eventNames) a.on(event, handlers[event]);
  // It is asked at `create` already; from then on by an update.
  if (where === 'nodeMeta') await a.updateNode().catch(() => undefined);
  await everythingHappensTo(a, cluster, () => acted && ends, seen);
  assert.ok(acted, `${where} was never called`);
  assert.deepEqual(await outcomes.unexpected(), []);
  assert.deepEqual(log.of('callback-threw'), []);
  assert.deepEqual(log.of('internal-error'), []);
}

void describe('calling back into the Memberlist', { concurrency: 8 }, () => {
  for (const where of [...eventNames, ...delegateMethods]) {
    void it(`is allowed from ${where}: everything`, () =>
      lifeWithHandler(where, callEverything, false));

    void it(`is allowed from ${where}: leave`, () =>
      lifeWithHandler(
        where,
        (a, outcomes) => {
          outcomes.add(a.leave({ timeout: 2_000 }));
          assert.equal(a.localNode.state, 'left');
          assert.ok(!names(a).includes('a'));
        },
        true,
      ));

    void it(`is allowed from ${where}: shutdown`, () =>
      lifeWithHandler(
        where,
        (a, outcomes) => {
          callEverything(a, outcomes);
          outcomes.add(a.shutdown());
        },
        true,
      ));
  }
});

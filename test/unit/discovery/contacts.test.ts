/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What each contact does, and what a leave does to those under way, with a node that only takes notes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Contacts } from '../../../src/discovery/contacts.js';
import { lifeHooks } from '../../../src/config/life-hooks.js';
import { ProtocolError, TimeoutError } from '../../../src/errors.js';

const peer = { name: 'a', addr: '10.0.0.2:7946' };
const { signal } = new AbortController();

class Stage {
  readonly notes: string[] = [];
  answersToItsName: () => Promise<boolean> = () => Promise.resolve(true);
  exchange: () => Promise<void> = () => Promise.resolve();
  readonly contacts = new Contacts(
    {
      tcpTimeout: 1_000,
      [lifeHooks]: {
        started: () => undefined,
        contactBegins: () => void this.notes.push('begins'),
        contactEnds: () => void this.notes.push('ends'),
        joined: (begun) => void this.notes.push(`joined ${begun}`),
        leaving: () => Promise.resolve(),
        cameBack: () => undefined,
      },
    },
    {
      joined: () => undefined,
      engine: { self: { nextSequence: () => 7 }, settle: () => void this.notes.push('settles') },
      dialer: {
        pingOrThrow: (to, { node, seqNo }) => {
          this.notes.push(`pings ${node} at ${to.addr}, ${seqNo}`);
          return this.answersToItsName();
        },
      },
      pushPull: (to, join) => {
        this.notes.push(`exchanges with ${to.name ?? to.addr}, ${join}`);
        return this.exchange();
      },
    },
  );
}

test('a join exchanges state, tells the hooks and settles', async () => {
  const { contacts, notes } = new Stage();
  await contacts.join({ addr: peer.addr }, { signal });
  const expected = [
    'begins',
    `exchanges with ${peer.addr}, true`,
    'ends',
    'joined by-us',
    'settles',
  ];
  assert.deepEqual(notes, expected);
});

test('a join that fails has no effect, and the hooks know that it has ended', async () => {
  const stage = new Stage();
  stage.exchange = () => Promise.reject(new Error('refused'));
  await assert.rejects(stage.contacts.join(peer, { signal }), /refused/);
  assert.deepEqual(stage.notes, ['begins', 'exchanges with a, true', 'ends']);
});

test('a node that was known is asked by its name before it is joined', async () => {
  const { contacts, notes } = new Stage();
  await contacts.rejoin(peer, signal);
  assert.deepEqual(notes.slice(0, 3), [
    'pings a at 10.0.0.2:7946, 7',
    'begins',
    'exchanges with a, true',
  ]);
  assert.equal(notes.at(-1), 'settles');
});

test('a node that does not answer to its name is not joined', async () => {
  const stage = new Stage();
  for (const answer of [
    () => Promise.resolve(false),
    () => Promise.reject(new TimeoutError('stream ping', 1_000)),
    () => Promise.reject(new ProtocolError('10.0.0.2:7946 closed without an answer')),
  ]) {
    stage.answersToItsName = answer;
    await assert.rejects(stage.contacts.rejoin(peer, signal), ProtocolError);
  }
  assert.deepEqual(new Set(stage.notes), new Set(['pings a at 10.0.0.2:7946, 7']));
});

test('a leave ends what is under way, and what ends after it has no effect', async () => {
  const stage = new Stage();
  const { contacts, notes } = stage;
  const left = new Error('has left');
  let answer = (): void => undefined;
  stage.exchange = () => new Promise((resolve) => (answer = resolve));
  const work = contacts.during(undefined, async (within) => {
    await contacts.join(peer, { signal: within });
    within.throwIfAborted();
  });
  contacts.stop(left);
  answer();
  await assert.rejects(work, left);
  assert.deepEqual(notes, ['begins', 'exchanges with a, true', 'ends']);
  await assert.rejects(contacts.join(peer, { signal }), left);
  await assert.rejects(
    contacts.during(undefined, () => Promise.resolve()),
    left,
  );
  contacts.wasJoined(5);
  assert.equal(notes.length, 3);
  contacts.start();
  stage.exchange = () => Promise.resolve();
  await contacts.join(peer, { signal });
  assert.equal(notes.at(-1), 'settles');
});

test("the caller's signal ends work as well, with its reason", async () => {
  const { contacts } = new Stage();
  const controller = new AbortController();
  const work = contacts.during(controller.signal, (within) => {
    return new Promise((_resolve, reject) => {
      within.addEventListener('abort', () => reject(within.reason as Error));
    });
  });
  const reason = new Error('enough');
  controller.abort(reason);
  await assert.rejects(work, reason);
});

test('who is joined settles only if it was brought more than the one who joined', () => {
  const { contacts, notes } = new Stage();
  contacts.wasJoined(1);
  assert.deepEqual(notes, ['joined by-others']);
  contacts.wasJoined(2);
  assert.deepEqual(notes.slice(1), ['joined by-others', 'settles']);
});

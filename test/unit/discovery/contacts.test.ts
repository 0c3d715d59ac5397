/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What each contact does, and what a leave does to those under way, with a node that only takes notes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Contacts } from '../../../src/discovery/contacts.js';
import { ProtocolError, TimeoutError } from '../../../src/errors.js';

const peer = { name: 'a', addr: '10.0.0.2:7946' };
const { signal } = new AbortController();

class Stage {
  readonly notes: string[] = [];
  answersToItsName: () => Promise<boolean> = () => Promise.resolve(true);
  exchange: () => Promise<void> = () => Promise.resolve();
  readonly contacts = new Contacts(
    {
      extensions: {
        joining: () => void this.notes.push('joining'),
        joinFailed: () => void this.notes.push('join failed'),
        joined: (startedBy) => void this.notes.push(`joined by ${startedBy}`),
      },
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
    { tcpTimeout: 1_000 },
  );
}

test('a join exchanges state, notifies the extensions and settles', async () => {
  const { contacts, notes } = new Stage();
  await contacts.join({ addr: peer.addr }, { signal });
  const expected = ['joining', `exchanges with ${peer.addr}, true`, 'joined by self', 'settles'];
  assert.deepEqual(notes, expected);
});

test('a join that fails has no effect, and the extensions are notified', async () => {
  const stage = new Stage();
  stage.exchange = () => Promise.reject(new Error('refused'));
  await assert.rejects(stage.contacts.join(peer, { signal }), /refused/);
  assert.deepEqual(stage.notes, ['joining', 'exchanges with a, true', 'join failed']);
});

test('a node that was known is asked by its name before it is joined', async () => {
  const { contacts, notes } = new Stage();
  await contacts.rejoin(peer, signal);
  assert.deepEqual(notes.slice(0, 3), [
    'pings a at 10.0.0.2:7946, 7',
    'joining',
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
  assert.deepEqual(notes, ['joining', 'exchanges with a, true', 'join failed']);
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

test('a node that is joined settles only if more members than the joining one were added', () => {
  const { contacts, notes } = new Stage();
  contacts.wasJoined(1);
  assert.deepEqual(notes, ['joined by peer']);
  contacts.wasJoined(2);
  assert.deepEqual(notes.slice(1), ['joined by peer', 'settles']);
});

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What the page stores in addition to the member table, and for how long.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import { pageLimits } from '../../../src/cli/page/limits.js';
import {
  allShown,
  encryptionOf,
  membersMessage,
  statusMessage,
} from '../../../src/cli/page/snapshot.js';
import { Watch } from '../../../src/cli/page/watch.js';
import { resolveConfig } from '../../../src/config/resolve.js';
import { Keyring } from '../../../src/security/keyring.js';
import { FakeList } from '../../page/fake-cluster.js';

const [, first = '', second = ''] = new FakeList({ members: 3 }).nodes.keys();

function watched(members = 3): { list: FakeList; watch: Watch } {
  const list = new FakeList({ members });
  const watch = new Watch();
  watch.start(list, () => undefined);
  return { list, watch };
}

test('a failed member is shown for an hour, although the member table removes it earlier', () => {
  const { list, watch } = watched();
  const now = Date.now();
  list.change(first, 'dead');
  list.forget(first);
  assert.deepEqual(
    watch.departed(now + pageLimits.failedMs - 60_000).map(({ name, state }) => [name, state]),
    [[first, 'dead']],
  );
  assert.deepEqual(watch.departed(now + pageLimits.failedMs + 60_000), []);
});

test('a member that left is shown while the member table has it, and a member that returned is removed', () => {
  const { list, watch } = watched();
  list.change(first, 'left');
  list.change(second, 'dead');
  assert.equal(
    watch.departed(Date.now() + 10 * pageLimits.failedMs).length,
    2,
    'the table has both',
  );
  list.forget(first);
  list.change(second, 'alive');
  assert.deepEqual(watch.departed(Date.now()), []);
});

test('a member is flapping until it has not failed for ten minutes', () => {
  const { list, watch } = watched();
  list.flap(first);
  assert.equal(watch.failures(first), 4);
  list.change(first, 'dead');
  assert.equal(watch.failures(first), 5);
  assert.equal(watch.countFlapping(Date.now() + pageLimits.flappingMs - 60_000), 1);
  assert.equal(watch.countFlapping(Date.now() + pageLimits.flappingMs + 60_000), 0);
  assert.equal(watch.failures(first), undefined);
});

test('if there are more members than the table lists, it keeps those with problems and this node', async () => {
  const { list, watch } = watched(pageLimits.membersShown + 500);
  const names = [...list.nodes.keys()];
  const last = names.sort().slice(-3);
  list.change(last[0] ?? '', 'dead');
  list.change(last[1] ?? '', 'suspect');
  list.flap(last[2] ?? '');
  const { members, notShown } = await membersMessage(allShown({ list, watch }), { list, watch });
  assert.equal(members.length, pageLimits.membersShown);
  assert.equal(notShown, 500);
  assert.deepEqual(
    members.slice(0, 2).map(({ name }) => name),
    last.slice(0, 2),
  );
  assert.ok(members.slice(2, 4).some(({ failures }) => failures === 4));
  assert.ok(members.slice(2, 4).some(({ isSelf }) => isSelf));
});

test('a heartbeat contains the last probe results once, and is small', async () => {
  const { list, watch } = watched(1_000);
  for (const name of list.nodes.keys()) watch.pinged(name, 1);
  const results = watch.newProbes();
  assert.equal(results.length, pageLimits.probesPerHeartbeat);
  assert.deepEqual(watch.newProbes(), []);
  assert.equal(watch.probes().length, 1_000);
  const registry = new Registry();
  const init = { registry, uptimeMs: 5, probes: results };
  const status = await statusMessage({ list, watch }, init);
  assert.ok(JSON.stringify(status).length < 10_000);
  assert.equal(status.label, 'production');
});

test('the encryption text has the key length, the number of keys, and whether plaintext is allowed', () => {
  const keyring = new Keyring(Keyring.generate(), [Keyring.generate(16)]);
  const config = resolveConfig({ name: 'n', keyring });
  assert.equal(encryptionOf({ keyring, config }), 'AES-256-GCM, 2 keys');
  const rollout = resolveConfig({
    name: 'n',
    keyring,
    gossipVerifyIncoming: false,
    gossipVerifyOutgoing: false,
  });
  assert.equal(
    encryptionOf({ keyring, config: rollout }),
    'AES-256-GCM, 2 keys, sends plaintext, accepts plaintext',
  );
  assert.equal(encryptionOf({ keyring: undefined, config }), 'off');
});

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What the cluster example shows of names and metadata that any process can send to its nodes: always escaped.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cluster } from '../../../examples/cluster/cluster.js';
import { Journal, type Entry } from '../../../examples/cluster/journal.js';
import { notYetRun, runScenario } from '../../../examples/cluster/run-scenario.js';

const hostile = 'evil\u001b[31m\u009b2J\u202ename\r\nnode-1 is well';
const shown = 'evil\\u001b[31m\\u009b2J\\u202ename\\u000d\\u000anode-1 is well';

test('the log of the cluster example escapes text that a peer chose', () => {
  const entries: Entry[] = [];
  const journal = new Journal({ onEntry: (entry) => entries.push(entry) });
  const member = { name: hostile, address: '127.0.0.9:9', state: 'alive', meta: hostile } as const;
  journal.addReport('node-1', { at: 1, type: 'event', change: 'join', member });
  journal.addReport('node-1', { at: 2, type: 'event', change: 'update', member });
  const texts = [`sees ${shown} join`, `sees new metadata of ${shown}: ${shown}`];
  assert.deepEqual(
    entries.map(({ text }) => text),
    texts,
  );
  assert.deepEqual(
    journal.entries.map(({ text }) => text),
    texts,
  );
});

test('the summary of the cluster example escapes text that a peer chose', async () => {
  const journal = new Journal({ onEntry: () => undefined });
  const { signal } = new AbortController();
  const run = (): Promise<string> => Promise.reject(new Error(`node-1 sees ${hostile} alive`));
  const results = notYetRun([{ name: 'agree', title: 'all agree', timeoutMs: 1_000, run }]);
  assert.equal(
    await runScenario({ journal, signal } as unknown as Cluster, results, Infinity),
    false,
  );
  assert.equal(results[0]?.outcome, `node-1 sees ${shown} alive`);
  assert.equal(journal.entries.at(-1)?.text, `✖ agree: node-1 sees ${shown} alive`);
});

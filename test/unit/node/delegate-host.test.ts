/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Users without types, and what their delegates may return.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveConfig } from '../../../src/config/resolve.js';
import { Counters } from '../../../src/core/counters.js';
import type { Report } from '../../../src/core/reports.js';
import { DelegateHost } from '../../../src/node/delegate-host.js';
import { ConfigError } from '../../../src/index.js';

function make(config: object): { host: DelegateHost; counters: Counters; reports: Report[] } {
  const counters = new Counters();
  const reports: Report[] = [];
  const resolved = resolveConfig(config);
  const host = new DelegateHost({
    config: resolved,
    delegate: () => resolved.delegate,
    counters,
    report: (report) => void reports.push(report),
  });
  return { host, counters, reports };
}

test('metadata that is no bytes is an error that says what to return', () => {
  const { host } = make({ delegate: { nodeMeta: () => 'text' } });
  assert.throws(
    () => host.nodeMeta(),
    (error: unknown) => error instanceof ConfigError && error.message.includes('Uint8Array'),
  );
});

for (const nonsense of ['text', 7, ['text'], [undefined], {}]) {
  test(`${JSON.stringify(nonsense)} for bytes is counted, reported and not used`, () => {
    const give = (): unknown => nonsense;
    const { host, counters, reports } = make({
      delegate: { getBroadcasts: give, localState: give },
      ping: { ackPayload: give },
    });
    assert.deepEqual(host.getBroadcasts(2, 100), []);
    assert.equal(host.localState(false).length, 0);
    assert.equal(host.ackPayload(), null);
    assert.equal(counters.callbackErrors, 3);
    assert.deepEqual(
      reports.map((report) => report.code === 'callback-threw' && report.callback),
      ['getBroadcasts', 'localState', 'ackPayload'],
    );
  });
}

test('nothing at all is nothing, and no error', () => {
  const nothing = (): unknown => undefined;
  const { host, counters } = make({
    delegate: { nodeMeta: nothing, getBroadcasts: nothing, localState: nothing },
    ping: { ackPayload: () => null },
  });
  assert.equal(host.nodeMeta(), null);
  assert.deepEqual(host.getBroadcasts(2, 100), []);
  assert.equal(host.localState(true).length, 0);
  assert.equal(host.ackPayload(), null);
  assert.equal(counters.callbackErrors, 0);
});

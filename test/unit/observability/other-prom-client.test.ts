/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { register } from 'prom-client';
import type { Report } from '../../../src/core/reports.js';
import { ConfigError } from '../../../src/errors.js';
import { loadMetrics } from '../../../src/observability/load-metrics.js';
import * as metrics from '../../../src/observability/metrics.js';
import { otherPromClient } from '../../../src/observability/other-prom-client.js';

const folder = mkdtempSync(join(tmpdir(), 'application-'));
after(() => rmSync(folder, { recursive: true }));
const theirs = join(folder, 'node_modules/prom-client');
mkdirSync(theirs, { recursive: true });
writeFileSync(join(theirs, 'package.json'), '{ "name": "prom-client", "version": "14.2.0" }');
writeFileSync(join(theirs, 'index.js'), 'throw new Error("it is not loaded")');
const application = join(folder, 'server.js');
const here = new URL('', import.meta.url).pathname;

test('another prom-client of the application is detected, with both versions, and not loaded', () => {
  const found = otherPromClient(register, [application, here]);
  assert.equal(found?.theirs, '14.2.0');
  assert.match(found.ours, /^15\./);
});

test('the same prom-client, or none, is not reported', () => {
  assert.equal(otherPromClient(register, [here, application]), undefined);
  assert.equal(otherPromClient(register, [join(tmpdir(), 'x.js'), '']), undefined);
  assert.equal(otherPromClient(register), undefined, 'these tests have one copy');
});

test('if the own copy cannot be found, as in a bundle, nothing is reported', () => {
  assert.equal(otherPromClient({}, [application]), undefined);
});

test('it is reported once for a node without a registry, and never for one with a registry', async (t) => {
  const [, program = ''] = process.argv;
  t.after(() => (process.argv[1] = program));
  process.argv[1] = application;
  const reports: Report[] = [];
  await loadMetrics({}, (report) => reports.push(report));
  await loadMetrics({ registry: register }, (report) => reports.push(report));
  assert.deepEqual(
    reports.map(({ code }) => code),
    ['other-registry'],
  );
});

test('a prom-client that cannot be loaded is a ConfigError that says what to do', async () => {
  const cause = new Error('Dynamic require of "cluster" is not supported');
  const ignore = (): void => undefined;
  await assert.rejects(
    loadMetrics({}, ignore, () => Promise.reject(cause)),
    (error) => {
      assert.ok(error instanceof ConfigError);
      assert.equal(error.cause, cause);
      assert.match(error.message, /metrics: requires prom-client.*"cluster".*install it.*external/);
      return true;
    },
  );
  assert.equal(await loadMetrics({}, ignore), metrics);
});

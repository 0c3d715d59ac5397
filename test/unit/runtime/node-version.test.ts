/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { unsupportedNode } from '../../../src/runtime/node-version.js';

test('exactly the versions of Node in engines are supported', () => {
  const { engines } = JSON.parse(
    readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
  ) as { engines: { node: string } };
  assert.equal(engines.node, '^20.19 || >=22.12');
  for (const version of [
    '20.19.0',
    '20.20.2',
    '22.12.0',
    '22.20.1',
    '23.0.0',
    '24.3.0',
    '26.10.0',
  ]) {
    assert.equal(unsupportedNode(version), undefined, version);
  }
  for (const version of ['12.22.0', '18.20.8', '20.18.3', '21.7.3', '22.11.0']) {
    assert.match(
      unsupportedNode(version) ?? '',
      new RegExp(`This is Node ${version}\\.$`),
      version,
    );
  }
});

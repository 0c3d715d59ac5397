/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { test } from 'node:test';
import { madePages } from './made-pages.js';

for (const { path, text } of await madePages()) {
  test(`docs/${basename(path)} is up to date; \`npm run docs\` regenerates it`, () => {
    assert.equal(readFileSync(path, 'utf8'), text);
  });
}

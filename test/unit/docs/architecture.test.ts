/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// docs/ARCHITECTURE.md: the source paths in it exist.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const root = new URL('../../../', import.meta.url).pathname;
const text = readFileSync(join(root, 'docs/ARCHITECTURE.md'), 'utf8');

test('every source path in the text exists', () => {
  const paths = Array.from(text.matchAll(/`([\w.-]+\/[\w./-]+)`/g), ([, path = '']) => path);
  assert.ok(paths.length > 50);
  const missing = paths
    .filter((path) => !path.startsWith('node-memberlist/'))
    .filter((path) => !existsSync(join(root, path)) && !existsSync(join(root, 'src', path)));
  assert.deepEqual(missing, []);
});

test('every module in the diagrams exists', () => {
  const diagrams = Array.from(
    text.matchAll(/^```\n([^]*?)^```/gm),
    ([, lines = '']) => lines,
  ).join();
  const paths = Array.from(
    diagrams.matchAll(/(?<![\w/-])((?:wire|core|node|transport|discovery)\/[\w/-]*\w)(?![\w/*-])/g),
    ([, path = '']) => path,
  );
  assert.ok(paths.length > 5);
  const missing = paths.filter((path) => {
    const source = join(root, 'src', path);
    return !existsSync(source) && !existsSync(`${source}.ts`);
  });
  assert.deepEqual(missing, []);
});

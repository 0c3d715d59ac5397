/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What every file of the repository must keep to.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { errorCodes } from '../../src/errors.js';

const root = new URL('../../', import.meta.url).pathname;

function* sources(folder: string): Generator<string> {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sources(path);
    else if (entry.name.endsWith('.ts')) yield path;
  }
}

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const HEADER = read('src/errors.ts').split('*/')[0] ?? '';
const files = ['src', 'test', 'examples', 'experiments', 'bench'].flatMap((folder) => [
  ...sources(folder),
]);

test('every source file carries the licence header', () => {
  assert.match(HEADER, /Mozilla Public/);
  assert.ok(files.length > 50);
  assert.deepEqual(
    files.filter((path) => !read(path).startsWith(HEADER)),
    [],
  );
});

test('every folder of src is described in the architecture', () => {
  const described = read('docs/ARCHITECTURE.md');
  const folders = new Set([...sources('src')].map((path) => path.slice(0, path.lastIndexOf('/'))));
  folders.delete('src');
  for (const folder of folders) assert.ok(described.includes(`\`${folder}\``), folder);
});

test('every error code belongs to an error that is thrown somewhere', () => {
  const text = read('src/errors.ts');
  for (const code of Object.keys(errorCodes)) {
    assert.ok(text.split(code).length > 2, `${code} is in the table and in a class`);
  }
});

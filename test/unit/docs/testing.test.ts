/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// docs/TESTING.md shows the examples unchanged, and covers every feature.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SimulatedCluster } from '../../../src/testing/index.js';
import { excerptsOf } from './snippets.js';

const root = new URL('../../../', import.meta.url).pathname;
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const document = 'docs/TESTING.md';
const text = read(document);

/** A file as users would write it: without the license header. */
function asShown(file: string): string {
  const [, code = ''] = read(file).split(/(?<=^ \*\/\n)\n/m);
  return code;
}

test('every example is shown, complete and unchanged', () => {
  const excerpts = excerptsOf(document);
  const filesIn = (folder: string): string[] =>
    readdirSync(join(root, folder)).map((name) => `${folder}/${name}`);
  const recipes = filesIn('examples/test-runners')
    .flatMap(filesIn)
    .filter((file) => /\.test\.m?[jt]s$/.test(file));
  assert.deepEqual(
    excerpts.map(({ file }) => file).sort(),
    [...filesIn('examples/testing').filter((file) => file.endsWith('.ts')), ...recipes].sort(),
  );
  for (const { file, code } of excerpts) assert.equal(code, asShown(file), file);
});

test('it has every method of a simulated cluster', () => {
  const all = Object.getOwnPropertyNames(SimulatedCluster.prototype);
  for (const name of all.filter((each) => each !== 'constructor')) {
    assert.match(text, new RegExp(`\`${name}\\b`), name);
  }
});

test('it has every property of a link, and all options', () => {
  const fields = ['links.ts', 'cluster-options.ts'].flatMap((file) => {
    const interfaces = read(`src/testing/${file}`).matchAll(/^export interface [^]*?^}/gm);
    return Array.from(interfaces).flatMap(([body]) =>
      Array.from(body.matchAll(/^ {2}readonly (\w+)\??:/gm), ([, name = '']) => name),
    );
  });
  const internal = new Set(['draw', 'isDown', 'queue']);
  assert.ok(fields.length > 15);
  for (const name of fields) {
    if (!internal.has(name)) assert.match(text, new RegExp(`\\b${name}\\b`), name);
  }
});

test('the commands and files that it names exist', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const commands = Array.from(text.matchAll(/npm run ([\w:]+)/g), ([, name = '']) => name);
  assert.ok(commands.length > 0);
  for (const name of commands) assert.ok(name in scripts, name);
  for (const [, link = ''] of text.matchAll(/\]\(([^)#:]+)\)/g)) {
    assert.ok(existsSync(join(root, 'docs', link)), link);
  }
  for (const [file] of text.matchAll(/examples\/[\w/.-]+\.ts/g)) {
    assert.ok(existsSync(join(root, file)), file);
  }
});

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The code in the documents compiles and runs.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, test } from 'node:test';
import { SnippetFolder, snippetsOf, type Snippet } from './snippets.js';

const pages = readdirSync(new URL('../../../docs', import.meta.url)).filter((name) =>
  name.endsWith('.md'),
);
const snippets = ['README.md', ...pages.map((name) => `docs/${name}`)].flatMap((document) =>
  snippetsOf(document),
);
const wrong: Snippet = {
  where: 'nowhere',
  program: `const port: number = 'none';\nassert.fail('ran');`,
  runs: true,
};
const folder = new SnippetFolder([...snippets, wrong]);
after(() => folder[Symbol.dispose]());

test('the documents that should have code have some', () => {
  const documents = new Set(snippets.map(({ where }) => where.split(':')[0]));
  for (const name of [
    'CONFIGURATION',
    'KUBERNETES',
    'MIGRATING-FROM-GO',
    'OPERATIONS',
    'TESTING',
  ]) {
    assert.ok(documents.has(`docs/${name}.md`), name);
  }
  assert.ok(documents.has('README.md'));
  assert.ok(snippets.filter(({ runs }) => runs).length > 12);
});

for (const snippet of snippets) {
  test(`the code at ${snippet.where} compiles${snippet.runs ? ' and runs' : ''}`, async () => {
    assert.deepEqual(folder.problems(snippet), []);
    if (snippet.runs) await folder.run(snippet);
  });
}

test('wrong code is detected', async () => {
  assert.match(folder.problems(wrong).join(), /^line 1: .*not assignable to type 'number'/);
  await assert.rejects(folder.run(wrong), /ran/);
});

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The code in the documents compiles and runs.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { SnippetFolder, snippetsOf } from './snippets.js';

const documents = [
  'docs/CONFIGURATION.md',
  'docs/LOGS.md',
  'docs/METRICS.md',
  'docs/MIGRATING-FROM-GO.md',
  'docs/OPERATIONS.md',
  'docs/SECURITY.md',
  'docs/TESTING.md',
];
const readme = snippetsOf('README.md').filter(({ program }) => program.includes('/testing'));
const snippets = [...documents.flatMap((document) => snippetsOf(document)), ...readme];
const wrong = { where: 'nowhere', program: `const port: number = 'none';\nassert.fail('ran');` };
const folder = new SnippetFolder([...snippets, wrong]);
after(() => folder[Symbol.dispose]());

test('every document that is listed has code', () => {
  for (const document of documents) assert.ok(snippetsOf(document).length > 0, document);
  assert.equal(readme.length, 1);
});

for (const snippet of snippets) {
  test(`the code at ${snippet.where} compiles and runs`, async () => {
    assert.deepEqual(folder.problems(snippet), []);
    await folder.run(snippet);
  });
}

test('code that is wrong is found', async () => {
  assert.match(folder.problems(wrong).join(), /^line 1: .*not assignable to type 'number'/);
  await assert.rejects(folder.run(wrong), /ran/);
});

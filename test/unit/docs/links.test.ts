/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The files and headings that the documents link to exist, and so do the commands
// that they name.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

const root = new URL('../../../', import.meta.url).pathname;
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
const documents = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** The anchors of a document's headings. */
function anchorsOf(path: string): Set<string> {
  const headings = read(path).matchAll(/^#+ (.+)$/gm);
  return new Set(
    Array.from(headings, ([, title = '']) =>
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N}_ -]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

for (const document of documents) {
  test(`the targets of links and the commands in ${document} exist`, () => {
    const text = read(document);
    for (const [, path = '', anchor] of text.matchAll(
      /\]\((?!https?:)([^)#\s]*)(?:#([^)]+))?\)/g,
    )) {
      const target = path === '' ? document : join(dirname(document), path);
      assert.ok(existsSync(join(root, target)), path);
      if (anchor !== undefined) assert.ok(anchorsOf(target).has(anchor), `${path}#${anchor}`);
    }
    for (const [, name = ''] of text.matchAll(/npm run ([a-z:]+)/g)) {
      assert.ok(name in scripts, name);
    }
  });
}

test('the README links to every page of docs', () => {
  const readme = read('README.md');
  for (const document of documents.filter((path) => path.startsWith('docs/'))) {
    assert.ok(readme.includes(`](${document})`), document);
  }
});

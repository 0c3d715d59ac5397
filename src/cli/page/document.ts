/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The page: one document with its inline style and script, so that it loads nothing but the events. It contains
// no text that a peer chose. The script is written as modules (browser/*.mjs), which are joined here: imports
// and the word `export` are removed, so no two modules may use the same name at their top level.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** Each module comes after the modules that it imports. */
const modules = [
  new URL('./browser/text.mjs', import.meta.url),
  new URL('./browser/dom.mjs', import.meta.url),
  new URL('./browser/model.mjs', import.meta.url),
  new URL('./browser/layout.mjs', import.meta.url),
  new URL('./browser/live-region.mjs', import.meta.url),
  new URL('./browser/diagram.mjs', import.meta.url),
  new URL('./browser/summary.mjs', import.meta.url),
  new URL('./browser/event-list.mjs', import.meta.url),
  new URL('./browser/table.mjs', import.meta.url),
  new URL('./browser/toolkit.mjs', import.meta.url),
  new URL('./browser/link.mjs', import.meta.url),
  new URL('./browser/main.mjs', import.meta.url),
];

/** In cascade order. */
const styles = [
  new URL('./browser/colors.css', import.meta.url),
  new URL('./browser/page.css', import.meta.url),
  new URL('./browser/header.css', import.meta.url),
  new URL('./browser/cards.css', import.meta.url),
  new URL('./browser/diagram.css', import.meta.url),
  new URL('./browser/events.css', import.meta.url),
  new URL('./browser/table.css', import.meta.url),
  new URL('./browser/toolkit.css', import.meta.url),
  new URL('./browser/narrow.css', import.meta.url),
  new URL('./browser/modes.css', import.meta.url),
];

/** The page, and the hashes of its script and style for the Content-Security-Policy. */
export interface PageDocument {
  readonly html: string;
  readonly script: string;
  readonly style: string;
  readonly scriptHash: string;
  readonly styleHash: string;
}

/** Assembles the page. @throws if a file of this package is missing */
export function pageDocument(): PageDocument {
  const script = modules.map(partOf).join('');
  const style = styles.map(partOf).join('');
  const html = read(new URL('./browser/page.html', import.meta.url))
    .replace('<style></style>', () => `<style>${style}</style>`)
    .replace('></script>', () => `>${script}</script>`);
  return { html, script, style, scriptHash: hashOf(script), styleHash: hashOf(style) };
}

function read(file: URL): string {
  return readFileSync(file, 'utf8');
}

/** A file as a part of the page, without the license header. */
function partOf(file: URL): string {
  return read(file)
    .replace(/^\/\*[^]*?\*\/\n/, '')
    .replaceAll(/^import [^;]+;\n/gm, '')
    .replaceAll(/^export /gm, '');
}

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

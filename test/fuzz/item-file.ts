/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Packets and streams as lines of text, for the corpus and for findings:
//
//     # whatever is worth saying
//     lane {"label":"prod"}
//     packet f40470726f64…
//     stream ends 06 83a4…        (in pieces; a stream may also break or stall)
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lane } from './lane.js';
import type { StreamEnd, StreamMutant } from './stream-mutants.js';

/** A packet, or the data of one connection. */
export type Item = Buffer | StreamMutant;

/** Items for the nodes of one lane, and remarks about them. */
export interface ItemFile {
  readonly lane: Lane;
  readonly remarks: readonly string[];
  readonly items: readonly Item[];
}

/** The folder of the corpus; ends with a slash. */
export const corpusFolder = new URL('corpus/', import.meta.url).pathname;

/** The folder of the findings. */
export const findingsFolder = join(corpusFolder, 'findings');

/** The corpus and all findings, by their paths. */
export function corpusFiles(): string[] {
  return [corpusFolder, findingsFolder].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.hex'))
      .sort()
      .map((name) => join(folder, name)),
  );
}

/** @throws Error for a line in none of these formats */
export function readItems(path: string): ItemFile {
  const remarks: string[] = [];
  const items: Item[] = [];
  let lane: Lane = { label: '' };
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    const [word, ...words] = line.split(' ');
    switch (word) {
      case '':
        break;
      case '#':
        remarks.push(words.join(' '));
        break;
      case 'lane':
        lane = JSON.parse(words.join(' ')) as Lane;
        break;
      case 'packet':
        items.push(Buffer.from(words[0] ?? '', 'hex'));
        break;
      case 'stream': {
        const [end, ...pieces] = words as [StreamEnd, ...string[]];
        items.push({ end, pieces: pieces.map((piece) => Buffer.from(piece, 'hex')) });
        break;
      }
      default:
        throw new Error(`${path}: '${line.slice(0, 40)}'`);
    }
  }
  return { lane, remarks, items };
}

/** The text of a file. `remarkOn` returns a line about one item. */
export function itemText(file: ItemFile, remarkOn?: (item: Item, index: number) => string): string {
  const lines = file.remarks.map((remark) => `# ${remark.replaceAll('\n', ' ')}`);
  lines.push(`lane ${JSON.stringify(file.lane)}`);
  for (const [index, item] of file.items.entries()) {
    if (remarkOn) lines.push(`# ${remarkOn(item, index)}`);
    lines.push(itemLine(item));
  }
  return `${lines.join('\n')}\n`;
}

function itemLine(item: Item): string {
  if (Buffer.isBuffer(item)) return `packet ${item.toString('hex')}`;
  return ['stream', item.end, ...item.pieces.map((piece) => piece.toString('hex'))].join(' ');
}

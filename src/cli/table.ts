/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Rows as aligned columns for a terminal. Cells may come from peers: one long cell must not widen all rows.
import { printable } from '../wire/printable.js';

/** Terminal columns of one cell. The last cell of a row may be longer, because no cell follows it. */
const MAX_COLUMNS = 100;
const MAX_LAST_COLUMNS = 1_024;

// Terminals show these in two columns (Unicode's East Asian Width W and F, and emoji), and marks in zero.
const WIDE =
  /[\u1100-\u115f\u231a\u231b\u2329\u232a\u2e80-\u303e\u3041-\u4dbf\u4e00-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{1b2ff}\u{1f200}-\u{1f320}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
const MARK = /\p{M}/u;

/** Rows as aligned columns, each as wide as its widest cell. Cells are escaped, and truncated if too long. */
export function table(rows: readonly (readonly string[])[]): string {
  const shown = rows.map((row) => row.map((cell, i) => fit(printable(cell), i === row.length - 1)));
  const widths: number[] = [];
  for (const row of shown) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, columnsOf(cell));
  }
  const lines = shown.map((row) =>
    row
      .map((cell, i) => cell + ' '.repeat((widths[i] ?? 0) - columnsOf(cell)))
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}

/** The number of terminal columns of a printable text. */
export function columnsOf(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let columns = 0;
  for (const char of text) columns += WIDE.test(char) ? 2 : MARK.test(char) ? 0 : 1;
  return columns;
}

function fit(cell: string, isLast: boolean): string {
  const max = isLast ? MAX_LAST_COLUMNS : MAX_COLUMNS;
  if (columnsOf(cell) <= max) return cell;
  let text = '';
  let columns = 0;
  for (const char of cell) {
    columns += columnsOf(char);
    if (columns >= max) break;
    text += char;
  }
  return `${text}…`;
}

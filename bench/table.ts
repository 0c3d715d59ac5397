/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Results as tables: aligned text for a terminal, Markdown for the document.

import { judge, type Mark, type Row, type Unit } from './rows.js';
import { median } from './statistics.js';

/** The rows of one figure. */
export interface Section {
  readonly name: string;
  readonly title: string;
  /** The work that is compared: the same on both sides. */
  readonly work: string;
  readonly rows: readonly Row[];
  /** Irregularities, to be read with the rows. */
  readonly remarks: readonly string[];
  /** Which rows are missing, and why. */
  readonly missing: readonly string[];
}

const head = ['', 'ours', 'other', 'ratio', 'spread', 'CPU', 'mark', 'met'] as const;

/** The cells of one row. */
export function cellsOf(row: Row): string[] {
  const { ours, other, ratio, spread, met } = judge(row);
  const { unit, mark } = row;
  const range =
    ratio === undefined
      ? `${numberText(spread.least)} – ${numberText(spread.most)}`
      : `${ratioText(spread.least)} – ${ratioText(spread.most)}`;
  return [
    row.note === undefined ? row.what : `${row.what} (${row.note})`,
    valueText(ours, unit),
    other === undefined
      ? ''
      : valueText(other, unit) + (row.other?.name === 'floor' ? ' (floor)' : ''),
    ratio === undefined ? '' : ratioText(ratio),
    range,
    row.cpuRatios === undefined ? '' : median(row.cpuRatios).toFixed(2),
    mark === undefined ? '' : markText(mark, unit),
    met === undefined ? '' : met ? 'yes' : 'NO',
  ];
}

function markText(mark: Mark, unit: Unit): string {
  if (mark.kind === 'least-ratio') return `≥ ${mark.least} ×`;
  return mark.kind === 'ratio' ? `≤ ${mark.most} ×` : `≤ ${mark.most} ${unit}`;
}

/** A section for the terminal. */
export function textOf({ title, rows, remarks, missing }: Section): string {
  const lines = [[...head], ...rows.map(cellsOf)];
  const widths = head.map((_, column) =>
    Math.max(...lines.map((cells) => cells[column]?.length ?? 0)),
  );
  const laidOut = lines.map((cells) =>
    cells
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd(),
  );
  return [title, ...laidOut, ...[...remarks, ...missing].map((remark) => `! ${remark}`), ''].join(
    '\n',
  );
}

/** A section of the document. */
export function markdownOf({ title, work, rows, remarks, missing }: Section): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = head.map((_, column) => (column === 0 ? '---' : '---:'));
  const table = [line(head), line(rule), ...rows.map((row) => line(cellsOf(row)))].join('\n');
  const notes = [...remarks, ...missing].map((remark) => `\n${remark}\n`).join('');
  return `## ${title}\n\n${work}\n\n${table}\n${notes}`;
}

/** A number with its unit, rounded to meaningful digits. */
export function valueText(value: number, unit: Unit): string {
  return `${numberText(value)} ${unit}`;
}

/** The ratio is undefined if the divisor is 0. */
function ratioText(ratio: number): string {
  return Number.isFinite(ratio) ? ratio.toFixed(2) : '–';
}

function numberText(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  const digits = size >= 100 || value === 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  const [whole = '', part] = value.toFixed(digits).split('.');
  const grouped = whole.replaceAll(/\B(?=(\d{3})+$)/g, ',');
  return part === undefined ? grouped : `${grouped}.${part}`;
}

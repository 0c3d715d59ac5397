/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Numbers and tables as text.

import type { Estimate } from './statistics.js';
import type { Figures } from './lifeguard/report-summary.js';

/** The text for a missing figure. */
export const nothing = '–';

/** A number with `digits` decimals, and commas between thousands. */
export function numberText(value: number | null, digits = 0): string {
  if (value === null || !Number.isFinite(value)) return nothing;
  const [whole = '', part] = value.toFixed(digits).split('.');
  const grouped = whole.replaceAll(/\B(?=(\d{3})+$)/g, ',');
  return part === undefined ? grouped : `${grouped}.${part}`;
}

/** A figure and its interval. */
export function estimateText({ value, low, high }: Estimate, digits = 2): string {
  const interval =
    low === null || high === null
      ? ''
      : ` [${numberText(low, digits)}, ${numberText(high, digits)}]`;
  return numberText(value, digits) + interval;
}

/** A percentage of SWIM. SWIM itself has no interval. */
export function percentText(
  figures: Figures,
  what: `${'falsePositives' | 'falsePositivesAtHealthy' | 'messages' | 'bytes'}Percent`,
): string {
  const { value } = figures[what];
  return figures.configuration === 'swim' ? numberText(value) : estimateText(figures[what]);
}

/** A table in Markdown. */
export function tableText(
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** "1 run", "2 runs". */
export function countOf(count: number, noun: string): string {
  return `${numberText(count)} ${noun}${count === 1 ? '' : 's'}`;
}

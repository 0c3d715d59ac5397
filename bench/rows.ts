/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A figure's results: one row for each thing measured, and what is asked of it.

import { median, rangeOf, ratios, type Range } from './statistics.js';

/** What is asked of a row; from the project's goals. */
export type Mark =
  /** Ours at most so many times the other's. */
  | { readonly kind: 'ratio'; readonly most: number }
  /** Ours at most so much, in the row's unit. */
  | { readonly kind: 'value'; readonly most: number };

export type Unit =
  'ns' | 'µs' | 'ms' | 's' | 'bytes' | 'KiB' | 'µs/s' | 'ms/s' | 'packets/s' | 'bytes/s';

/** One thing that was measured: a number for each round, smaller is better. */
export interface Row {
  readonly what: string;
  readonly unit: Unit;
  readonly ours: readonly number[];
  /** What ours are compared with; undefined: nothing. */
  readonly other?:
    { readonly name: 'Go' | 'floor'; readonly values: readonly number[] } | undefined;
  /** Where the row is of time by the wall: ours by the other's processor time, round by round. */
  readonly cpuRatios?: readonly number[] | undefined;
  /** What the rounds come to: the median, unless it is the largest that counts. */
  readonly by?: 'median' | 'largest';
  readonly mark?: Mark | undefined;
  /** What a reader must know to read the row rightly. */
  readonly note?: string | undefined;
}

/** What a row comes to. */
export interface Verdict {
  readonly ours: number;
  /** Undefined when there is nothing to compare with. */
  readonly other: number | undefined;
  readonly ratio: number | undefined;
  /** The ratios of single rounds; of ours alone, its own values. */
  readonly spread: Range;
  /** Undefined without a mark, and where a ratio is asked for and there is none. */
  readonly met: boolean | undefined;
}

/** Reduces a row to its verdict. */
export function judge(row: Row): Verdict {
  const reduce = (values: readonly number[]): number =>
    row.by === 'largest' ? rangeOf(values).most : median(values);
  const ours = reduce(row.ours);
  const others = row.other?.values ?? [];
  const other = others.length === 0 ? undefined : reduce(others);
  const ratio = other === undefined ? undefined : ours / other;
  const spread = rangeOf(other === undefined ? row.ours : ratios(row.ours, others));
  return { ours, other, ratio, spread, met: isMet(row.mark, ours, ratio) };
}

function isMet(
  mark: Mark | undefined,
  ours: number,
  ratio: number | undefined,
): boolean | undefined {
  if (mark?.kind === 'value') return ours <= mark.most;
  if (mark === undefined || ratio === undefined) return undefined;
  return ratio <= mark.most;
}

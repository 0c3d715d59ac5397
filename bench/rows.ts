/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The results of a figure: one row per measurement, with its goal.

import { median, rangeOf, ratios, type Range } from './statistics.js';

/** The goal of a row; from the project's goals. */
export type Mark =
  /** Ours is at most this many times the other side's. */
  | { readonly kind: 'ratio'; readonly most: number }
  /** Ours is at least this many times the other side's. */
  | { readonly kind: 'least-ratio'; readonly least: number }
  /** Ours is at most this value, in the row's unit. */
  | { readonly kind: 'value'; readonly most: number };

export type Unit =
  | 'ns'
  | 'µs'
  | 'ms'
  | 's'
  | 'bytes'
  | 'KiB'
  | 'µs/s'
  | 'ms/s'
  | 'packets/s'
  | 'bytes/s'
  | 'messages/s';

/** What ours is compared with. */
export type OtherName = 'Go' | 'floor' | 'Redis' | 'NATS' | 'chitchat';

/** One measurement: a number for each round; smaller is better, except for messages per second. */
export interface Row {
  readonly what: string;
  readonly unit: Unit;
  readonly ours: readonly number[];
  /** The side that ours is compared with; undefined if there is none. */
  readonly other?: { readonly name: OtherName; readonly values: readonly number[] } | undefined;
  /** For rows of wall-clock time: the ratios of processor time, round by round. */
  readonly cpuRatios?: readonly number[] | undefined;
  /** How the rounds are combined: the median, unless the largest counts. */
  readonly by?: 'median' | 'largest';
  readonly mark?: Mark | undefined;
  /** What a reader must know to interpret the row. */
  readonly note?: string | undefined;
}

/** The combined result of a row. */
export interface Verdict {
  readonly ours: number;
  /** Undefined if there is no other side. */
  readonly other: number | undefined;
  readonly ratio: number | undefined;
  /** The range of the single rounds' ratios; without another side, of its own values. */
  readonly spread: Range;
  /** Undefined without a mark, and if the mark is a ratio and there is none. */
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
  if (mark.kind === 'least-ratio') return ratio >= mark.least;
  return ratio <= mark.most;
}

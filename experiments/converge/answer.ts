/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// How long it took, over all seeds.

import { rising, sum } from '../statistics.js';
import type { Happening, Question } from './options.js';
import { exchangeMs, quietMs, type Sample } from './simulate.js';

/** Shares of the other members that know. */
export const shares = [0.5, 0.9, 0.99, 0.999, 1] as const;

/** What times are counted from. */
export type Origin = 'change' | 'suspicion' | 'verdict';

/** How long it took until a share knew; milliseconds. Null: not in so many seeds. */
export interface Reach {
  readonly share: number;
  readonly medianMs: number | null;
  readonly fastestMs: number | null;
  readonly slowestMs: number | null;
  /** Seeds in which so many never knew. */
  readonly missed: number;
}

/** What came out for one kind of happening. */
export interface Answer {
  readonly what: Happening;
  readonly seeds: number;
  readonly reaches: Readonly<Partial<Record<Origin, readonly Reach[]>>>;
  /** Of failures: until the first suspicion, and until the first verdict. */
  readonly firstSuspicion: Reach | undefined;
  readonly firstVerdict: Reach | undefined;
  /** Of updates: what gossip did before it was over, and how often it left somebody out. */
  readonly gossip: GossipAlone | undefined;
}

/** What gossip did by itself. */
export interface GossipAlone {
  /** Seeds in which it reached everybody. */
  readonly complete: number;
  /** The share of all other members that it reached. */
  readonly reached: number;
  /** How long a full exchange takes to come, at most; 0 when there are none. */
  readonly exchangeMs: number;
}

/** Sums up what was seen. */
export function answerOf(question: Question, what: Happening, samples: readonly Sample[]): Answer {
  const own = samples.filter((sample) => sample.what === what);
  const others = question.nodes - 1;
  const isFailure = what === 'failure';
  const from = (origin: Origin): readonly Reach[] => reachesOf(own, others, origin);
  const first = (field: 'firstSuspicionMs' | 'firstVerdictMs'): Reach =>
    reachOf(
      0,
      own.map((sample) => sample[field]),
    );
  return {
    what,
    seeds: own.length,
    reaches: {
      change: from('change'),
      ...(isFailure && { suspicion: from('suspicion'), verdict: from('verdict') }),
    },
    firstSuspicion: isFailure ? first('firstSuspicionMs') : undefined,
    firstVerdict: isFailure ? first('firstVerdictMs') : undefined,
    gossip: isFailure ? undefined : gossipAlone(question, own),
  };
}

/** How many members had heard before nobody heard anything for `quiet` milliseconds. */
export function toldByGossip(times: readonly number[], quiet: number): number {
  const gap = times.findIndex((time, index) => time - (times[index - 1] ?? 0) > quiet);
  return gap === -1 ? times.length : gap;
}

/** Since when a sample's times are counted; null when that never came. */
function originOf(sample: Sample, origin: Origin): number | null {
  if (origin === 'change') return 0;
  return origin === 'suspicion' ? sample.firstSuspicionMs : sample.firstVerdictMs;
}

function reachesOf(samples: readonly Sample[], others: number, origin: Origin): Reach[] {
  return shares.map((share) => {
    const needed = neededFor(share, others, samples[0]?.what);
    const times = samples.map((sample) => {
      const [start, time] = [originOf(sample, origin), sample.times[needed - 1]];
      return start === null || time === undefined ? null : Math.max(0, time - start);
    });
    return reachOf(share, times);
  });
}

/** How many others make a share: who changes its metadata knows of it, who crashed is no member. */
function neededFor(share: number, others: number, what: Happening | undefined): number {
  const rounded = (members: number): number => Math.ceil(members - 1e-9);
  const needed = what === 'update' ? rounded(share * (others + 1)) - 1 : rounded(share * others);
  return Math.max(1, needed);
}

function reachOf(share: number, times: readonly (number | null)[]): Reach {
  const sorted = rising(times.map((time) => time ?? Infinity));
  const finite = (time: number | null): number | null => (time === Infinity ? null : time);
  return {
    share,
    medianMs: finite(medianOf(sorted)),
    fastestMs: finite(sorted[0] ?? null),
    slowestMs: finite(sorted.at(-1) ?? null),
    missed: times.filter((time) => time === null).length,
  };
}

/** The middle one of rising numbers, or the mean of the two in the middle; null of none. */
export function medianOf(sorted: readonly number[]): number | null {
  const last = sorted.length - 1;
  const [low, high] = [sorted[Math.floor(last / 2)], sorted[Math.ceil(last / 2)]];
  return low === undefined || high === undefined ? null : (low + high) / 2;
}

function gossipAlone(question: Question, samples: readonly Sample[]): GossipAlone {
  const others = question.nodes - 1;
  const told = samples.map(({ times }) => toldByGossip(times, quietMs(question)));
  return {
    complete: told.filter((count) => count >= others).length,
    reached: sum(told) / (others * samples.length),
    exchangeMs: exchangeMs(question),
  };
}

/** At some moment: the share that knew, in the middle seed and in the extreme ones. */
export interface Moment {
  readonly ms: number;
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** How the share that knows grows, until the slowest seed is at its end. */
export function curveOf(
  question: Question,
  samples: readonly Sample[],
  origin: Origin,
  steps = 240,
): Moment[] {
  const others = question.nodes - 1;
  const own = samples.flatMap((sample) => {
    const start = originOf(sample, origin);
    return start === null ? [] : [sample.times.map((time) => time - start)];
  });
  const endMs = Math.max(0, ...own.map((times) => times.at(-1) ?? 0));
  return Array.from({ length: steps + 1 }, (_, step) => {
    const ms = (endMs * step) / steps;
    const known = rising(own.map((times) => times.filter((time) => time <= ms).length / others));
    return { ms, median: medianOf(known) ?? 0, least: known[0] ?? 0, most: known.at(-1) ?? 0 };
  });
}

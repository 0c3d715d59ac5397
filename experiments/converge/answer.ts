/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The propagation times over all seeds.

import { rising, sum } from '../statistics.js';
import type { Change, Question } from './options.js';
import { exchangeMs, quietMs, type Sample } from './simulate.js';

/** Fractions of the other members that know. */
export const shares = [0.5, 0.9, 0.99, 0.999, 1] as const;

/** The origin of time. */
export type Origin = 'change' | 'suspicion' | 'verdict';

/** The time until a fraction of the members knew, in milliseconds. Null: not reached in that seed. */
export interface Reach {
  readonly share: number;
  readonly medianMs: number | null;
  readonly fastestMs: number | null;
  readonly slowestMs: number | null;
  /** Seeds in which this fraction was never reached. */
  readonly missed: number;
}

/** The result for one kind of change. */
export interface Answer {
  readonly what: Change;
  readonly seeds: number;
  readonly reaches: Readonly<Partial<Record<Origin, readonly Reach[]>>>;
  /** For failures: until the first suspicion, and until the first failure event. */
  readonly firstSuspicion: Reach | undefined;
  readonly firstVerdict: Reach | undefined;
  /** For updates: what gossip reached before it ended, and how often it missed a member. */
  readonly gossip: GossipAlone | undefined;
}

/** What gossip reached alone. */
export interface GossipAlone {
  /** Seeds in which it reached all members. */
  readonly complete: number;
  /** The fraction of all other members that it reached. */
  readonly reached: number;
  /** The maximum time until a full exchange; 0 if there are none. */
  readonly exchangeMs: number;
}

/** Aggregates the samples. */
export function answerOf(question: Question, what: Change, samples: readonly Sample[]): Answer {
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

/** How many members knew before no member learned of the change for `quiet` milliseconds. */
export function reachedByGossip(times: readonly number[], quiet: number): number {
  const gap = times.findIndex((time, index) => time - (times[index - 1] ?? 0) > quiet);
  return gap === -1 ? times.length : gap;
}

/** The origin of a sample's times; null if it was never reached. */
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

/** The number of other members in a fraction: the changed member knows its own metadata; a crashed one is no member. */
function neededFor(share: number, others: number, what: Change | undefined): number {
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

/** The median of sorted numbers, or the mean of the two middle ones; null for an empty list. */
export function medianOf(sorted: readonly number[]): number | null {
  const last = sorted.length - 1;
  const [low, high] = [sorted[Math.floor(last / 2)], sorted[Math.ceil(last / 2)]];
  return low === undefined || high === undefined ? null : (low + high) / 2;
}

function gossipAlone(question: Question, samples: readonly Sample[]): GossipAlone {
  const others = question.nodes - 1;
  const reached = samples.map(({ times }) => reachedByGossip(times, quietMs(question)));
  return {
    complete: reached.filter((count) => count >= others).length,
    reached: sum(reached) / (others * samples.length),
    exchangeMs: exchangeMs(question),
  };
}

/** At one point in time: the fraction that knew, in the median seed and in the extreme ones. */
export interface Moment {
  readonly ms: number;
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** How the fraction that knows grows, until the slowest seed ends. */
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

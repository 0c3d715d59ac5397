/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Network coordinates: Vivaldi (Dabek et al., SIGCOMM 2004) with heights, and the refinements of Serf: a median of three
// samples (Ledlie et al., NSDI 2007), adjustments (Lee et al., 2009) and gravity. Numbers and order of the operations
// are those of Serf's package `coordinate`, so that both compute the same coordinates from the same observations.
import type { Random } from '../index.js';

const DIMENSIONS = 8;
const MAX_ERROR = 1.5;
const ERROR_WEIGHT = 0.25;
const FORCE_WEIGHT = 0.25;
const ADJUSTMENT_SAMPLES = 20;
const MIN_HEIGHT = 10e-6;
const FILTER_SAMPLES = 3;
const GRAVITY_RHO = 150;
const ZERO = 1e-6;
/** A longer round trip is no measurement. */
const MAX_RTT_S = 10;
/** Serf's coordinates stay within seconds of each other; a peer that claims more would throw this node far away. */
const MAX_VALUE_S = 1_000;

/** A position in the space of round-trip times. All numbers are seconds, but `error` is relative. */
export interface Coordinate {
  /** Eight dimensions. */
  readonly vec: readonly number[];
  /** 0 to 1.5: confidence in this coordinate; 0 is best. */
  readonly error: number;
  /** Correction of distances by this node; may be negative. */
  readonly adjustment: number;
  /** The part of every distance that is this node's own, such as its access link. */
  readonly height: number;
}

/** The coordinate of a node that has measured nothing. */
export function startCoordinate(): Coordinate {
  return {
    vec: new Array<number>(DIMENSIONS).fill(0),
    error: MAX_ERROR,
    adjustment: 0,
    height: MIN_HEIGHT,
  };
}

/** Whether these can be coordinates of a node: eight finite dimensions, and nothing absurd. */
export function isPlausible({ vec, error, adjustment, height }: Coordinate): boolean {
  const isLength = (value: number): boolean => Math.abs(value) <= MAX_VALUE_S;
  return (
    vec.length === DIMENSIONS &&
    vec.every(isLength) &&
    isLength(adjustment) &&
    isLength(height) &&
    height >= 0 &&
    error >= 0 &&
    error <= MAX_ERROR
  );
}

/** The estimated round-trip time between two nodes, in seconds. */
export function distance(one: Coordinate, other: Coordinate): number {
  const raw = rawDistance(one, other);
  const adjusted = raw + one.adjustment + other.adjustment;
  return wholeNanoseconds(adjusted > 0 ? adjusted : raw);
}

/** The coordinate of this node, which follows its measurements. */
export class Vivaldi {
  readonly #random: Random;
  readonly #origin = startCoordinate();
  readonly #adjustments = new Array<number>(ADJUSTMENT_SAMPLES).fill(0);
  readonly #samples = new Map<string, readonly number[]>();
  #nextAdjustment = 0;
  #own = startCoordinate();
  #resets = 0;

  /** @param random - the direction in which nodes at the same place move apart */
  constructor(random: Random) {
    this.#random = random;
  }

  get own(): Coordinate {
    return this.#own;
  }

  /** How often the coordinate was not finite, and started anew. */
  get resets(): number {
    return this.#resets;
  }

  /** Forgets the measurements of a node. */
  forget(name: string): void {
    this.#samples.delete(name);
  }

  /**
   * Takes a measurement into account.
   *
   * @param rtt - round-trip time, in seconds
   * @returns false when the coordinate is not plausible, or the time is not from 0 to 10 s; nothing changes then
   */
  observe(name: string, other: Coordinate, rtt: number): boolean {
    if (!isPlausible(other) || !(rtt >= 0 && rtt <= MAX_RTT_S)) return false;
    const median = this.#median(name, rtt);
    this.#update(other, median);
    this.#adjust(other, median);
    this.#gravitate();
    if (!isFiniteCoordinate(this.#own)) {
      this.#resets++;
      this.#own = startCoordinate();
    }
    return true;
  }

  #median(name: string, rtt: number): number {
    const samples = [...(this.#samples.get(name) ?? []), rtt].slice(-FILTER_SAMPLES);
    this.#samples.set(name, samples);
    const sorted = [...samples].sort((a, b) => a - b);
    return sorted[sorted.length >> 1] ?? rtt;
  }

  #update(other: Coordinate, sample: number): void {
    const { error } = this.#own;
    const dist = distance(this.#own, other);
    const rtt = Math.max(sample, ZERO);
    const wrongness = Math.abs(dist - rtt) / rtt;
    const weight = error / Math.max(error + other.error, ZERO);
    const newError = ERROR_WEIGHT * weight * wrongness + error * (1 - ERROR_WEIGHT * weight);
    this.#own = { ...this.#own, error: Math.min(newError, MAX_ERROR) };
    this.#push(FORCE_WEIGHT * weight * (rtt - dist), other);
  }

  #adjust(other: Coordinate, sample: number): void {
    this.#adjustments[this.#nextAdjustment] = sample - rawDistance(this.#own, other);
    this.#nextAdjustment = (this.#nextAdjustment + 1) % ADJUSTMENT_SAMPLES;
    const sum = this.#adjustments.reduce((total, each) => total + each, 0);
    this.#own = { ...this.#own, adjustment: sum / (2 * ADJUSTMENT_SAMPLES) };
  }

  // Pulls the whole cluster to the origin, or it would drift away.
  #gravitate(): void {
    const dist = distance(this.#origin, this.#own);
    this.#push(-((dist / GRAVITY_RHO) ** 2), this.#origin);
  }

  #push(force: number, other: Coordinate): void {
    const { vec, height } = this.#own;
    const { unit, length } = this.#direction(other);
    const moved = vec.map((value, i) => value + (unit[i] ?? 0) * force);
    const raised = ((height + other.height) * force) / length + height;
    const newHeight = length > ZERO ? Math.max(raised, MIN_HEIGHT) : height;
    this.#own = { ...this.#own, vec: moved, height: newHeight };
  }

  /** From the other to us, and how far; a random direction when that is no distance. */
  #direction(other: Coordinate): { unit: readonly number[]; length: number } {
    const between = this.#own.vec.map((value, i) => value - (other.vec[i] ?? 0));
    const length = magnitude(between);
    if (length > ZERO) return { unit: scaled(between, 1 / length), length };
    const random = between.map(() => this.#random.next() - 0.5);
    const randomLength = magnitude(random);
    if (randomLength > ZERO) return { unit: scaled(random, 1 / randomLength), length: 0 };
    return { unit: between.map((_, i) => (i === 0 ? 1 : 0)), length: 0 };
  }
}

function isFiniteCoordinate({ vec, error, adjustment, height }: Coordinate): boolean {
  return [...vec, error, adjustment, height].every(Number.isFinite);
}

function rawDistance(one: Coordinate, other: Coordinate): number {
  const between = one.vec.map((value, i) => value - (other.vec[i] ?? 0));
  return magnitude(between) + one.height + other.height;
}

// Go's distances are durations: whole nanoseconds.
function wholeNanoseconds(seconds: number): number {
  return Math.trunc(seconds * 1e9) / 1e9;
}

function magnitude(vec: readonly number[]): number {
  return Math.sqrt(vec.reduce((sum, value) => sum + value * value, 0));
}

function scaled(vec: readonly number[], factor: number): number[] {
  return vec.map((value) => value * factor);
}

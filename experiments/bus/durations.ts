/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A distribution of durations, with an exact count for each tenth of a millisecond below 100 ms and each millisecond
// above: millions of deliveries in little memory, and the distributions of many seeds add up.

const fineMs = 100;
const perMs = 10;
const fineBins = fineMs * perMs;
const mostMs = 200_000;

/** A distribution as plain data: pairs of a bin and its count. */
export type DurationData = readonly (readonly [bin: number, count: number])[];

/** A distribution of durations. */
export class Durations {
  readonly #counts = new Float64Array(fineBins + mostMs);
  #total = 0;

  get total(): number {
    return this.#total;
  }

  add(ms: number): void {
    const bin = ms < fineMs ? Math.floor(ms * perMs) : fineBins + Math.floor(ms - fineMs);
    this.#count(Math.min(bin, this.#counts.length - 1), 1);
  }

  /** Adds another distribution. */
  merge(data: DurationData): void {
    for (const [bin, count] of data) this.#count(bin, count);
  }

  /** The upper end of the bin of a quantile, in milliseconds; null without durations. */
  quantile(share: number): number | null {
    const wanted = Math.max(1, Math.ceil(share * this.#total - 1e-9));
    let passed = 0;
    for (const [bin, count] of this.#counts.entries()) {
      passed += count;
      if (passed >= wanted && count > 0) return endOf(bin);
    }
    return null;
  }

  /** How many are above a duration. */
  above(ms: number): number {
    return this.#counts.reduce((sum, count, bin) => (endOf(bin) > ms ? sum + count : sum), 0);
  }

  /** The fraction that is above each duration, for a plot; few points. */
  tail(): [ms: number, share: number][] {
    const points: [number, number][] = [];
    let passed = 0;
    for (const [bin, count] of this.#counts.entries()) {
      passed += count;
      if (count === 0) continue;
      const last = points.at(-1);
      const share = 1 - passed / this.#total;
      const isFar = last === undefined || endOf(bin) > 1.04 * last[0] || share === 0;
      if (isFar && share > 0) points.push([endOf(bin), share]);
    }
    return points;
  }

  data(): DurationData {
    return Array.from(this.#counts.entries()).filter(([, count]) => count > 0);
  }

  #count(bin: number, count: number): void {
    this.#counts[bin] = (this.#counts[bin] ?? 0) + count;
    this.#total += count;
  }
}

function endOf(bin: number): number {
  return bin < fineBins ? (bin + 1) / perMs : bin - fineBins + fineMs + 1;
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// How many tasks of one variant run, over time.

/** A time in which the number of running tasks was not one. */
export interface Period {
  /** None, or two and more. */
  readonly kind: 'none' | 'two';
  readonly ms: number;
  /** The number of the incident before it; −1 before the first. */
  readonly after: number;
}

/** The result of one variant in one cluster. */
export interface Timeline {
  readonly totalMs: number;
  readonly periods: readonly Period[];
  /** The kinds of incidents, in order. */
  readonly incidents: readonly string[];
  /** The most tasks that ran at the same time. */
  readonly most: number;
}

type Kind = 'none' | 'one' | 'two';

/** Records a variant, from its first start on. */
export class Recorder {
  readonly #now: () => number;
  #running = 0;
  #most = 0;
  #startedAt: number | undefined;
  #kind: Kind = 'none';
  #since = 0;
  #periodAfter = -1;
  readonly #incidents: string[] = [];
  readonly #periods: Period[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  /** A task starts (1) or ends (−1). */
  change(by: 1 | -1): void {
    this.#running += by;
    this.#most = Math.max(this.#most, this.#running);
    const kind: Kind = this.#running === 0 ? 'none' : this.#running === 1 ? 'one' : 'two';
    if (this.#startedAt === undefined) {
      this.#startedAt = this.#since = this.#now();
      this.#kind = kind;
    }
    if (kind === this.#kind) return;
    this.#close();
    this.#kind = kind;
    this.#since = this.#now();
    this.#periodAfter = this.#incidents.length - 1;
  }

  /** Something happens to the cluster. */
  incident(name: string): void {
    this.#incidents.push(name);
  }

  end(): Timeline {
    this.#close();
    const totalMs = this.#startedAt === undefined ? 0 : this.#now() - this.#startedAt;
    return { totalMs, periods: this.#periods, incidents: this.#incidents, most: this.#most };
  }

  #close(): void {
    const ms = this.#now() - this.#since;
    if (this.#kind === 'one' || ms === 0) return;
    this.#periods.push({ kind: this.#kind, ms, after: this.#periodAfter });
  }
}

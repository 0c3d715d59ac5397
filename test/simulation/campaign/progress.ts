/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Prints the progress now and then.

const everyMs = 10_000;

/** Counts finished items, and prints the count every ten seconds. */
export class Progress {
  readonly #total: number;
  readonly #startedAt = performance.now();
  #saidAt = this.#startedAt;
  #done = 0;

  constructor(total: number) {
    this.#total = total;
  }

  /** One more item is finished. */
  tick(news: string): void {
    this.#done++;
    const now = performance.now();
    if (now - this.#saidAt < everyMs) return;
    this.#saidAt = now;
    const left = ((now - this.#startedAt) / this.#done) * (this.#total - this.#done);
    const share = `${this.#done} of ${this.#total}, ${news}`;
    console.log(`${share}; ${this.elapsed} gone, about ${duration(left)} to go`);
  }

  get elapsed(): string {
    return duration(performance.now() - this.#startedAt);
  }
}

function duration(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  return seconds < 120 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

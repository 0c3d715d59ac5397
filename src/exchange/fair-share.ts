/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Something that there is a bounded amount of, shared out among those who come, by the source that
// they come from. When there is no more, the source that has most gives way to those that have less:
// so whoever opens streams without end crowds out itself and nobody else.

/** Called when a share is taken away; what it stands for must end. */
export type Evict = () => void;

/** One holder's share. */
export interface Share {
  /** Takes some more; false, with nothing taken, when there is none to be had (or it was evicted). */
  take(amount: number): boolean;
  /** Gives all of it back. Idempotent. */
  leave(): void;
}

interface Source {
  used: number;
  /** Those who hold something, the oldest first. */
  readonly holders: Set<Holder>;
}

interface Holder {
  held: number;
  /** It left or was evicted: what still runs on its behalf gets nothing any more. */
  gone: boolean;
  readonly source: string;
  readonly evict: Evict;
}

/** The amount, and who holds how much of it. It remembers only those who hold something. */
export class FairShare {
  readonly #total: number;
  readonly #perSource: number;
  readonly #sources = new Map<string, Source>();
  #used = 0;

  /**
   * @param init.total - what there is
   * @param init.perSource - what one source may have of it at most
   */
  constructor(init: { total: number; perSource: number }) {
    this.#total = init.total;
    this.#perSource = init.perSource;
  }

  /** What is held by all. */
  get used(): number {
    return this.#used;
  }

  /** Sources that hold something. */
  get sources(): number {
    return this.#sources.size;
  }

  /** A share with nothing in it yet. `evict` may be called within a `take` of somebody else. */
  enter(source: string, evict: Evict): Share {
    const holder: Holder = { held: 0, gone: false, source, evict };
    return {
      take: (amount) => this.#take(holder, amount),
      leave: () => this.#give(holder),
    };
  }

  #take(holder: Holder, amount: number): boolean {
    if (holder.gone) return false;
    const used = (this.#sources.get(holder.source)?.used ?? 0) + amount;
    if (used > this.#perSource || amount > this.#total) return false;
    while (this.#used + amount > this.#total) {
      const victim = this.#greediest(used);
      if (victim === undefined) return false;
      this.#give(victim);
      victim.evict();
    }
    const source = this.#sources.get(holder.source) ?? { used: 0, holders: new Set() };
    this.#sources.set(holder.source, source);
    source.holders.add(holder);
    source.used += amount;
    holder.held += amount;
    this.#used += amount;
    return true;
  }

  #give(holder: Holder): void {
    holder.gone = true;
    const source = this.#sources.get(holder.source);
    if (source?.holders.delete(holder) !== true) return;
    source.used -= holder.held;
    this.#used -= holder.held;
    holder.held = 0;
    if (source.holders.size === 0) this.#sources.delete(holder.source);
  }

  // The oldest holder of the source that has most, if that is more than `used`.
  #greediest(used: number): Holder | undefined {
    let greediest: Source | undefined;
    for (const source of this.#sources.values()) {
      if (source.used > (greediest?.used ?? used)) greediest = source;
    }
    return greediest?.holders.values().next().value;
  }
}

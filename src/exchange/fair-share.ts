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
  /** Gives so much of it back. */
  give(amount: number): void;
  /** Gives all of it back. Idempotent. */
  leave(): void;
}

interface Source {
  used: number;
  readonly weight: number;
  /** Those who hold something, the oldest first. */
  readonly holders: Set<Holder>;
}

interface Holder {
  held: number;
  /** It left or was evicted: what still runs on its behalf gets nothing any more. */
  gone: boolean;
  readonly source: string;
  readonly weight: number;
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

  /**
   * A share with nothing in it yet. `evict` may be called within a `take` of somebody else.
   *
   * @param weight - what this source uses counts so many times when it is compared with others; all shares of a
   * source have the same
   */
  enter(source: string, evict: Evict, weight = 1): Share {
    const holder: Holder = { held: 0, gone: false, source, weight, evict };
    return {
      take: (amount) => this.#take(holder, amount),
      give: (amount) => this.#give(holder, amount),
      leave: () => this.#end(holder),
    };
  }

  #take(holder: Holder, amount: number): boolean {
    if (holder.gone) return false;
    const used = (this.#sources.get(holder.source)?.used ?? 0) + amount;
    if (used > this.#perSource || amount > this.#total) return false;
    while (this.#used + amount > this.#total) {
      const victim = this.#greediest(used * holder.weight);
      if (victim === undefined) return false;
      this.#end(victim);
      victim.evict();
    }
    const { weight } = holder;
    const source = this.#sources.get(holder.source) ?? { used: 0, weight, holders: new Set() };
    this.#sources.set(holder.source, source);
    source.holders.add(holder);
    source.used += amount;
    holder.held += amount;
    this.#used += amount;
    return true;
  }

  #end(holder: Holder): void {
    holder.gone = true;
    this.#give(holder, holder.held);
  }

  // Whoever holds nothing is no holder: to evict it would make no room.
  #give(holder: Holder, amount: number): void {
    const source = this.#sources.get(holder.source);
    if (source?.holders.has(holder) !== true) return;
    const given = Math.min(amount, holder.held);
    source.used -= given;
    this.#used -= given;
    holder.held -= given;
    if (holder.held === 0) source.holders.delete(holder);
    if (source.holders.size === 0) this.#sources.delete(holder.source);
  }

  // The oldest holder of the source that has most, weighed, if that is more than `used`.
  #greediest(used: number): Holder | undefined {
    let most = used;
    let greediest: Source | undefined;
    for (const source of this.#sources.values()) {
      const weighed = source.used * source.weight;
      if (weighed <= most) continue;
      most = weighed;
      greediest = source;
    }
    return greediest?.holders.values().next().value;
  }
}

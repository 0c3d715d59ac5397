/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Shares a bounded resource among sources. When the resource is exhausted, the source that uses most gives way to
// sources that use less: a source that opens streams without end displaces only its own streams.

/** Called when a share is evicted; the work that uses it must end. */
export type Evict = () => void;

/** The share of one user of the resource. */
export interface Share {
  /** Acquires an amount; returns false, and acquires nothing, when it is not available or the share was evicted. */
  acquire(amount: number): boolean;
  /** Releases an amount. */
  release(amount: number): void;
  /** Releases everything; later acquisitions fail. Idempotent. */
  close(): void;
}

interface Source {
  used: number;
  readonly weight: number;
  /** The open shares that use something, the oldest first. */
  readonly users: Set<User>;
}

interface User {
  used: number;
  /** Closed or evicted: work that still runs for this share acquires nothing more. */
  isClosed: boolean;
  readonly source: string;
  readonly weight: number;
  readonly evict: Evict;
}

/** A bounded resource and its users. It stores only shares that use something. */
export class FairShare {
  readonly #total: number;
  readonly #perSource: number;
  readonly #sources = new Map<string, Source>();
  #used = 0;

  /**
   * @param init.total - the available amount
   * @param init.perSource - the maximum amount for one source
   */
  constructor(init: { total: number; perSource: number }) {
    this.#total = init.total;
    this.#perSource = init.perSource;
  }

  /** The amount that all sources use. */
  get used(): number {
    return this.#used;
  }

  /** The number of sources that use something. */
  get sources(): number {
    return this.#sources.size;
  }

  /**
   * Opens an empty share. `evict` may be called while another share acquires an amount.
   *
   * @param weight - factor for the amount of this source when it is compared with other sources; all shares of a
   * source must have the same weight
   */
  open(source: string, evict: Evict, weight = 1): Share {
    const user: User = { used: 0, isClosed: false, source, weight, evict };
    return {
      acquire: (amount) => this.#acquire(user, amount),
      release: (amount) => this.#release(user, amount),
      close: () => this.#close(user),
    };
  }

  #acquire(user: User, amount: number): boolean {
    if (user.isClosed) return false;
    const used = (this.#sources.get(user.source)?.used ?? 0) + amount;
    if (used > this.#perSource || amount > this.#total) return false;
    while (this.#used + amount > this.#total) {
      const victim = this.#oldestOfLargest(used * user.weight);
      if (victim === undefined) return false;
      this.#close(victim);
      victim.evict();
    }
    const { weight } = user;
    const source = this.#sources.get(user.source) ?? { used: 0, weight, users: new Set() };
    this.#sources.set(user.source, source);
    source.users.add(user);
    source.used += amount;
    user.used += amount;
    this.#used += amount;
    return true;
  }

  #close(user: User): void {
    user.isClosed = true;
    this.#release(user, user.used);
  }

  // A share that uses nothing is removed: evicting it would free nothing.
  #release(user: User, amount: number): void {
    const source = this.#sources.get(user.source);
    if (source?.users.has(user) !== true) return;
    const released = Math.min(amount, user.used);
    source.used -= released;
    this.#used -= released;
    user.used -= released;
    if (user.used === 0) source.users.delete(user);
    if (source.users.size === 0) this.#sources.delete(user.source);
  }

  // The oldest share of the source with the largest weighted amount, if that is more than `used`.
  #oldestOfLargest(used: number): User | undefined {
    let most = used;
    let largest: Source | undefined;
    for (const source of this.#sources.values()) {
      const weighted = source.used * source.weight;
      if (weighted <= most) continue;
      most = weighted;
      largest = source;
    }
    return largest?.users.values().next().value;
  }
}

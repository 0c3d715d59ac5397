/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// This node's share of a limit that applies to the whole cluster, such as requests per second to an API.
import type { Memberlist, ServiceContext } from '../index.js';
import { apportion } from './apportion.js';
import { checkList, checkOptions, rules } from './check.js';
import { createRing, candidateRules, type Ring } from './ring.js';
import type { CandidateOptions } from './candidates.js';
import { Listeners } from './listeners.js';
import { ShareMeters } from './meters.js';

/** Options of {@link share}. Give all nodes the same. */
export interface ShareOptions extends CandidateOptions {
  /** What is divided: an integer, 0 or more. */
  readonly total: number;
}

/** The event `change` of a {@link Share}. */
export interface ShareChanged {
  readonly value: number;
  readonly previous: number;
}

/** The events of a {@link Share}. */
export interface ShareEvents {
  /** This node's share changed. */
  change: ShareChanged;
}

/** A share of a limit. */
export interface Share {
  /** This node's share: an integer. Over nodes with equal `view`, the shares add up to `total`. */
  readonly value: number;
  /** As `Ring.view`. */
  readonly view: string;
  /** As `Ring.isSettled`. */
  readonly isSettled: boolean;
  /** Adds a listener. What it throws is caught, counted and logged (`callback-threw`). */
  on(event: 'change', listener: (event: ShareChanged) => unknown): this;
  /** Removes a listener. */
  off(event: 'change', listener: (event: ShareChanged) => unknown): this;
  /** Ends it: the value does not change any more. The shutdown of the node does the same. */
  close(): void;
}

/**
 * This node's share of a limit for the whole cluster: whole numbers, by the largest remainder method over the members
 * that are alive or suspect, which add up to `total` on nodes with the same view. It follows a change of the members
 * after `settle`. A node that has not joined yet has the whole total.
 *
 * ```ts
 * const limit = share(list, { total: 1_000 });
 * limiter.setRate(limit.value);
 * limit.on('change', ({ value }) => limiter.setRate(value));
 * ```
 *
 * @throws ConfigError for wrong arguments; ShutdownError
 */
export function share(list: Memberlist, options: ShareOptions): Share {
  checkList(list, 'share');
  checkOptions(options, { ...candidateRules, total: rules.total });
  if ((options as Partial<ShareOptions>).total === undefined) {
    checkOptions({ total: null }, { total: rules.total });
  }
  return new RingShare(list, options);
}

class RingShare implements Share {
  readonly #name: string;
  readonly #total: number;
  readonly #ring: Ring;
  readonly #listeners: Listeners<ShareEvents>;
  readonly #context: ServiceContext;
  readonly #meters: ShareMeters;
  #value: number;

  constructor(list: Memberlist, { total, ...options }: ShareOptions) {
    this.#name = list.config.name;
    this.#total = total;
    this.#ring = createRing(list, options);
    this.#context = list.addService({ name: 'share' });
    this.#listeners = new Listeners(this.#context.reportError);
    this.#meters = new ShareMeters(this.#context.metrics);
    this.#value = this.#computed();
    this.#ring.on('view', () => this.#update());
  }

  get value(): number {
    return this.#value;
  }

  get view(): string {
    return this.#ring.view;
  }

  get isSettled(): boolean {
    return this.#ring.isSettled;
  }

  on(event: 'change', listener: (event: ShareChanged) => unknown): this {
    this.#listeners.add(event, listener);
    return this;
  }

  off(event: 'change', listener: (event: ShareChanged) => unknown): this {
    this.#listeners.remove(event, listener);
    return this;
  }

  close(): void {
    this.#ring.close();
    this.#context.remove();
    this.#listeners.clear();
  }

  #computed(): number {
    return apportion(this.#total, this.#ring.members).get(this.#name) ?? 0;
  }

  #update(): void {
    const previous = this.#value;
    this.#value = this.#computed();
    if (this.#value === previous) return;
    this.#meters.changes.inc();
    this.#listeners.emit('change', { value: this.#value, previous });
  }
}

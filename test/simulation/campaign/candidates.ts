/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The members that may own something by the table of a node, and for how long they have not changed: computed without
// the code that is tested.

import type { Node } from '../../../src/index.js';
import { hashOfKey, scoreOf, seedOf } from '../../../src/ring/hash.js';
import { negativeLog } from '../../../src/ring/logarithm.js';
import type { Life } from './stage.js';

/** Gives the weight of a member; undefined if it takes no part. */
export type WeightOf = (member: Node) => number | undefined;

/** Constant changes are waited for at most this many times `settle`. */
const patience = 5;
const roundingMs = 1e-6;

/** Name and weight of the candidates, by name. */
export function candidatesOf({ engine, list }: Life, weightOf: WeightOf): [string, number][] {
  const found: [string, number][] = [];
  for (const member of engine.table) {
    if (member.isGone || (member.name === list.config.name && list.state !== 'running')) continue;
    const weight = weightOf(member.snapshot());
    if (weight !== undefined) found.push([member.name, weight]);
  }
  return found.sort(([a], [b]) => (a < b ? -1 : 1));
}

/** All members in the order in which they own a key: the highest −w / ln u first. */
export function ownersByDefinition(
  all: readonly (readonly [string, number])[],
  key: string,
): string[] {
  const hash = hashOfKey(key);
  const scored = all.map(([name, weight]) => {
    const { high, low } = seedOf(name);
    return { name, score: weight / negativeLog(scoreOf(high, low, hash)) };
  });
  return scored.sort((a, b) => b.score - a.score).map(({ name }) => name);
}

/** When the candidates of one life changed, in the time of its clock. */
export class Changes {
  readonly #life: Life;
  readonly #weightOf: WeightOf;
  readonly #known = new Map<string, number>();
  #changedAt: number;
  #unsettledSince: number;

  constructor(life: Life, weightOf: WeightOf) {
    this.#life = life;
    this.#weightOf = weightOf;
    for (const [name, weight] of candidatesOf(life, weightOf)) this.#known.set(name, weight);
    this.#changedAt = this.#unsettledSince = this.now;
  }

  get now(): number {
    return this.#life.list.config.clock.now();
  }

  /** The node emits an event about a member. */
  event({ name, state, ...others }: Node, settle: number): void {
    const isPresent = state === 'alive' || state === 'suspect';
    const weight = isPresent ? this.#weightOf({ name, state, ...others }) : undefined;
    if (this.#known.get(name) === weight) return;
    if (weight === undefined) this.#known.delete(name);
    else this.#known.set(name, weight);
    if (this.now - this.#changedAt >= settle) this.#unsettledSince = this.now;
    this.#changedAt = this.now;
  }

  /** For how long the candidates have not changed. */
  get quietMs(): number {
    return this.now - this.#changedAt;
  }

  /** Whether the candidates have not changed for `settle`, or have changed for five times as long. */
  isSettled(settle: number): boolean {
    const unsettledMs = this.now - this.#unsettledSince;
    return this.quietMs >= settle - roundingMs || unsettledMs >= patience * settle - roundingMs;
  }
}

/** Whether the event loop of a node stalls at the moment. */
export function isStalled({ list }: Life): boolean {
  return (list.config.clock as unknown as { isFrozen: boolean }).isFrozen;
}

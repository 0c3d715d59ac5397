/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Uses the shared state of one life of one node: writes its map, and mirrors what its change events say.

import type { ExtensionContext } from '../../../src/index.js';
import { createState, type State, type StateChange } from '../../../src/state/index.js';
import { SeededRandom } from '../../../src/testing/index.js';
import type { StatePlan } from './state-plan.js';

/** The values are texts: `<life>:<write>:<filler>`. */
export type Values = Record<string, string>;

/** What a driver needs. */
export interface StateDriverInit {
  readonly key: string;
  /** Counts the lives of all nodes. */
  readonly index: number;
  readonly seed: number;
  readonly plan: StatePlan;
  /** A reader is told of a change. */
  changed(driver: StateDriver, change: StateChange<Values>): void;
}

/** The limit of one node's map is never reached, except by values that are refused. */
const maxBytesPerNode = 200_000;

/** The user of the shared state of one node. */
export class StateDriver {
  readonly state: State<Values>;
  readonly key: string;
  readonly index: number;
  name = '';
  isStopped = false;
  /** What it has written and not deleted, without keys that expire. */
  readonly written = new Map<string, string>();
  /** What the change events say that all nodes have. */
  readonly mirror = new Map<string, Map<string, string>>();
  /** The last write that this reader has seen, by member and key. */
  readonly seen = new Map<string, Map<string, readonly [life: number, write: number]>>();
  writes = 0;
  readonly #init: StateDriverInit;
  readonly #random: SeededRandom;
  #context: ExtensionContext | undefined;
  #isActive = true;

  constructor(init: StateDriverInit) {
    const { plan, index, seed, key } = init;
    this.#init = init;
    this.key = key;
    this.index = index;
    this.#random = new SeededRandom(`state of life ${index}, seed ${seed}`);
    const { syncInterval, keepAfterLeave, keepDeleted } = plan;
    this.state = createState<Values>({
      syncInterval,
      keepAfterLeave,
      keepDeleted,
      maxBytesPerNode,
    });
    this.state.on('change', (change) => init.changed(this, change));
    // Before the node exists.
    this.#set('k0');
  }

  attached(context: ExtensionContext): void {
    this.#context = context;
    this.name = context.self.name;
    // What was written before has no event.
    this.mirror.set(this.name, new Map(this.written));
    this.#schedule();
  }

  stopped(): void {
    this.isStopped = true;
  }

  rest(): void {
    this.#isActive = false;
  }

  /** Writes something. */
  write(): void {
    if (!this.isStopped) this.#set(this.#pick());
  }

  #schedule(): void {
    const delayMs = this.#init.plan.intervalMs * (0.5 + this.#random.next());
    this.#context?.clock.setTimer(delayMs, () => {
      if (!this.#isActive) return;
      this.#act();
      this.#schedule();
    });
  }

  #act(): void {
    const draw = this.#random.next();
    if (draw < 0.5) this.#set(this.#pick());
    else if (draw < 0.65) for (let left = 5; left > 0; left--) this.#set(this.#pick());
    else if (draw < 0.85) this.#delete(this.#pick());
    else if (draw < 0.88) {
      this.state.clear();
      this.written.clear();
    } else this.#expiring();
  }

  #set(key: string): void {
    const value = this.#value();
    this.state.set(key, value);
    this.written.set(key, value);
  }

  #delete(key: string): void {
    this.state.delete(key);
    this.written.delete(key);
  }

  #expiring(): void {
    this.state.set('ttl', this.#value(), { ttl: 50 + this.#init.plan.intervalMs });
  }

  #value(): string {
    const { valueBytes } = this.#init.plan;
    const filler = '.'.repeat(Math.floor(valueBytes * this.#random.next() ** 2));
    return `${this.index}:${this.writes++}:${filler}`;
  }

  #pick(): string {
    return `k${Math.floor(this.#init.plan.keys * this.#random.next())}`;
  }
}

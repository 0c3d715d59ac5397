/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The members that may own something, as this node sees them: those that are alive or suspect, pass the filter and have a
// weight. It calls back at once when they change, and again when they have not changed for a while.
import type { Memberlist, Node, ServiceContext, Timer } from '../index.js';
import type { RingMember } from './table.js';

/** Whether a member takes part. It must depend on nothing but the member, so that all nodes decide alike. */
export type MemberFilter = (member: Node) => unknown;

/** The weight of a member. It must depend on nothing but the member, so that all nodes decide alike. */
export type MemberWeight = (member: Node) => number;

/** Which members take part, and with which share. */
export interface CandidateOptions {
  /** Whether a member takes part, by its metadata for example. Default: all do. */
  readonly filter?: MemberFilter | undefined;
  /**
   * The share of a member, relative to that of the others: above 0, up to 10¹⁵. A member whose weight is anything else
   * takes part in nothing, and so does one for which `filter` or `weight` throws: metadata of peers may be wrong.
   * Default: 1 for each.
   */
  readonly weight?: MemberWeight | undefined;
  /**
   * For how long the members must not change before the change counts, in milliseconds. If they change all the time, it
   * counts after five times as long. Default: 2,000.
   */
  readonly settle?: number | undefined;
}

/** What the candidates call. */
export interface CandidateCallbacks {
  /** They changed, or changed back. */
  changed?(): void;
  /** They have not changed for `settle`, or have changed for five times as long. */
  settled(): void;
}

const defaultSettleMs = 2_000;
/** Constant changes are waited for at most this many times `settle`. */
const patience = 5;
/** A heavier member would make the weighted scores lose precision. */
const heaviest = 1e15;

/** The candidates of one ring, share or singleton. */
export class Candidates {
  readonly #list: Memberlist;
  readonly #options: CandidateOptions;
  readonly #callbacks: CandidateCallbacks;
  readonly #settleMs: number;
  readonly #weights = new Map<string, number>();
  #context: Pick<ServiceContext, 'clock' | 'reportError'> | undefined;
  #timer: Timer | undefined;
  #unsettledSince = 0;
  #isSettled = false;
  #isLeaving: boolean;

  constructor(list: Memberlist, options: CandidateOptions, callbacks: CandidateCallbacks) {
    this.#list = list;
    this.#isLeaving = list.state !== 'running';
    this.#options = options;
    this.#callbacks = callbacks;
    this.#settleMs = options.settle ?? defaultSettleMs;
  }

  /** Those of now. */
  list(): RingMember[] {
    return Array.from(this.#weights, ([name, weight]) => ({ name, weight }));
  }

  /** How many there are now. */
  get size(): number {
    return this.#weights.size;
  }

  /** Whether no change is waited for. */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  start(context: Pick<ServiceContext, 'clock' | 'reportError'>): void {
    this.#context = context;
    this.#read();
    this.#wait();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = this.#context = undefined;
  }

  /** A member joined, left or changed. */
  memberChanged(node: Node): void {
    const isPresent = node.state === 'alive' || node.state === 'suspect';
    this.#set(node.name, isPresent ? this.#weightOf(node) : undefined);
  }

  /** This node's own metadata changed. */
  selfChanged(): void {
    const { localNode } = this.#list;
    this.#set(localNode.name, this.#isLeaving ? undefined : this.#weightOf(localNode));
  }

  /** This node leaves. */
  selfLeaves(): void {
    this.#isLeaving = true;
    this.selfChanged();
  }

  /** This node comes back after a leave. */
  selfReturns(): void {
    this.#isLeaving = false;
    this.selfChanged();
  }

  #set(name: string, weight: number | undefined): void {
    if (this.#weights.get(name) === weight) return;
    if (weight === undefined) this.#weights.delete(name);
    else this.#weights.set(name, weight);
    this.#wait();
    this.#callbacks.changed?.();
  }

  #wait(): void {
    const clock = this.#context?.clock;
    if (clock === undefined) return;
    const now = clock.now();
    if (this.#timer === undefined) this.#unsettledSince = now;
    this.#timer?.cancel();
    this.#isSettled = false;
    const leftMs = this.#unsettledSince + patience * this.#settleMs - now;
    this.#timer = clock.setTimer(Math.min(this.#settleMs, Math.max(0, leftMs)), () => {
      this.#timer = undefined;
      this.#isSettled = true;
      // The table is the truth: a callback of the application may have depended on something that changed silently.
      this.#read();
      this.#callbacks.settled();
    });
  }

  #read(): void {
    const ownName = this.#list.config.name;
    this.#weights.clear();
    for (const node of this.#list.members()) {
      if (node.name === ownName && this.#isLeaving) continue;
      const weight = this.#weightOf(node);
      if (weight !== undefined) this.#weights.set(node.name, weight);
    }
  }

  #weightOf(node: Node): number | undefined {
    const { filter, weight } = this.#options;
    try {
      if (filter !== undefined && !filter(node)) return undefined;
      const value: unknown = weight === undefined ? 1 : weight(node);
      return typeof value === 'number' && value > 0 && value <= heaviest ? value : undefined;
    } catch (error) {
      this.#context?.reportError('filter or weight', error);
      return undefined;
    }
  }
}

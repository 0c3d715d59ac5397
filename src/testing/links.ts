/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The current properties and faults of the link from one address to another: those of the whole network
// unless the link has its own, and whether the link is up.

import { drawLatency, type DrawLatency, type Latency } from './latency.js';
import { queueFor, type SendQueue } from './send-queue.js';

/** The properties and faults of a link. */
export interface LinkOptions {
  /** One way, for packets and pieces of streams, in milliseconds. */
  readonly latency?: Latency | undefined;
  /**
   * The fraction of packets that are lost, 0 to 1. Streams lose nothing: as with TCP, lost data is
   * retransmitted after 200 ms, 400 ms …; at a loss of 1 streams stall.
   */
  readonly loss?: number | undefined;
  /** The fraction of packets that arrive twice, 0 to 1; each copy has its own latency. */
  readonly duplication?: number | undefined;
  /**
   * The fraction of packets that are delayed by up to 50 ms more, 0 to 1, so that later packets
   * overtake them. (A variable latency alone also reorders some packets.)
   */
  readonly reordering?: number | undefined;
  /**
   * Bytes per second. Packets and pieces of streams are sent one after the other, and wait in a buffer of
   * `bufferBytes`. Default: unlimited.
   */
  readonly bandwidth?: number | undefined;
  /**
   * How many bytes may wait if the bandwidth is limited; a packet that finds more bytes waiting is
   * dropped. Streams are never dropped, but they fill the buffer too. Default: the bytes that the link carries
   * in one second. A large buffer delays packets instead of losing them ("bufferbloat").
   */
  readonly bufferBytes?: number | undefined;
  /** The fraction of streams that break after 1 to 65,536 bytes, more often after few bytes; 0 to 1. */
  readonly streamBreaks?: number | undefined;
}

/** The properties of one link, which override those of the network. */
export interface LinkChanges extends LinkOptions {
  /** The link is down: packets are lost, streams stall until it is up again. */
  readonly down?: boolean | undefined;
  /**
   * The sender's system refuses packets and new streams with this error code (for example `'EPERM'` for a
   * firewall rule on its host). Open streams continue. `heal` removes it.
   */
  readonly sendError?: string | undefined;
}

/** The effective properties of a link. */
export interface LinkState {
  readonly draw: DrawLatency;
  readonly loss: number;
  readonly duplication: number;
  readonly reordering: number;
  readonly streamBreaks: number;
  readonly isDown: boolean;
  readonly sendError: string | undefined;
  /** The queue of this link alone; undefined if it has no bandwidth of its own. */
  readonly queue: SendQueue | undefined;
}

const fractions = ['loss', 'duplication', 'reordering', 'streamBreaks'] as const;
const fields = new Set<string>([
  ...fractions,
  'latency',
  'bandwidth',
  'bufferBytes',
  'down',
  'sendError',
]);

/** @throws RangeError that names a property that is unknown or out of range */
export function checkLink(options: LinkOptions): void {
  const unknown = Object.keys(options).find((field) => !fields.has(field));
  // A misspelled fault would have no effect, and the test that uses it would pass.
  if (unknown !== undefined) throw new RangeError(`a link has no "${unknown}"`);
  for (const field of fractions) {
    const fraction = options[field] ?? 0;
    if (!(fraction >= 0 && fraction <= 1))
      throw new RangeError(`${field} must be from 0 to 1, not ${fraction}`);
  }
  const { bandwidth = Infinity, latency = 0 } = options;
  if (!(bandwidth > 0)) throw new RangeError(`bandwidth must be above 0, not ${bandwidth}`);
  const { bufferBytes = 0 } = options;
  if (!(bufferBytes >= 0)) {
    throw new RangeError(`bufferBytes must be 0 or more, not ${bufferBytes}`);
  }
  drawLatency(latency);
}

/** All links of a network, by the addresses of their ends. */
export class Links {
  #options: LinkOptions;
  #common: LinkState;
  readonly #changes = new Map<string, Map<string, LinkChanges>>();
  readonly #own = new Map<string, Map<string, LinkState>>();
  readonly #groups = new Map<string, number>();
  #isOneWay = false;

  /** @throws RangeError like `checkLink` */
  constructor(options: LinkOptions) {
    checkLink(options);
    this.#options = options;
    this.#common = stateOf(options, {});
  }

  /** The properties of links that have none of their own. */
  get options(): LinkOptions {
    return this.#options;
  }

  /** Changes the properties of the whole network. */
  changeAll(changes: LinkOptions): void {
    const options = { ...this.#options, ...definedIn(changes) };
    checkLink(options);
    this.#options = options;
    this.#common = stateOf(options, {});
    for (const [from, others] of this.#changes) {
      for (const [to, own] of others) this.#put(from, to, own);
    }
  }

  /** Sets properties of one link, in addition to earlier ones. */
  change(from: string, to: string, changes: LinkChanges): void {
    const own = { ...this.#changes.get(from)?.get(to), ...definedIn(changes) };
    checkLink(own);
    this.#put(from, to, own);
  }

  /** Separates the groups. If one-way, later groups still receive from earlier groups. */
  partition(groups: ReadonlyMap<string, number>, isOneWay: boolean): void {
    this.#groups.clear();
    for (const [addr, group] of groups) this.#groups.set(addr, group);
    this.#isOneWay = isOneWay;
  }

  /** Removes partitions and the faults of single links; their latency and bandwidth remain. */
  heal(): void {
    this.#groups.clear();
    const noFaults = {
      down: undefined,
      sendError: undefined,
      ...Object.fromEntries(fractions.map((field) => [field, undefined])),
    };
    for (const [from, others] of this.#changes) {
      for (const [to, own] of others) this.#put(from, to, { ...own, ...noFaults });
    }
  }

  /** Whether the link is up. */
  isUp(from: string, to: string): boolean {
    if (this.#own.size > 0 && this.of(from, to).isDown) return false;
    if (this.#groups.size === 0) return true;
    const [a, b] = [this.#groups.get(from), this.#groups.get(to)];
    return a === undefined || b === undefined || a === b || (this.#isOneWay && a < b);
  }

  of(from: string, to: string): LinkState {
    if (this.#own.size === 0) return this.#common;
    return this.#own.get(from)?.get(to) ?? this.#common;
  }

  #put(from: string, to: string, changes: LinkChanges): void {
    const own = definedIn(changes);
    if (Object.keys(own).length === 0) {
      remove(this.#changes, from, to);
      remove(this.#own, from, to);
      return;
    }
    const queue = this.#own.get(from)?.get(to)?.queue;
    set(this.#changes, from, to, own);
    set(this.#own, from, to, stateOf({ ...this.#options, ...own }, own, queue));
  }
}

function stateOf(options: LinkOptions, own: LinkChanges, queue?: SendQueue): LinkState {
  const { latency = 0, loss = 0, duplication = 0, reordering = 0, streamBreaks = 0 } = options;
  const draw = drawLatency(latency);
  const isDown = own.down === true;
  const { sendError } = own;
  const shared = { draw, loss, duplication, reordering, streamBreaks, isDown, sendError };
  const ownLimits = { bandwidth: own.bandwidth, bufferBytes: options.bufferBytes };
  return { ...shared, queue: queueFor(ownLimits, queue) };
}

function definedIn<T extends object>(changes: T): T {
  const given = Object.entries(changes).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as T;
}

function set<T>(map: Map<string, Map<string, T>>, from: string, to: string, value: T): void {
  const others = map.get(from) ?? new Map<string, T>();
  map.set(from, others.set(to, value));
}

function remove<T>(map: Map<string, Map<string, T>>, from: string, to: string): void {
  const others = map.get(from);
  if (others?.delete(to) === true && others.size === 0) map.delete(from);
}

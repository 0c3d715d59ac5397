/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What the way from one address to another is like at present: its qualities and its faults, those of
// the whole network unless the link has its own, and whether it carries anything at all.

import { drawLatency, type DrawLatency, type Latency } from './latency.js';

/** What a link is like, and what is wrong with it. */
export interface LinkOptions {
  /** One way, for packets and for the pieces of streams. */
  readonly latency?: Latency | undefined;
  /**
   * The share of packets that vanish, 0 to 1. Streams lose nothing: as with TCP, what is lost is
   * sent again after 200 ms, 400 ms …; at a loss of 1 they stall.
   */
  readonly loss?: number | undefined;
  /** The share of packets that arrive twice, 0 to 1; each of the two takes its own latency. */
  readonly duplication?: number | undefined;
  /**
   * The share of packets that are held back for up to 50 ms more, 0 to 1, so that later ones
   * overtake them. (Any latency that varies has some do so by itself.)
   */
  readonly reordering?: number | undefined;
  /**
   * Bytes per second. Packets and pieces of streams wait for one another, in a buffer of
   * `bufferBytes`. Infinite by default.
   */
  readonly bandwidth?: number | undefined;
  /**
   * How many bytes may wait where the bandwidth is limited; a packet that finds more waiting is
   * dropped. Streams are never dropped, but they fill the buffer too. Default: what the link carries
   * in one second. A large buffer delays packets instead of losing them ("bufferbloat").
   */
  readonly bufferBytes?: number | undefined;
  /** The share of streams that break after 1 to 65,536 bytes, small numbers preferred; 0 to 1. */
  readonly streamBreaks?: number | undefined;
}

/** What one link is like, in place of what the network is like. */
export interface LinkChanges extends LinkOptions {
  /** Carries nothing: packets vanish, streams stall until the link is up again. */
  readonly down?: boolean | undefined;
  /**
   * The sender's system refuses packets and new streams with this error code (`'EPERM'`, say, for a firewall
   * rule on its host); streams that are open go on. `heal` ends it.
   */
  readonly sendError?: string | undefined;
}

/** A link's qualities, made ready for use. */
export interface LinkState {
  readonly draw: DrawLatency;
  readonly loss: number;
  readonly duplication: number;
  readonly reordering: number;
  readonly streamBreaks: number;
  readonly isDown: boolean;
  readonly sendError: string | undefined;
  /** Of this link alone; undefined when it has no bandwidth of its own. */
  readonly queue: SendQueue | undefined;
}

/** What goes out at a limited rate, one thing after the other. */
export class SendQueue {
  readonly bandwidth: number;
  readonly bufferBytes: number;
  #freeAt = -Infinity;

  /**
   * @param bandwidth - bytes per second
   * @param bufferBytes - how many bytes may wait before packets are dropped
   */
  constructor(bandwidth: number, bufferBytes: number) {
    this.bandwidth = bandwidth;
    this.bufferBytes = bufferBytes;
  }

  /**
   * Milliseconds until so many bytes, handed over at `now`, are out.
   *
   * @returns undefined when they may be dropped and the queue is too long for them
   */
  delay(now: number, bytes: number, mayDrop: boolean): number | undefined {
    const startAt = Math.max(now, this.#freeAt);
    const waitingBytes = ((startAt - now) * this.bandwidth) / 1000;
    if (mayDrop && waitingBytes > this.bufferBytes) return undefined;
    this.#freeAt = startAt + (bytes * 1000) / this.bandwidth;
    return this.#freeAt - now;
  }
}

const shares = ['loss', 'duplication', 'reordering', 'streamBreaks'] as const;
const fields = new Set<string>([
  ...shares,
  'latency',
  'bandwidth',
  'bufferBytes',
  'down',
  'sendError',
]);

/** @throws RangeError that names what is out of range, or is nothing that a link has. */
export function checkLink(options: LinkOptions): void {
  const unknown = Object.keys(options).find((field) => !fields.has(field));
  // A fault that is misspelt would be none, and the test that asks for it would pass.
  if (unknown !== undefined) throw new RangeError(`a link has no "${unknown}"`);
  for (const field of shares) {
    const share = options[field] ?? 0;
    if (!(share >= 0 && share <= 1))
      throw new RangeError(`${field} must be from 0 to 1, not ${share}`);
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

  /** @throws RangeError as `checkLink` does. */
  constructor(options: LinkOptions) {
    checkLink(options);
    this.#options = options;
    this.#common = stateOf(options, {});
  }

  /** What the network is like where a link has nothing of its own. */
  get options(): LinkOptions {
    return this.#options;
  }

  /** Changes what the whole network is like. */
  changeAll(changes: LinkOptions): void {
    const options = { ...this.#options, ...definedIn(changes) };
    checkLink(options);
    this.#options = options;
    this.#common = stateOf(options, {});
    for (const [from, others] of this.#changes) {
      for (const [to, own] of others) this.#put(from, to, own);
    }
  }

  /** Gives one link qualities of its own, beside those that it was given before. */
  change(from: string, to: string, changes: LinkChanges): void {
    const own = { ...this.#changes.get(from)?.get(to), ...definedIn(changes) };
    checkLink(own);
    this.#put(from, to, own);
  }

  /** Lets only members of the same group hear each other; one way only, earlier ones are heard. */
  partition(groups: ReadonlyMap<string, number>, isOneWay: boolean): void {
    this.#groups.clear();
    for (const [addr, group] of groups) this.#groups.set(addr, group);
    this.#isOneWay = isOneWay;
  }

  /** Undoes partitions and what is wrong with single links; their latency and bandwidth stay. */
  heal(): void {
    this.#groups.clear();
    const whole = {
      down: undefined,
      sendError: undefined,
      ...Object.fromEntries(shares.map((field) => [field, undefined])),
    };
    for (const [from, others] of this.#changes) {
      for (const [to, own] of others) this.#put(from, to, { ...own, ...whole });
    }
  }

  /** Whether anything at all can pass. */
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

/** The queue that there is, if it has these limits; else a new one; undefined without a bandwidth. */
export function queueFor(
  { bandwidth, bufferBytes = bandwidth }: Pick<LinkOptions, 'bandwidth' | 'bufferBytes'>,
  queue?: SendQueue,
): SendQueue | undefined {
  if (bandwidth === undefined || bandwidth === Infinity) return undefined;
  const isSame = queue?.bandwidth === bandwidth && queue.bufferBytes === bufferBytes;
  return isSame ? queue : new SendQueue(bandwidth, bufferBytes ?? bandwidth);
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

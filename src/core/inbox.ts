/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Messages that change state or go to the user wait here until the end of the current turn of the event loop; pings
// and acks are answered at once. There is one bounded queue for each of two priorities, alive claims first: a flood
// costs claims, not acks. Messages beyond the bound are dropped and counted. Under overload the socket is read
// first, because the kernel drops pings as readily as claims.
import type { Address } from '../wire/address.js';
import type { Clock, Timer } from './ports.js';

/** A queued message: `buf[start]` is its type byte. */
export interface QueuedMessage {
  readonly buf: Buffer;
  readonly start: number;
  readonly end: number;
  readonly from: Address;
}

/** Copies the bytes of a message, so that they can be kept. */
export function copyMessage({ buf, start, end }: QueuedMessage): Buffer {
  const copy = Buffer.allocUnsafe(end - start);
  buf.copy(copy, 0, start, end);
  return copy;
}

export type Priority = 'high' | 'low';

const MESSAGES_PER_TURN = 512;

// Node reads at most this many packets from a socket before it runs other work. When every turn brings a full read,
// more packets, pings among them, are left in the socket's buffer. After a while of that, reading takes precedence.
const FULL_READ_PACKETS = 32;
const FLOODED_AFTER_MS = 20;
const MESSAGES_PER_FLOODED_TURN = 64;

/** The handoff queues. */
export class Inbox {
  readonly #clock: Clock;
  readonly #depth: number;
  readonly #handle: (message: QueuedMessage) => void;
  readonly #queues = { high: new Fifo<QueuedMessage>(), low: new Fifo<QueuedMessage>() };
  readonly #counters: { readonly packetsIn: number };
  #turn: Timer | undefined;
  #packetsSeen = 0;
  #fullSince: number | undefined;

  /**
   * @param components.counters - counts the received packets
   * @param init.depth - capacity of each queue, in messages
   * @param init.handle - called for each message in turn
   */
  constructor(
    components: { clock: Clock; counters: { readonly packetsIn: number } },
    init: { depth: number; handle: (message: QueuedMessage) => void },
  ) {
    this.#clock = components.clock;
    this.#counters = components.counters;
    this.#depth = init.depth;
    this.#handle = init.handle;
  }

  /** Messages that are queued now. */
  get size(): number {
    return this.#queues.high.size + this.#queues.low.size;
  }

  /** Queues a message; false if its queue is full. */
  add(message: QueuedMessage, priority: Priority): boolean {
    const queue = this.#queues[priority];
    if (queue.size >= this.#depth) return false;
    queue.push(message);
    this.#turn ??= this.#clock.afterTurn(() => this.#drain());
    return true;
  }

  /** Drops all queued messages. */
  clear(): void {
    this.#turn?.cancel();
    this.#turn = undefined;
    this.#queues.high.clear();
    this.#queues.low.clear();
  }

  #drain(): void {
    this.#turn = undefined;
    const limit = this.#isFlooded() ? MESSAGES_PER_FLOODED_TURN : MESSAGES_PER_TURN;
    try {
      for (let handled = 0; handled < limit; handled++) {
        const message = this.#queues.high.shift() ?? this.#queues.low.shift();
        if (message === undefined) return;
        this.#handle(message);
      }
    } finally {
      // Also after a handler threw: the remaining messages follow in the next turn.
      if (this.size > 0) this.#turn ??= this.#clock.afterTurn(() => this.#drain());
    }
  }

  // Called once per turn.
  #isFlooded(): boolean {
    const { packetsIn } = this.#counters;
    const arrived = packetsIn - this.#packetsSeen;
    this.#packetsSeen = packetsIn;
    if (arrived < FULL_READ_PACKETS) {
      this.#fullSince = undefined;
      return false;
    }
    const now = this.#clock.now();
    this.#fullSince ??= now;
    return now - this.#fullSince >= FLOODED_AFTER_MS;
  }
}

// An array with a moving head: shifting only costs an occasional slice.
class Fifo<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    if (this.size === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined;
    if (this.#head === this.#items.length) this.clear();
    else if (this.#head >= 256) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
  }
}

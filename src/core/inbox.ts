/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Messages that change state or go to the user wait here for the end of the event loop's turn; pings
// and acks are answered at once. A bounded queue for each of two priorities, alive claims first: a
// flood costs claims, not acks, and what does not fit is dropped and counted. While more comes than can be
// handled the socket is read first, as the kernel would drop pings as soon as claims.
import type { Address } from '../wire/address.js';
import type { Clock, Timer } from './ports.js';

/** A message that waits: `buf[start]` is its type byte. */
export interface Waiting {
  readonly buf: Buffer;
  readonly start: number;
  readonly end: number;
  readonly from: Address;
}

/** The message's bytes, for keeping. */
export function copyOf({ buf, start, end }: Waiting): Buffer {
  const copy = Buffer.allocUnsafe(end - start);
  buf.copy(copy, 0, start, end);
  return copy;
}

export type Priority = 'high' | 'low';

const MESSAGES_PER_TURN = 512;

// Node reads so many packets from a socket at most before it lets other things happen. Turns that all bring
// as many leave more behind, and pings among it. After a while of that reading goes first.
const PACKETS_OF_A_FULL_READ = 32;
const FLOODED_AFTER_MS = 20;
const MESSAGES_PER_FLOODED_TURN = 64;

/** The handoff queues. */
export class Inbox {
  readonly #clock: Clock;
  readonly #depth: number;
  readonly #handle: (message: Waiting) => void;
  readonly #queues = { high: new Fifo<Waiting>(), low: new Fifo<Waiting>() };
  readonly #counters: { readonly packetsIn: number };
  #turn: Timer | undefined;
  #packetsSeen = 0;
  #fullSince: number | undefined;

  /**
   * @param components.counters - tells of packets that came, with messages for us or without
   * @param init.depth - how many messages may wait in each queue
   * @param init.handle - called for each message in its turn
   */
  constructor(
    components: { clock: Clock; counters: { readonly packetsIn: number } },
    init: { depth: number; handle: (message: Waiting) => void },
  ) {
    this.#clock = components.clock;
    this.#counters = components.counters;
    this.#depth = init.depth;
    this.#handle = init.handle;
  }

  /** Messages that wait now. */
  get size(): number {
    return this.#queues.high.size + this.#queues.low.size;
  }

  /** Lets a message wait; false when its queue is full. */
  add(message: Waiting, priority: Priority): boolean {
    const queue = this.#queues[priority];
    if (queue.size >= this.#depth) return false;
    queue.push(message);
    this.#turn ??= this.#clock.afterTurn(() => this.#work());
    return true;
  }

  /** Forgets everything. */
  clear(): void {
    this.#turn?.cancel();
    this.#turn = undefined;
    this.#queues.high.clear();
    this.#queues.low.clear();
  }

  #work(): void {
    this.#turn = undefined;
    const limit = this.#isFlooded() ? MESSAGES_PER_FLOODED_TURN : MESSAGES_PER_TURN;
    try {
      for (let handled = 0; handled < limit; handled++) {
        const message = this.#queues.high.shift() ?? this.#queues.low.shift();
        if (message === undefined) return;
        this.#handle(message);
      }
    } finally {
      // Also when a message threw: the others come in the next turn.
      if (this.size > 0) this.#turn ??= this.#clock.afterTurn(() => this.#work());
    }
  }

  // Asked once a turn.
  #isFlooded(): boolean {
    const { packetsIn } = this.#counters;
    const came = packetsIn - this.#packetsSeen;
    this.#packetsSeen = packetsIn;
    if (came < PACKETS_OF_A_FULL_READ) {
      this.#fullSince = undefined;
      return false;
    }
    const now = this.#clock.now();
    this.#fullSince ??= now;
    return now - this.#fullSince >= FLOODED_AFTER_MS;
  }
}

// An array with a moving head: shifting costs nothing but an occasional cut.
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

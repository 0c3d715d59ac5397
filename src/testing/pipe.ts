/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One direction of a stream on the in-memory network.

import type { SeededRandom } from './seeded-random.js';

/** TCP retransmits lost data after this time, then after twice as long, and so on, up to this many times. */
const firstRetransmissionMs = 200;
const maxRetransmissions = 6;

/** What a pipe needs from the network: when data arrives, and whether the link is up. */
export interface PipeLink {
  /**
   * Calls back when data that is sent now arrives, and not before earlier data.
   *
   * @param bytes - the length; 0 for TCP's own segments, such as a handshake
   */
  schedule(bytes: number, callback: () => void): void;
  /** Whether the link is up. */
  isUp(): boolean;
  /** Calls back when the link may be up again. */
  whenUp(callback: () => void): void;
}

/**
 * One direction of a stream. Delivers at the far end in order, when the link does. While the link is down the
 * data waits, as with TCP's retransmissions.
 */
export class Pipe {
  readonly #link: PipeLink;
  readonly #queue: (() => void)[] = [];
  #due = 0;
  #waiting = false;

  constructor(link: PipeLink) {
    this.#link = link;
  }

  /** Runs `deliver` when the data arrives at the far end. */
  put(bytes: number, deliver: () => void): void {
    this.#queue.push(deliver);
    this.#link.schedule(bytes, () => {
      this.#due++;
      this.#flush();
    });
  }

  #flush(): void {
    while (this.#due > 0 && this.#link.isUp()) {
      this.#due--;
      this.#queue.shift()?.();
    }
    if (this.#due === 0 || this.#waiting) return;
    this.#waiting = true;
    this.#link.whenUp(() => {
      this.#waiting = false;
      this.#flush();
    });
  }
}

/** The delay of a piece of a stream by retransmissions, in milliseconds. */
export function retransmissionMs(loss: number, random: SeededRandom): number {
  if (loss === 0 || loss >= 1) return 0;
  let total = 0;
  for (let i = 0; i < maxRetransmissions && random.next() < loss; i++) {
    total += firstRetransmissionMs * 2 ** i;
  }
  return total;
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One direction of a stream on the in-memory network.

/** What a pipe needs from the network: when the next thing arrives, and whether it may. */
export interface PipeLink {
  /**
   * Calls back once what is sent now has arrived, and no earlier than what was sent before it.
   *
   * @param bytes - how much it is; 0 for what is said by TCP itself
   */
  schedule(bytes: number, callback: () => void): void;
  /** Whether the link carries anything at present. */
  isUp(): boolean;
  /** Asks to be called back once the link may be up again. */
  whenMended(callback: () => void): void;
}

/**
 * One direction of a stream. What is put in happens at the far end, in order, as the link delivers
 * it; while the link is down it waits, as TCP sends again until it gets through.
 */
export class Pipe {
  readonly #link: PipeLink;
  readonly #queue: (() => void)[] = [];
  #ripe = 0;
  #waiting = false;

  constructor(link: PipeLink) {
    this.#link = link;
  }

  /** Makes `deliver` happen at the far end. */
  put(bytes: number, deliver: () => void): void {
    this.#queue.push(deliver);
    this.#link.schedule(bytes, () => {
      this.#ripe++;
      this.#flush();
    });
  }

  #flush(): void {
    while (this.#ripe > 0 && this.#link.isUp()) {
      this.#ripe--;
      this.#queue.shift()?.();
    }
    if (this.#ripe === 0 || this.#waiting) return;
    this.#waiting = true;
    this.#link.whenMended(() => {
      this.#waiting = false;
      this.#flush();
    });
  }
}

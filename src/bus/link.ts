/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Sends frames to peers, by packet where they fit and otherwise over a stream. A frame that cannot be sent is like a lost
// packet: repair follows.
import type { ExtensionContext } from '../index.js';

/** The way to the peers. */
export class Link {
  readonly #context: ExtensionContext;

  constructor(context: ExtensionContext) {
    this.#context = context;
  }

  /** Bytes of the longest frame in a packet. */
  get packetBytes(): number {
    return this.#context.packetBudget;
  }

  /** Sends a frame; whether it arrives is not known. */
  send(to: string, frame: Uint8Array): void {
    const sent =
      frame.length <= this.packetBytes
        ? this.#context.sendToAll([to], frame)
        : this.#context.sendReliable(to, frame);
    sent.catch(() => undefined);
  }

  /** Sends one packet to several peers. Resolves when the system has taken the packets; never rejects. */
  async sendToAll(to: Iterable<string>, frame: Uint8Array): Promise<void> {
    try {
      await this.#context.sendToAll(to, frame);
    } catch {
      // The node was shut down.
    }
  }

  /** Sends a frame over a stream. Resolves when it was sent or failed. */
  async stream(to: string, frame: Uint8Array): Promise<void> {
    try {
      await this.#context.sendReliable(to, frame);
    } catch {
      // The peer is gone or does not answer; if it returns, it learns from digests what it lacks.
    }
  }
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Encoding and compressing the state of a large table takes time. When many peers request it at once, or one peer often,
// they get the same message. This bounds the share of its time that a node spends on answers.
import type { Clock, Timer } from '../core/ports.js';
import { shareMessage } from '../wire/shared-messages.js';

/** A message is reused for this multiple of the time that its encoding took. */
const REUSE_FACTOR = 20;
/** The longest time for which a message is reused, in milliseconds. */
const MAX_REUSE_MS = 1_000;
/** Messages whose encoding took fewer milliseconds are not kept. */
const MIN_ENCODING_MS = 2;

interface Kept {
  readonly message: Buffer;
  readonly join: boolean;
  readonly userState: Buffer;
  readonly expiry: Timer;
}

/** The last state message that was sent as an answer, while it is recent enough to be reused. */
export class RecentState {
  readonly #clock: Clock;
  #kept: Kept | undefined;

  constructor(components: { clock: Clock }) {
    this.#clock = components.clock;
  }

  /** The message with this content; undefined when there is none, or it is too old. */
  find(join: boolean, userState: Buffer): Buffer | undefined {
    const kept = this.#kept;
    if (kept?.join !== join || !kept.userState.equals(userState)) return undefined;
    return kept.message;
  }

  /** Keeps a message in place of the previous one, if its encoding took long enough. */
  keep(message: Buffer, content: { join: boolean; userState: Buffer }, encodingMs: number): void {
    if (encodingMs < MIN_ENCODING_MS) return;
    this.drop();
    shareMessage(message);
    const expiry = this.#clock.setTimer(Math.min(MAX_REUSE_MS, REUSE_FACTOR * encodingMs), () => {
      this.#kept = undefined;
    });
    this.#kept = { message, ...content, expiry };
  }

  /** Releases the message. */
  drop(): void {
    this.#kept?.expiry.cancel();
    this.#kept = undefined;
  }
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The state of a large table takes a while to encode and compress. When many peers ask for it at once, or one peer
// asks often, they get the same message: so the share of its time that a node spends on answers is bounded.
import type { Clock, Timer } from '../core/ports.js';
import { shareMessage } from '../wire/shared-messages.js';

/** A message is given again for so many times the time that its encoding took. */
const REUSE_FACTOR = 20;
/** A message is given again for at most so many milliseconds. */
const MAX_REUSE_MS = 1_000;
/** A message whose encoding took fewer milliseconds is not kept. */
const MIN_ENCODING_MS = 2;

interface Kept {
  readonly message: Buffer;
  readonly join: boolean;
  readonly userState: Buffer;
  readonly expiry: Timer;
}

/** The last state message that was sent as an answer, while it is new enough to be sent again. */
export class RecentState {
  readonly #clock: Clock;
  #kept: Kept | undefined;

  constructor(components: { clock: Clock }) {
    this.#clock = components.clock;
  }

  /** The message with this content, unless it is too old. */
  find(join: boolean, userState: Buffer): Buffer | undefined {
    const kept = this.#kept;
    if (kept?.join !== join || !kept.userState.equals(userState)) return undefined;
    return kept.message;
  }

  /** Keeps a message for a while, in place of the one before, if its encoding took long enough. */
  keep(message: Buffer, content: { join: boolean; userState: Buffer }, encodingMs: number): void {
    if (encodingMs < MIN_ENCODING_MS) return;
    this.drop();
    shareMessage(message);
    const expiry = this.#clock.setTimer(Math.min(MAX_REUSE_MS, REUSE_FACTOR * encodingMs), () => {
      this.#kept = undefined;
    });
    this.#kept = { message, ...content, expiry };
  }

  /** Keeps nothing any more. */
  drop(): void {
    this.#kept?.expiry.cancel();
    this.#kept = undefined;
  }
}

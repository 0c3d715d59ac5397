/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// How much a peer may make this node send: packets by a token bucket, and one stream at a time.
import type { Clock } from '../index.js';
import { stateLimits } from './limits.js';

interface Allowance {
  packets: number;
  at: number;
  isStreaming: boolean;
  streamEndedAt: number;
  isGone: boolean;
}

/** The allowances of all peers. */
export class PeerAllowances {
  readonly #clock: Clock;
  readonly #peers = new Map<string, Allowance>();
  #streams = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A member is gone. */
  forget(name: string): void {
    const allowance = this.#peers.get(name);
    if (allowance === undefined) return;
    if (allowance.isStreaming) allowance.isGone = true;
    else this.#peers.delete(name);
  }

  /** Takes room for packets to a peer; returns how many may be sent. */
  takePackets(name: string, wanted: number): number {
    const now = this.#clock.now();
    const allowance = this.#of(name);
    const earned = ((now - allowance.at) / 1_000) * stateLimits.answersPerSecond;
    allowance.packets = Math.min(stateLimits.answerBurst, allowance.packets + earned);
    allowance.at = now;
    const granted = Math.min(wanted, Math.floor(allowance.packets));
    allowance.packets -= granted;
    return granted;
  }

  /** Whether a stream to a peer can be opened now. */
  mayStream(name: string): boolean {
    const { isStreaming, streamEndedAt } = this.#of(name);
    if (isStreaming || this.#streams >= stateLimits.streams) return false;
    return this.#clock.now() - streamEndedAt >= stateLimits.streamPauseMs;
  }

  /** Counts a stream to a peer until it ends. */
  streaming(name: string, stream: Promise<void>): void {
    const allowance = this.#of(name);
    allowance.isStreaming = true;
    allowance.isGone = false;
    this.#streams++;
    const ended = (): void => {
      allowance.isStreaming = false;
      allowance.streamEndedAt = this.#clock.now();
      this.#streams--;
      if (allowance.isGone && this.#peers.get(name) === allowance) this.#peers.delete(name);
    };
    stream.then(ended, ended);
  }

  #of(name: string): Allowance {
    let allowance = this.#peers.get(name);
    if (allowance === undefined) {
      const now = this.#clock.now();
      const packets = stateLimits.answerBurst;
      allowance = { packets, at: now, isStreaming: false, streamEndedAt: -Infinity, isGone: false };
      this.#peers.set(name, allowance);
    }
    return allowance;
  }
}

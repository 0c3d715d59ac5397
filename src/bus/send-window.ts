/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Limits how far a publisher is ahead of the members that it sends to directly: packets that a receiver cannot process in
// time are lost in its socket, and would have to be repaired. Receivers acknowledge after some bytes. A member that does
// not keep up delays the publisher for a moment only; then it has to catch up by repair.
import type { Clock, Timer } from '../index.js';
import { busLimits } from './limits.js';

/** Milliseconds without an acknowledgment after which a member no longer delays the publisher. */
const PATIENCE_MS = 50;
/** Positions that are remembered. */
const MARKS = 1_024;

interface Receiver {
  /** Bytes that it has acknowledged, of all that were sent. */
  acknowledged: number;
  isSlow: boolean;
}

/** The window of one publisher. */
export class SendWindow {
  readonly #clock: Clock;
  readonly #receivers = new Map<string, Receiver>();
  /** The bytes that were sent up to a sequence number, ascending. */
  #marks: { readonly seq: number; readonly bytes: number }[] = [];
  #sent = 0;
  #wake: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Messages up to this number were sent. */
  sent(seq: number, bytes: number): void {
    this.#sent += bytes;
    this.#marks.push({ seq, bytes: this.#sent });
    if (this.#marks.length > 2 * MARKS) this.#marks = this.#marks.slice(-MARKS);
  }

  /** A member has delivered everything up to this number. */
  acknowledged(name: string, seq: number): void {
    const receiver = this.#receivers.get(name);
    if (receiver === undefined) return;
    let bytes = receiver.acknowledged;
    let [low, end] = [0, this.#marks.length];
    while (low < end) {
      const middle = (low + end) >> 1;
      const mark = this.#marks[middle] as { seq: number; bytes: number };
      if (mark.seq <= seq) {
        bytes = Math.max(bytes, mark.bytes);
        low = middle + 1;
      } else end = middle;
    }
    receiver.acknowledged = bytes;
    receiver.isSlow = !this.#isNear(receiver);
    this.#wake?.();
  }

  peerLeft(name: string): void {
    this.#receivers.delete(name);
    this.#wake?.();
  }

  /** Whether more may be sent to these members now. */
  hasRoom(names: readonly string[]): boolean {
    for (const name of names) {
      const receiver = this.#receivers.get(name);
      if (receiver === undefined) {
        this.#receivers.set(name, { acknowledged: this.#sent, isSlow: false });
      } else if (!receiver.isSlow && !this.#isNear(receiver)) return false;
    }
    return true;
  }

  /** Resolves when more may be sent to these members. */
  async room(names: () => readonly string[]): Promise<void> {
    while (!this.hasRoom(names())) {
      const { promise, timer } = this.#next();
      await promise;
      timer.cancel();
    }
  }

  /** Lets the publisher continue. */
  stop(): void {
    this.#receivers.clear();
    this.#wake?.();
  }

  /** The next acknowledgment, or the end of the patience. */
  #next(): { promise: Promise<void>; timer: Timer } {
    let timer: Timer = { cancel: () => undefined };
    const promise = new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = this.#clock.setTimer(PATIENCE_MS, () => {
        for (const receiver of this.#receivers.values()) {
          if (!this.#isNear(receiver)) receiver.isSlow = true;
        }
        resolve();
      });
    });
    return { promise, timer };
  }

  #isNear({ acknowledged }: Receiver): boolean {
    return this.#sent - acknowledged <= busLimits.windowBytes;
  }
}

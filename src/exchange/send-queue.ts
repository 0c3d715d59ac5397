/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Limits the number of messages that a node sends over streams concurrently. Go memberlist accepts any number of
// streams; this library has a limit (`streamsPerSource`) and resets further streams from the same sender. Therefore a
// few messages are in transit to each peer, and the others wait in order. Peers take turns, so that a slow peer
// delays no other peer.
import type { Clock } from '../core/ports.js';
import { BusyError, ShutdownError, TimeoutError } from '../errors.js';
import { limits } from '../wire/limits.js';

interface Waiting {
  readonly bytes: number;
  readonly start: () => void;
  readonly reject: (reason: Error) => void;
}

interface Peer {
  inTransit: number;
  readonly waiting: Set<Waiting>;
}

/** A message to send: its peer, its size, and the time that it may wait. */
export interface Sending {
  /** `'ip:port'`. */
  readonly to: string;
  readonly bytes: number;
  /** Milliseconds after which a message that still waits is rejected. */
  readonly timeoutMs: number;
}

/** Starts each message when the limits allow it. */
export class SendQueue {
  readonly #clock: Clock;
  /** Peers with messages in transit or waiting. */
  readonly #peers = new Map<string, Peer>();
  /** Peers whose next message may start as soon as the total limit allows it; the first peer is next. */
  readonly #ready = new Set<string>();
  #inTransit = 0;
  #waiting = 0;
  #waitingBytes = 0;
  #isStopped = false;

  constructor(components: { clock: Clock }) {
    this.#clock = components.clock;
  }

  /** The number of waiting messages. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Runs the work as soon as the limits allow it.
   *
   * @param work - receives the remaining milliseconds of `timeoutMs`
   * @throws BusyError when the queue is full; TimeoutError when the message cannot start in time; ShutdownError;
   *   any error of the work
   */
  async run<T>(sending: Sending, work: (leftMs: number) => Promise<T>): Promise<T> {
    if (this.#isStopped) throw new ShutdownError('sending a message');
    const { to, timeoutMs } = sending;
    const peer = this.#peers.get(to) ?? { inTransit: 0, waiting: new Set() };
    this.#peers.set(to, peer);
    let leftMs = timeoutMs;
    if (peer.inTransit < limits.sendsPerPeer && this.#inTransit < limits.sends) {
      this.#begin(peer);
    } else {
      const since = this.#clock.now();
      await this.#wait(peer, sending);
      leftMs -= this.#clock.now() - since;
    }
    try {
      // In a busy process timers are late, and the message may start after its timeout.
      if (leftMs <= 0) throw tooLate(sending);
      return await work(leftMs);
    } finally {
      this.#end(to, peer);
    }
  }

  /** Rejects all waiting messages; no further message starts. Messages in transit continue. */
  stop(): void {
    this.#isStopped = true;
    for (const { waiting } of [...this.#peers.values()]) {
      for (const { reject } of [...waiting]) reject(new ShutdownError('sending a message'));
    }
  }

  #wait(peer: Peer, sending: Sending): Promise<void> {
    const { to, bytes, timeoutMs } = sending;
    const isFull =
      this.#waiting >= limits.waitingSends || this.#waitingBytes + bytes > limits.waitingSendBytes;
    if (isFull) {
      this.#removeIdle(to, peer);
      return Promise.reject(new BusyError(this.#waiting, this.#waitingBytes));
    }
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        timer.cancel();
        peer.waiting.delete(waiting);
        this.#waiting--;
        this.#waitingBytes -= bytes;
        if (peer.waiting.size === 0) this.#ready.delete(to);
      };
      const waiting: Waiting = {
        bytes,
        start: () => {
          leave();
          this.#begin(peer);
          resolve();
        },
        reject: (reason) => {
          leave();
          this.#removeIdle(to, peer);
          reject(reason);
        },
      };
      const timer = this.#clock.setTimer(timeoutMs, () => waiting.reject(tooLate(sending)));
      peer.waiting.add(waiting);
      this.#waiting++;
      this.#waitingBytes += bytes;
      if (peer.inTransit < limits.sendsPerPeer) this.#ready.add(to);
    });
  }

  #begin(peer: Peer): void {
    peer.inTransit++;
    this.#inTransit++;
  }

  #end(to: string, peer: Peer): void {
    peer.inTransit--;
    this.#inTransit--;
    if (peer.waiting.size > 0) this.#ready.add(to);
    this.#removeIdle(to, peer);
    this.#startNext();
  }

  #startNext(): void {
    for (const to of this.#ready) {
      if (this.#inTransit >= limits.sends) return;
      // The peer moves to the end of the queue, if it may start another message.
      this.#ready.delete(to);
      const peer = this.#peers.get(to);
      const [next] = peer?.waiting ?? [];
      next?.start();
      const hasRoom = peer !== undefined && peer.inTransit < limits.sendsPerPeer;
      if (hasRoom && peer.waiting.size > 0) this.#ready.add(to);
    }
  }

  #removeIdle(to: string, peer: Peer): void {
    if (peer.inTransit === 0 && peer.waiting.size === 0) this.#peers.delete(to);
  }
}

function tooLate({ to, timeoutMs }: Sending): TimeoutError {
  return new TimeoutError(`sending a message to ${to}, which was queued behind others,`, timeoutMs);
}

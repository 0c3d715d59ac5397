/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// How many messages a node sends over streams at a time. Go memberlist has no limit on the streams that it
// accepts; this library has one (`streamsPerSource`), and a sender that opens more streams than that to one peer
// has them reset. So a few are under way to each peer, and the others wait, first come, first served. Peers take
// turns, so that one that is slow delays no other.
import type { Clock } from '../core/ports.js';
import { BusyError, ShutdownError, TimeoutError } from '../errors.js';
import { limits } from '../wire/limits.js';

interface Waiting {
  readonly bytes: number;
  readonly start: () => void;
  readonly giveUp: (reason: Error) => void;
}

interface Peer {
  underWay: number;
  readonly waiting: Set<Waiting>;
}

/** What is to be sent: to which peer, how large it is, and how long it may wait. */
export interface Sending {
  /** `'ip:port'`. */
  readonly to: string;
  readonly bytes: number;
  /** Milliseconds until it is given up, if its turn has not come. */
  readonly timeoutMs: number;
}

/** Lets work begin when its turn has come. */
export class SendQueue {
  readonly #clock: Clock;
  /** Peers to which something is under way, or for which something waits. */
  readonly #peers = new Map<string, Peer>();
  /** Peers whose next message may begin as soon as the total allows it; the first is next. */
  readonly #ready = new Set<string>();
  #underWay = 0;
  #waiting = 0;
  #waitingBytes = 0;
  #isStopped = false;

  constructor(components: { clock: Clock }) {
    this.#clock = components.clock;
  }

  /** Messages that wait. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Does the work when its turn has come; at once, if there is room.
   *
   * @param work - is given the milliseconds that are left of `timeoutMs`
   * @throws BusyError when too much waits; TimeoutError when its turn does not come in time; ShutdownError;
   *   whatever the work throws
   */
  async run<T>(sending: Sending, work: (leftMs: number) => Promise<T>): Promise<T> {
    if (this.#isStopped) throw new ShutdownError('sending a message');
    const { to, timeoutMs } = sending;
    const peer = this.#peers.get(to) ?? { underWay: 0, waiting: new Set() };
    this.#peers.set(to, peer);
    let leftMs = timeoutMs;
    if (peer.underWay < limits.sendsPerPeer && this.#underWay < limits.sends) {
      this.#begin(peer);
    } else {
      const since = this.#clock.now();
      await this.#turn(peer, sending);
      leftMs -= this.#clock.now() - since;
    }
    try {
      // Where this process is busy, timers are late, and the turn may come first.
      if (leftMs <= 0) throw tooLate(sending);
      return await work(leftMs);
    } finally {
      this.#end(to, peer);
    }
  }

  /** Gives up what waits; nothing begins any more. What is under way is not stopped. */
  stop(): void {
    this.#isStopped = true;
    for (const { waiting } of [...this.#peers.values()]) {
      for (const { giveUp } of [...waiting]) giveUp(new ShutdownError('sending a message'));
    }
  }

  #turn(peer: Peer, sending: Sending): Promise<void> {
    const { to, bytes, timeoutMs } = sending;
    const isFull =
      this.#waiting >= limits.waitingSends || this.#waitingBytes + bytes > limits.waitingSendBytes;
    if (isFull) {
      this.#forgetIdle(to, peer);
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
        giveUp: (reason) => {
          leave();
          this.#forgetIdle(to, peer);
          reject(reason);
        },
      };
      const timer = this.#clock.setTimer(timeoutMs, () => waiting.giveUp(tooLate(sending)));
      peer.waiting.add(waiting);
      this.#waiting++;
      this.#waitingBytes += bytes;
      if (peer.underWay < limits.sendsPerPeer) this.#ready.add(to);
    });
  }

  #begin(peer: Peer): void {
    peer.underWay++;
    this.#underWay++;
  }

  #end(to: string, peer: Peer): void {
    peer.underWay--;
    this.#underWay--;
    if (peer.waiting.size > 0) this.#ready.add(to);
    this.#forgetIdle(to, peer);
    this.#startNext();
  }

  #startNext(): void {
    for (const to of this.#ready) {
      if (this.#underWay >= limits.sends) return;
      // It goes to the end of the line, if it may begin one more.
      this.#ready.delete(to);
      const peer = this.#peers.get(to);
      const [next] = peer?.waiting ?? [];
      next?.start();
      const hasRoom = peer !== undefined && peer.underWay < limits.sendsPerPeer;
      if (hasRoom && peer.waiting.size > 0) this.#ready.add(to);
    }
  }

  #forgetIdle(to: string, peer: Peer): void {
    if (peer.underWay === 0 && peer.waiting.size === 0) this.#peers.delete(to);
  }
}

function tooLate({ to, timeoutMs }: Sending): TimeoutError {
  return new TimeoutError(`sending a message to ${to}, which waits behind others,`, timeoutMs);
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Limited bandwidth: data of one sender or one link is sent one after the other.

import type { LinkOptions } from './links.js';

/** Sends at a limited rate, one packet or piece of a stream after the other. */
export class SendQueue {
  readonly bandwidth: number;
  readonly bufferBytes: number;
  #freeAt = -Infinity;

  /**
   * @param bandwidth - bytes per second
   * @param bufferBytes - how many bytes may wait before packets are dropped
   */
  constructor(bandwidth: number, bufferBytes: number) {
    this.bandwidth = bandwidth;
    this.bufferBytes = bufferBytes;
  }

  /**
   * Milliseconds until `bytes` that are queued at `now` are sent.
   *
   * @returns undefined if they may be dropped and the queue is too long
   */
  delay(now: number, bytes: number, mayDrop: boolean): number | undefined {
    const startAt = Math.max(now, this.#freeAt);
    const waitingBytes = ((startAt - now) * this.bandwidth) / 1000;
    if (mayDrop && waitingBytes > this.bufferBytes) return undefined;
    this.#freeAt = startAt + (bytes * 1000) / this.bandwidth;
    return this.#freeAt - now;
  }
}

/** The existing queue if it has these limits, otherwise a new one; undefined for unlimited bandwidth. */
export function queueFor(
  { bandwidth, bufferBytes = bandwidth }: Pick<LinkOptions, 'bandwidth' | 'bufferBytes'>,
  queue?: SendQueue,
): SendQueue | undefined {
  if (bandwidth === undefined || bandwidth === Infinity) return undefined;
  const isSame = queue?.bandwidth === bandwidth && queue.bufferBytes === bufferBytes;
  return isSame ? queue : new SendQueue(bandwidth, bufferBytes ?? bandwidth);
}

/** The queues of senders in a network with limited bandwidth. Each sender has one for all its links. */
export class Uplinks {
  readonly #queues = new Map<string, SendQueue>();

  /**
   * Milliseconds until `bytes` have passed the sender's queue and the queue of the link.
   *
   * @param send.options - the options of the whole network
   * @param send.link - the queue of the link; undefined if it has no bandwidth of its own
   * @returns undefined if they are dropped
   */
  delay(
    from: string,
    now: number,
    send: {
      readonly options: LinkOptions;
      readonly link: SendQueue | undefined;
      readonly bytes: number;
      readonly mayDrop: boolean;
    },
  ): number | undefined {
    const { options, link, bytes, mayDrop } = send;
    let uplinkMs: number | undefined = 0;
    if (options.bandwidth !== undefined) {
      const queue = queueFor(options, this.#queues.get(from));
      if (queue) {
        this.#queues.set(from, queue);
        uplinkMs = queue.delay(now, bytes, mayDrop);
        if (uplinkMs === undefined) return undefined;
      }
    }
    if (!link) return uplinkMs;
    const linkMs = link.delay(now + uplinkMs, bytes, mayDrop);
    return linkMs === undefined ? undefined : uplinkMs + linkMs;
  }
}

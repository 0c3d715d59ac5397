/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Fetches what is missing: from the publisher, then from random members, one fetch at a time for each publisher.
import type { Timer } from '../index.js';
import type { BusNode } from './bus-node.js';
import { encodeFrame } from './encode.js';
import type { RepairFrame } from './frames.js';
import type { PublisherStream } from './publisher-stream.js';
import type { Publishers } from './publishers.js';

/** Milliseconds that a packet may be behind a later one. */
const REORDER_MS = 10;
/** Milliseconds until messages that only another member is known to have are fetched from it. */
const OFFER_MS = 50;
/** Milliseconds until an unanswered fetch is repeated, by attempt; the last one for all further attempts. */
const RETRY_MS = [100, 100, 200, 200, 300, 400, 400, 400, 600, 800, 1_000, 2_000];

interface Fetching {
  timer: Timer | undefined;
  /** When the timer fires. */
  at: number;
  attempts: number;
  /** The member that was asked last. */
  asked: string | undefined;
  /** Since when the next message is missing. */
  since: number;
  stuckAt: number;
}

/** The fetches of one node. */
export class Repair {
  readonly #node: BusNode;
  readonly #publishers: Publishers;
  readonly #fetching = new Map<PublisherStream, Fetching>();

  constructor(node: BusNode, publishers: Publishers) {
    this.#node = node;
    this.#publishers = publishers;
  }

  /**
   * Fetches soon if something is missing.
   *
   * @param delayMs - how long to wait for messages that are on their way. Default: a short time
   */
  check(stream: PublisherStream, delayMs?: number): void {
    const known = this.#fetching.get(stream);
    if (!isMissing(stream)) {
      if (known !== undefined) this.forget(stream);
      return;
    }
    const delay = delayMs ?? (stream.isBehind ? REORDER_MS : OFFER_MS);
    const now = this.#node.context.clock.now();
    if (known === undefined) {
      const { next: stuckAt } = stream;
      const fetching = {
        timer: undefined,
        at: 0,
        attempts: 0,
        asked: undefined,
        since: now,
        stuckAt,
      };
      this.#fetching.set(stream, fetching);
      this.#schedule(stream, fetching, delay);
    } else if (known.attempts === 0 && now + delay < known.at) {
      this.#schedule(stream, known, delay);
    }
  }

  forget(stream: PublisherStream): void {
    this.#fetching.get(stream)?.timer?.cancel();
    this.#fetching.delete(stream);
  }

  /** Whether this member was asked for messages of this publisher. */
  isExpected(stream: PublisherStream, from: string): boolean {
    return this.#fetching.get(stream)?.asked === from;
  }

  /** The answer to a fetch, whose messages the stream has received. */
  answered(stream: PublisherStream, from: string, frame: RepairFrame, fresh: number): void {
    const fetching = this.#fetching.get(stream);
    if (fetching?.asked !== from) return;
    const isPublisher = from === stream.publisher;
    if (isPublisher) {
      stream.raise(frame.high, stream.final === frame.high);
      // The publisher says that the others are gone.
      if (frame.isLast && frame.lowest > stream.next) stream.skipTo(frame.lowest);
    } else if (fresh === 0 && frame.isLast) stream.offers.delete(from);
    if (!isMissing(stream)) return this.forget(stream);
    if (!frame.isLast) return;
    if (fresh > 0) {
      fetching.attempts = 0;
      this.#fetch(stream, fetching, from);
    } else {
      // Another member may offer them; otherwise no member is asked more often.
      this.#schedule(stream, fetching, stream.offers.size > 0 ? 1 : retryMs(fetching));
    }
  }

  #schedule(stream: PublisherStream, fetching: Fetching, delayMs: number): void {
    const { clock } = this.#node.context;
    fetching.timer?.cancel();
    fetching.at = clock.now() + delayMs;
    fetching.timer = clock.setTimer(delayMs, () => this.#fetch(stream, fetching));
  }

  #fetch(stream: PublisherStream, fetching: Fetching, again?: string): void {
    if (!isMissing(stream)) return this.forget(stream);
    const { context, link, meters, name, options } = this.#node;
    const now = context.clock.now();
    if (fetching.stuckAt !== stream.next) {
      fetching.stuckAt = stream.next;
      fetching.since = now;
    } else if (now - fetching.since > options.retention.age) {
      // No member has it any longer, or none answers.
      stream.offers.clear();
      if (!stream.isBehind) return this.forget(stream);
      stream.skipHole();
      return this.#schedule(stream, fetching, 1);
    }
    const target = again ?? this.#target(stream, fetching);
    fetching.asked = target;
    this.#schedule(stream, fetching, retryMs(fetching));
    fetching.attempts++;
    if (target === undefined) return;
    const high = stream.isBehind ? stream.high : (stream.offers.get(target) ?? stream.high);
    const ranges = stream.missing(high);
    if (ranges.length === 0) return;
    meters.fetches.inc();
    const publisher = target === stream.publisher ? '' : stream.publisher;
    const { boot } = stream;
    // A member that fetches its own messages would be a mistake of this node.
    if (target !== name) link.send(target, encodeFrame({ type: 'fetch', publisher, boot, ranges }));
  }

  #target(stream: PublisherStream, { attempts }: Fetching): string | undefined {
    const { peers, context } = this.#node;
    for (const name of stream.offers.keys()) if (!peers.has(name)) stream.offers.delete(name);
    const offers = [...stream.offers].filter(([, high]) => high >= stream.next);
    const isHere = peers.has(stream.publisher) && !this.#publishers.isEnded(stream);
    const [offer] = offers[Math.floor(context.random.next() * offers.length)] ?? [];
    if (!stream.isBehind) return offer;
    if (isHere && attempts % 3 !== 2) return stream.publisher;
    return offer ?? peers.sample(1, (name) => name === stream.publisher)[0];
  }
}

function isMissing(stream: PublisherStream): boolean {
  return stream.isBehind || stream.highestOffer >= stream.next;
}

function retryMs({ attempts }: Fetching): number {
  return RETRY_MS[Math.min(attempts, RETRY_MS.length - 1)] ?? 0;
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A node attaches to a publisher with the first message or digest of it: it asks that publisher where to begin (`hello`,
// `welcome`). Only the publisher itself can answer, so claims of others about boot ids create no state.
import type { Timer } from '../index.js';
import type { BusNode } from './bus-node.js';
import { encodeFrame } from './encode.js';
import type { WelcomeFrame } from './frames.js';
import { busLimits } from './limits.js';
import type { PublisherStream } from './publisher-stream.js';
import type { Publishers } from './publishers.js';
import type { BusRecord } from './records.js';

/** Milliseconds until the first contact is repeated, by attempt. */
const RETRY_MS = [50, 100, 100, 200, 200, 400, 400, 800, 1_000, 2_000, 2_000, 2_000];
/** Milliseconds in which claims of others about a publisher are ignored after it has answered. */
const QUIET_MS = 10_000;

interface Waiting {
  /** Messages, by boot id. */
  readonly messages: Map<string, BusRecord[]>;
  bytes: number;
  count: number;
  attempts: number;
  /** When it was asked first. */
  readonly since: number;
  /** Whether it lists this node for longer than this incarnation exists. */
  isRestarted: boolean;
  timer: Timer | undefined;
}

/** The publishers that were asked where to begin. */
export class Attachments {
  readonly #node: BusNode;
  readonly #publishers: Publishers;
  readonly #attached: (stream: PublisherStream) => void;
  readonly #waiting = new Map<string, Waiting>();
  readonly #answeredAt = new Map<string, number>();

  /** @param attached - called when a publisher has sent where to begin, and its waiting messages were received */
  constructor(node: BusNode, publishers: Publishers, attached: (stream: PublisherStream) => void) {
    this.#node = node;
    this.#publishers = publishers;
    this.#attached = attached;
  }

  /**
   * A message or digest names a publisher that this node is not attached to.
   *
   * @param boot - the boot id in it; undefined to learn which one it is
   * @param how.isDirect - whether the publisher itself sent it
   * @param how.records - messages that wait for its answer
   */
  contact(
    name: string,
    boot: string | undefined,
    how: { isDirect: boolean; records?: readonly BusRecord[] },
  ): void {
    const { peers, meters, context } = this.#node;
    if (!peers.has(name)) {
      this.#publishers.mentioned(name);
      return meters.drop('unknown-publisher');
    }
    let waiting = this.#waiting.get(name);
    if (waiting === undefined) {
      const quietUntil = (this.#answeredAt.get(name) ?? -Infinity) + QUIET_MS;
      if (!how.isDirect && context.clock.now() < quietUntil) return;
      if (this.#waiting.size >= busLimits.pendingPublishers) return meters.drop('pending-full');
      waiting = {
        ...{ messages: new Map(), bytes: 0, count: 0, attempts: 0, timer: undefined },
        ...{ since: context.clock.now(), isRestarted: false },
      };
      this.#waiting.set(name, waiting);
      this.#ask(name, waiting);
    }
    if (boot !== undefined && how.records !== undefined) this.#keep(waiting, boot, how.records);
  }

  /** A publisher answered. */
  welcome(name: string, frame: WelcomeFrame): void {
    const { boot, base, high, ageMs } = frame;
    const waiting = this.#waiting.get(name);
    if (waiting === undefined || frame.to !== this.#node.boot) {
      return this.#node.meters.drop('unexpected');
    }
    waiting.timer?.cancel();
    const now = this.#node.context.clock.now();
    // It has listed this node since before this incarnation started: `base` is that of an earlier one.
    const isEarlier = frame.listedMs > now - this.#node.startedAt;
    if (isEarlier && !waiting.isRestarted && this.#publishers.get(name, boot) === undefined) {
      waiting.isRestarted = true;
      waiting.attempts = 0;
      return this.#ask(name, waiting);
    }
    this.#waiting.delete(name);
    this.#answeredAt.set(name, now);
    const records = waiting.messages.get(boot) ?? [];
    let stream = this.#publishers.get(name, boot);
    if (this.#publishers.isOnly(name, stream)) {
      // An incarnation that is younger than its place in the member list has a predecessor.
      const listedFor = waiting.since - (this.#node.peers.listedAt(name) ?? now);
      if (ageMs < listedFor && stream?.isVerified !== true) this.#publishers.unheard(name);
    }
    if (stream === undefined) {
      const first = records.reduce((lowest, { seq }) => Math.min(lowest, seq), Infinity);
      stream = this.#publishers.open(name, boot, Math.min(base + 1, first));
    }
    stream.isVerified = true;
    this.#publishers.heardAgain(name);
    this.#publishers.revive(stream);
    stream.raise(high);
    stream.receive(records);
    this.#attached(stream);
  }

  /** A member is gone: it will not answer. */
  peerLeft(name: string): void {
    const waiting = this.#waiting.get(name);
    waiting?.timer?.cancel();
    this.#waiting.delete(name);
    this.#answeredAt.delete(name);
    if (waiting !== undefined) this.#publishers.mentioned(name);
  }

  #ask(name: string, waiting: Waiting): void {
    const { link, context, boot, startedAt, options } = this.#node;
    const delay = RETRY_MS[waiting.attempts++];
    if (delay === undefined) {
      // The next message or digest starts again; the publisher remembers where this node begins.
      this.#waiting.delete(name);
      return;
    }
    const ageMs = context.clock.now() - startedAt;
    const wantsRetained = options.since === 'retained';
    const { isRestarted } = waiting;
    link.send(name, encodeFrame({ type: 'hello', boot, ageMs, wantsRetained, isRestarted }));
    waiting.timer = context.clock.setTimer(delay, () => this.#ask(name, waiting));
  }

  #keep(waiting: Waiting, boot: string, records: readonly BusRecord[]): void {
    const { messages } = waiting;
    let kept = messages.get(boot);
    if (kept === undefined) {
      if (messages.size >= busLimits.pendingBoots) {
        return this.#node.meters.drop('pending-full', records.length);
      }
      messages.set(boot, (kept = []));
    }
    for (const record of records) {
      const { length } = record.body;
      const isFull =
        waiting.count >= busLimits.pendingMessages ||
        waiting.bytes + length > busLimits.pendingBytes;
      if (isFull) {
        this.#node.meters.drop('pending-full');
        continue;
      }
      waiting.count++;
      waiting.bytes += length;
      kept.push(record);
    }
  }
}

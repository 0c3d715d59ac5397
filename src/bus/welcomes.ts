/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Where each member begins with this node's messages: it receives what is published after this node listed it.
import type { BusNode } from './bus-node.js';
import { encodeFrame } from './encode.js';
import type { HelloFrame } from './frames.js';
import type { Outgoing } from './outgoing.js';

/** Members that are gone, beyond which those that are gone for long are forgotten. */
const GONE_MEMBERS = 4_096;

interface Base {
  /** The highest number when this node listed the member. */
  readonly seq: number;
  readonly at: number;
  goneAt: number | undefined;
}

/** Answers `hello`. */
export class Welcomes {
  readonly #node: BusNode;
  readonly #outgoing: Outgoing;
  readonly #bases = new Map<string, Base>();

  constructor(node: BusNode, outgoing: Outgoing) {
    this.#node = node;
    this.#outgoing = outgoing;
  }

  peerJoined(name: string): void {
    const now = this.#node.context.clock.now();
    const known = this.#bases.get(name);
    if (known !== undefined && !this.#isLongGone(known)) known.goneAt = undefined;
    else this.#bases.set(name, { seq: this.#outgoing.high, at: now, goneAt: undefined });
  }

  peerLeft(name: string, reason: 'left' | 'failed'): void {
    if (reason === 'left') return void this.#bases.delete(name);
    const known = this.#bases.get(name);
    if (known !== undefined) known.goneAt = this.#node.context.clock.now();
    if (this.#bases.size < GONE_MEMBERS + this.#node.peers.size) return;
    for (const [each, base] of this.#bases) if (this.#isLongGone(base)) this.#bases.delete(each);
  }

  answer(name: string, hello: HelloFrame): void {
    const { boot, link, startedAt, context } = this.#node;
    const base = this.#baseOf(name, hello);
    const now = context.clock.now();
    const ageMs = now - startedAt;
    const listedMs = now - (this.#bases.get(name)?.at ?? now);
    const { high } = this.#outgoing;
    const to = hello.boot;
    link.send(name, encodeFrame({ type: 'welcome', boot, to, base, high, ageMs, listedMs }));
  }

  #baseOf(name: string, { ageMs, wantsRetained, isRestarted }: HelloFrame): number {
    const { high, retained } = this.#outgoing;
    const now = this.#node.context.clock.now();
    const before = (retained.lowest ?? high + 1) - 1;
    if (wantsRetained) return before;
    const listed = this.#bases.get(name);
    const seq = listed?.seq ?? high;
    if (!isRestarted) return seq;
    // It was not a member before it started.
    const published = retained.lowest === undefined ? high : seq;
    return Math.max(seq, retained.highestBefore(now - ageMs, published));
  }

  #isLongGone({ goneAt }: Base): boolean {
    const { context, options } = this.#node;
    return goneAt !== undefined && context.clock.now() - goneAt > options.grace;
  }
}

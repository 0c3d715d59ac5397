/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Who has delivered this node's messages: confirmations of `publish`, and of the last message before a leave.
import type { Timer } from '../index.js';
import type { BusNode } from './bus-node.js';
import type { AckFrame } from './frames.js';

/** Milliseconds until members that have not acknowledged are asked, again and again; the last one for all further. */
const ASK_MS = [100, 100, 100, 200, 200, 400, 1_000];

/** The members that have, and those that have not, delivered a message in time. */
export interface ConfirmedBy {
  readonly confirmed: string[];
  readonly missing: string[];
}

interface Pending {
  readonly seq: number;
  readonly peers: number;
  readonly open: Set<string>;
  readonly confirmed: string[];
  readonly gone: string[];
  readonly resolve: (by: ConfirmedBy) => void;
  timer: Timer | undefined;
}

/** The confirmations that one node waits for. */
export class Confirmations {
  readonly #node: BusNode;
  readonly #ask: (names: readonly string[]) => void;
  /** In the order of their messages. */
  readonly #pending = new Set<Pending>();
  #asking: Timer | undefined;
  #asked = 0;

  /** @param ask - asks members how far they are */
  constructor(node: BusNode, ask: (names: readonly string[]) => void) {
    this.#node = node;
    this.#ask = ask;
  }

  /** Resolves when these members have delivered a message, or the timeout has ended. Never rejects. */
  wait(seq: number, names: readonly string[], timeoutMs: number): Promise<ConfirmedBy> {
    if (names.length === 0) return Promise.resolve({ confirmed: [], missing: [] });
    return new Promise((resolve) => {
      const open = new Set(names);
      const pending: Pending = {
        ...{ seq, open, peers: open.size, confirmed: [], gone: [], resolve, timer: undefined },
      };
      pending.timer = this.#node.context.clock.setTimer(timeoutMs, () => this.#finish(pending));
      this.#pending.add(pending);
      this.#asked = 0;
      this.#askLater();
    });
  }

  acknowledged(name: string, { from, through }: AckFrame): void {
    for (const pending of this.#pending) {
      if (pending.seq > through) return;
      if (pending.seq < from || !pending.open.delete(name)) continue;
      pending.confirmed.push(name);
      if (pending.open.size === 0) this.#finish(pending);
    }
  }

  peerLeft(name: string): void {
    for (const pending of this.#pending) {
      if (!pending.open.delete(name)) continue;
      pending.gone.push(name);
      if (pending.open.size === 0) this.#finish(pending);
    }
  }

  /** Resolves everything that waits. */
  stop(): void {
    for (const pending of this.#pending) this.#finish(pending);
  }

  #askLater(): void {
    if (this.#asking !== undefined || this.#pending.size === 0) return;
    const delay = ASK_MS[Math.min(this.#asked, ASK_MS.length - 1)] ?? 0;
    this.#asking = this.#node.context.clock.setTimer(delay, () => {
      this.#asking = undefined;
      this.#asked++;
      const names = new Set<string>();
      for (const { open } of this.#pending) for (const name of open) names.add(name);
      if (names.size > 0) this.#ask([...names]);
      this.#askLater();
    });
  }

  #finish(pending: Pending): void {
    if (!this.#pending.delete(pending)) return;
    pending.timer?.cancel();
    const { confirmed, open, gone } = pending;
    pending.resolve({ confirmed, missing: [...gone, ...open] });
    if (this.#pending.size > 0) return;
    this.#asking?.cancel();
    this.#asking = undefined;
  }
}

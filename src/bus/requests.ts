/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Requests of this node to other members. A request is repeated until its answer arrives; the other side runs its
// handler once and repeats the answer.
import { BusyError, type Timer } from '../index.js';
import type { BusNode } from './bus-node.js';
import { encodeFrame } from './encode.js';
import type { ResponseFrame } from './frames.js';
import { busLimits } from './limits.js';

/** Milliseconds until an unanswered request is repeated; doubled each time, up to the second value. */
const RETRY_MS = [100, 2_000] as const;
/** The first interval once the other side has confirmed that its handler runs. */
const ACCEPTED_RETRY_MS = 500;

/** An answer before it is decoded. */
export interface RawAnswer {
  readonly from: string;
  readonly payload: Buffer;
}

interface Target {
  retryMs: number;
  timer: Timer | undefined;
}

interface Asking {
  readonly frame: Buffer;
  /** Members that have not answered. */
  readonly open: Map<string, Target>;
  readonly answered: (answer: RawAnswer) => void;
  readonly ended: () => void;
  timer: Timer | undefined;
}

/** The requests of one node. */
export class Requests {
  readonly #node: BusNode;
  readonly #asking = new Map<number, Asking>();
  #lastId = 0;

  constructor(node: BusNode) {
    this.#node = node;
  }

  /**
   * Asks members.
   *
   * @param on.answered - called for each answer
   * @param on.ended - called once, when all have answered, at the timeout, or after `cancel`
   * @returns a function that cancels
   * @throws BusyError
   */
  ask(
    request: { topic: string; payload: Buffer; to: readonly string[]; timeoutMs: number },
    on: Pick<Asking, 'answered' | 'ended'>,
  ): () => void {
    const { boot, context } = this.#node;
    const { topic, payload, to, timeoutMs } = request;
    if (this.#asking.size >= busLimits.ownRequests) {
      throw new BusyError(this.#asking.size, payload.length);
    }
    const id = ++this.#lastId;
    const frame = encodeFrame({ type: 'request', boot, id, timeoutMs, topic, payload });
    const asking: Asking = { frame, open: new Map(), ...on, timer: undefined };
    this.#asking.set(id, asking);
    for (const name of to) asking.open.set(name, { retryMs: RETRY_MS[0], timer: undefined });
    asking.timer = context.clock.setTimer(timeoutMs, () => this.#end(id, asking));
    for (const [name, target] of asking.open) this.#send(asking, name, target);
    if (asking.open.size === 0) context.clock.afterTurn(() => this.#end(id, asking));
    return () => this.#end(id, asking);
  }

  answered(from: string, { boot, id, kind, payload }: ResponseFrame): void {
    const asking = boot === this.#node.boot ? this.#asking.get(id) : undefined;
    const target = asking?.open.get(from);
    if (asking === undefined || target === undefined) return this.#node.meters.drop('unexpected');
    if (kind === 'busy') return;
    if (kind === 'accepted') {
      target.retryMs = Math.max(target.retryMs, ACCEPTED_RETRY_MS);
      return;
    }
    this.#close(asking, from);
    if (kind === 'answer') asking.answered({ from, payload });
    if (asking.open.size === 0) this.#end(id, asking);
  }

  peerLeft(name: string): void {
    for (const [id, asking] of this.#asking) {
      if (!asking.open.has(name)) continue;
      this.#close(asking, name);
      if (asking.open.size === 0) this.#end(id, asking);
    }
  }

  /** Ends all requests. */
  stop(): void {
    for (const [id, asking] of [...this.#asking]) this.#end(id, asking);
  }

  #send(asking: Asking, name: string, target: Target): void {
    const { link, context } = this.#node;
    link.send(name, asking.frame);
    target.timer = context.clock.setTimer(target.retryMs, () => this.#send(asking, name, target));
    target.retryMs = Math.min(target.retryMs * 2, RETRY_MS[1]);
  }

  #close(asking: Asking, name: string): void {
    asking.open.get(name)?.timer?.cancel();
    asking.open.delete(name);
  }

  #end(id: number, asking: Asking): void {
    if (!this.#asking.delete(id)) return;
    asking.timer?.cancel();
    const { link, boot } = this.#node;
    const names = [...asking.open.keys()];
    for (const name of names) this.#close(asking, name);
    if (names.length > 0) void link.sendToAll(names, encodeFrame({ type: 'cancel', boot, id }));
    asking.ended();
  }
}

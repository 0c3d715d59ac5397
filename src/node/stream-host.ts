/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The node behind the streams that peers open: which IPs it accepts, what it answers, and how it reports streams that broke.
import type { Counters, DropReason } from '../core/counters.js';
import type { Report } from '../core/reports.js';
import { ShutdownError, type MemberlistError } from '../errors.js';
import type { AcceptorHost } from '../exchange/acceptor.js';
import type { StateExchange } from './state-exchange.js';
import type { Address } from '../wire/address.js';
import type { Memory } from '../wire/memory.js';
import type { Sliced } from '../wire/sliced.js';
import type { PushPull } from '../wire/stream-codec.js';

/** What {@link StreamHost} works with. */
export interface StreamHostComponents {
  readonly state: StateExchange;
  readonly counters: Counters;
  readonly report: (report: Report) => void;
  /** Counts and reports an exception of this library. */
  readonly failed: (error: unknown, peer: string) => void;
  readonly allowsIp: (ip: string) => boolean;
  readonly messageCame: (payload: Buffer, from: Address) => void;
  /** A node joined this one, and its state added so many members. */
  readonly wasJoined: (brought: number) => void;
  /** How many members are alive or suspect. */
  readonly members: () => number;
}

/** One node, as the acceptor of streams sees it. */
export class StreamHost implements AcceptorHost {
  readonly name: string;
  readonly #components: StreamHostComponents;
  #isStopped = false;

  constructor(components: StreamHostComponents, init: { name: string }) {
    this.#components = components;
    this.name = init.name;
  }

  /** Reports nothing any more. */
  stop(): void {
    this.#isStopped = true;
  }

  localState(join: boolean, memory: Memory): Sliced<Buffer> {
    return this.#components.state.answer(join, memory);
  }

  objectionTo(remote: PushPull, memory: Memory): Sliced<MemberlistError | undefined> {
    return this.#components.state.objectionTo(remote, remote.join, memory);
  }

  *merge(remote: PushPull, peer: string): Sliced<undefined> {
    const { state, members, wasJoined } = this.#components;
    if (!remote.join) return yield* state.merge(remote, false, peer);
    const before = members();
    yield* state.merge(remote, true, peer);
    if (!this.#isStopped) wasJoined(members() - before);
    return undefined;
  }

  userMessage(payload: Buffer, from: Address): void {
    if (this.#isStopped) throw new ShutdownError('a message');
    this.#components.messageCame(payload, from);
  }

  allowsIp(ip: string): boolean {
    return this.#components.allowsIp(ip);
  }

  dropped(peer: string, reason: DropReason, detail: string): void {
    if (this.#isStopped) return;
    this.#components.counters.drop(reason);
    this.#components.report({ code: 'stream-dropped', peer, reason, detail });
  }

  failed(peer: string, error: unknown): void {
    this.#components.failed(error, peer);
  }

  foreignLabel(peer: string, theirs: string, ours: string): void {
    if (!this.#isStopped) this.#components.report({ code: 'foreign-label', peer, theirs, ours });
  }
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The one place where a node joins others and is joined: `join()`, seeds, snapshot, rejoining and the joins
// that others begin all pass through here, so that all of them have the same effects.
import { lifeHooks, type LifeHooks } from '../config/life-hooks.js';
import type { ResolvedConfig } from '../config/options.js';
import { asError } from '../node/delegate-host.js';
import { ProtocolError } from '../errors.js';
import type { ExchangeSignals } from '../exchange/dialer.js';
import { onAbort } from '../runtime/abort.js';
import type { Address } from '../wire/address.js';
import type { SavedPeer } from './snapshot.js';

/** What making contact needs of the node. */
export interface ContactComponents {
  readonly engine: {
    readonly self: { nextSequence(): number };
    settle(): void;
  };
  readonly dialer: {
    pingOrThrow(
      to: Address,
      request: { node: string; seqNo: number; withinMs: number },
      signal?: AbortSignal,
    ): Promise<boolean>;
  };
  /** Called after every join, whichever side began it. */
  joined(): void;
  /** Exchanges state with a node and merges what it sends. */
  pushPull(to: Address, join: boolean, signals?: ExchangeSignals): Promise<void>;
}

/** All contacts of one node. */
export class Contacts {
  readonly #node: ContactComponents;
  readonly #tcpTimeoutMs: number;
  readonly #hooks: LifeHooks | undefined;
  readonly #underWay = new Set<AbortController>();
  /** Why no contact is made; undefined while contacts are made. */
  #stopped: Error | undefined;

  constructor(
    config: Pick<ResolvedConfig, 'tcpTimeout' | typeof lifeHooks>,
    node: ContactComponents,
  ) {
    this.#node = node;
    this.#tcpTimeoutMs = config.tcpTimeout;
    this.#hooks = config[lifeHooks];
  }

  /** Allows contacts again, after `stop`. */
  start(): void {
    this.#stopped = undefined;
  }

  /** Ends the contacts that are under way, without their effects, and allows no others until `start`. */
  stop(reason: Error): void {
    this.#stopped = reason;
    for (const each of this.#underWay) each.abort(reason);
  }

  /**
   * Runs work that makes contacts, with a signal that is also aborted by `stop`.
   *
   * @throws what the work throws; the reason of `stop`
   */
  async during<T>(
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    this.#mustRun();
    const stop = new AbortController();
    const stopListening = onAbort(signal, (reason) => stop.abort(reason));
    this.#underWay.add(stop);
    try {
      return await work(stop.signal);
    } finally {
      this.#underWay.delete(stop);
      stopListening();
    }
  }

  /**
   * Joins whichever node is at an address.
   *
   * @throws TimeoutError; ProtocolError; the signal's reason; the reason of `stop`
   */
  async join(to: Address, signals: ExchangeSignals): Promise<void> {
    this.#mustRun();
    this.#hooks?.contactBegins();
    try {
      await this.#node.pushPull(to, true, signals);
    } finally {
      this.#hooks?.contactEnds();
    }
    // The node may have left, or been shut down, while the answer was merged.
    if (this.#stopped !== undefined) return;
    this.#hooks?.joined('by-us');
    this.#node.joined();
    this.#node.engine.settle();
  }

  /**
   * Joins a node that was a member before, if it is still the one at its address. An address is no identity: it
   * may have been given to a node of another cluster since. So the node is asked by its name first, with a ping
   * over a stream, which a node of another name leaves unanswered; such a node is not contacted any further.
   *
   * @throws as `join`; ProtocolError when no node of that name answers
   */
  async rejoin(peer: SavedPeer, signal: AbortSignal): Promise<void> {
    const to = { addr: peer.addr, name: peer.name };
    const seqNo = this.#node.engine.self.nextSequence();
    const ping = { node: peer.name, seqNo, withinMs: this.#tcpTimeoutMs };
    let isThere: boolean;
    try {
      isThere = await this.#node.dialer.pingOrThrow(to, ping, signal);
    } catch (thrown) {
      signal.throwIfAborted();
      const cause = asError(thrown);
      throw new ProtocolError(`no answer to its name: ${cause.message}`, { cause });
    }
    if (!isThere) throw new ProtocolError(`${peer.addr} did not answer to its name`);
    await this.join(to, { signal });
  }

  /**
   * Another node has joined us.
   *
   * @param brought - how many members its state added
   */
  wasJoined(brought: number): void {
    if (this.#stopped !== undefined) return;
    this.#hooks?.joined('by-others');
    this.#node.joined();
    // A single node that joins brings itself. One that brings others is of a cluster that we may know in part.
    if (brought > 1) this.#node.engine.settle();
  }

  #mustRun(): void {
    if (this.#stopped !== undefined) throw this.#stopped;
  }
}

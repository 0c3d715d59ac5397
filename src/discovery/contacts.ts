/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The one place where a node joins others and is joined: `join()`, seeds, snapshot, rejoining and the joins that peers
// start all pass through here, so that all of them have the same effects.
import { ProtocolError } from '../errors.js';
import type { ExchangeSignals } from '../exchange/dialer.js';
import type { JoinStarter } from '../extensions/extension.js';
import { onAbort } from '../runtime/abort.js';
import { asError } from '../runtime/as-error.js';
import type { Address } from '../wire/address.js';
import type { SavedPeer } from './snapshot.js';

/** What making contact needs of the node. */
export interface ContactComponents {
  readonly engine: {
    readonly self: { nextSequence(): number };
    /** Starts additional push/pulls, by which all members learn of each other after a join. */
    settle(): void;
  };
  readonly dialer: {
    pingOrThrow(
      to: Address,
      request: { node: string; seqNo: number; withinMs: number },
      signal?: AbortSignal,
    ): Promise<boolean>;
  };
  readonly extensions: {
    /** This node starts a join. */
    joining(): void;
    /** That join failed. */
    joinFailed(): void;
    /** A join succeeded. */
    joined(startedBy: JoinStarter): void;
  };
  /** Exchanges state with a node and merges what it sends. */
  pushPull(to: Address, join: boolean, signals?: ExchangeSignals): Promise<void>;
}

/** All joins of one node. */
export class Contacts {
  readonly #node: ContactComponents;
  readonly #tcpTimeoutMs: number;
  readonly #underWay = new Set<AbortController>();
  /** Why no contact is made; undefined while contacts are made. */
  #stopped: Error | undefined;

  /** @param init.tcpTimeout - milliseconds that a stream ping may take */
  constructor(node: ContactComponents, init: { readonly tcpTimeout: number }) {
    this.#node = node;
    this.#tcpTimeoutMs = init.tcpTimeout;
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
   * Runs work that makes contacts, with a signal that `stop` also aborts.
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
    const { extensions, engine } = this.#node;
    extensions.joining();
    let hasSucceeded = false;
    try {
      await this.#node.pushPull(to, true, signals);
      // The node may have left, or been shut down, while it merged the answer.
      hasSucceeded = this.#stopped === undefined;
    } finally {
      if (!hasSucceeded) extensions.joinFailed();
    }
    if (!hasSucceeded) return;
    extensions.joined('self');
    engine.settle();
  }

  /**
   * Joins a node that was a member before, if it is still the one at its address. An address is no identity: it
   * may have been given to a node of another cluster since. So this node first sends a ping with the member's name
   * over a stream, which a node of another name does not answer; it makes no further contact with such a node.
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
   * Another node has joined this one.
   *
   * @param added - how many members its state added
   */
  wasJoined(added: number): void {
    if (this.#stopped !== undefined) return;
    this.#node.extensions.joined('peer');
    // A single node that joins adds itself. One that adds others is part of a cluster that we may know in part.
    if (added > 1) this.#node.engine.settle();
  }

  #mustRun(): void {
    if (this.#stopped !== undefined) throw this.#stopped;
  }
}

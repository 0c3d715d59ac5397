/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Push/pull from one end to the other: our table and the user's state as a message, theirs judged and
// merged. All of it goes in slices, and the table may change between two of them.
import type { Counters } from './core/counters.js';
import type { Engine } from './core/engine.js';
import { nodeOfRecord } from './core/membership/merge.js';
import type { Node } from './core/member.js';
import type { Clock } from './core/ports.js';
import type { ExchangedBytes, Report } from './core/reports.js';
import { asError, type DelegateHost } from './delegate-host.js';
import { type MemberlistError, ProtocolError } from './errors.js';
import { ExchangeWatch } from './exchange-watch.js';
import type { Dialler } from './exchange/dialler.js';
import type { Pacer } from './exchange/pacer.js';
import type { Address } from './wire/address.js';
import { writePackedRecord } from './wire/packed-record.js';
import { encodePushPullSliced } from './wire/push-pull-codec.js';
import { isEndOfSlice, type Sliced } from './wire/sliced.js';
import type { PushPull } from './wire/stream-codec.js';

/** What {@link StateExchange} works with. */
export interface StateExchangeComponents {
  readonly engine: Engine;
  readonly host: DelegateHost;
  readonly dialler: Dialler;
  readonly pacer: Pacer;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly report: (report: Report) => void;
  /** Told of each exchange of ours that succeeded. */
  readonly exchanged: (exchange: { durationMs: number; bytes: ExchangedBytes }) => void;
}

/** A node's state, given and taken. */
export class StateExchange {
  readonly watch: ExchangeWatch;
  readonly #components: StateExchangeComponents;
  readonly #engine: Engine;
  readonly #host: DelegateHost;
  readonly #asksForMerges: boolean;
  #isStopped = false;

  /** @param init.asksForMerges - whether there is a merge delegate */
  constructor(components: StateExchangeComponents, init: { asksForMerges: boolean }) {
    this.#components = components;
    this.#engine = components.engine;
    this.#host = components.host;
    this.#asksForMerges = init.asksForMerges;
    this.watch = new ExchangeWatch(components);
  }

  /** Says nothing any more. */
  stop(): void {
    this.#isStopped = true;
  }

  /**
   * Exchanges state with a node and merges what it sends.
   *
   * @throws TimeoutError, ProtocolError, or the signal's reason
   */
  async exchange(to: Address, join: boolean, signal?: AbortSignal): Promise<void> {
    const { clock, counters, exchanged } = this.#components;
    const startedAt = clock.now();
    const peer = to.name ?? to.addr;
    let bytes: ExchangedBytes = { sent: 0, received: 0 };
    try {
      await this.#exchange(to, join, signal, (measured) => (bytes = measured));
    } catch (error) {
      counters.pushPullFailures++;
      throw error;
    }
    const exchange = { durationMs: clock.now() - startedAt, bytes };
    exchanged(exchange);
    this.#report({ code: 'exchanged', peer, ...exchange });
  }

  /** A periodic exchange: how it went is reported, and nobody waits for it. */
  async inBackground(to: Address): Promise<void> {
    const peer = to.name ?? to.addr;
    try {
      await this.exchange(to, false);
      this.watch.succeeded(peer);
    } catch (thrown) {
      if (this.#isStopped) return;
      const error = asError(thrown);
      this.#report({ code: 'exchange-failed', peer, error });
      this.watch.failed(peer, error);
    }
  }

  async #exchange(
    to: Address,
    join: boolean,
    signal: AbortSignal | undefined,
    measured: (bytes: ExchangedBytes) => void,
  ): Promise<void> {
    const { dialler, pacer } = this.#components;
    const remote = await dialler.pushPull(to, this.local(join), signal, measured);
    const objection = await pacer.run(this.objectionTo(remote.records, join));
    if (objection !== undefined) throw objection;
    const peer = to.name ?? to.addr;
    if (!join && !this.#engine.self.leaving) {
      const { name, address } = this.#engine.local;
      const listsUs = remote.records.some((record) => record.name === name);
      this.watch.listed(peer, listsUs, address);
    }
    await pacer.run(this.merge(remote, join, peer));
  }

  /** Our state as a message: each member as it is in its turn; who is in it is settled at once. */
  *local(join: boolean): Sliced<Buffer> {
    const rows = this.#engine.table.rows();
    const userState = this.#host.localState(join);
    return yield* encodePushPullSliced({ join, rows, write: writePackedRecord, userState });
  }

  /** Why their state is refused; undefined when it is not. */
  *objectionTo(records: PushPull['records'], join: boolean): Sliced<MemberlistError | undefined> {
    const problem = yield* this.#engine.merger.versionProblem(records);
    if (problem !== undefined) return new ProtocolError(`incompatible versions: ${problem}`);
    if (!join || !this.#asksForMerges) return undefined;
    const peers: Node[] = [];
    for (const [index, record] of records.entries()) {
      if (index > 0 && isEndOfSlice(index)) yield;
      const node = nodeOfRecord(record);
      if (node !== undefined) peers.push(node);
    }
    const refusal = this.#host.objectionToMerge(peers);
    return refusal && new ProtocolError(`merge refused: ${refusal.message}`, { cause: refusal });
  }

  /** Takes their state; ends early with the node. */
  *merge(remote: PushPull, join: boolean, peer: string): Sliced<undefined> {
    yield* this.#engine.merger.merge(remote.records);
    const { discardedStateBytes: size } = remote;
    if (size === undefined) this.#host.mergeRemoteState(remote.userState, join);
    else if (this.#host.mergesStates) this.#report({ code: 'state-too-large', peer, size });
    return undefined;
  }

  #report(report: Report): void {
    if (!this.#isStopped) this.#components.report(report);
  }
}

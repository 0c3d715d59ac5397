/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Push/pull: encodes this node's table and the user state as a message, and checks and merges the peer's. All of it goes
// in slices, and the table may change between two slices.
import type { Counters } from '../core/counters.js';
import type { Engine } from '../core/engine.js';
import { isPresentRecord, nodeOfRecord } from '../core/membership/merge.js';
import type { Node } from '../core/member.js';
import type { Clock } from '../core/ports.js';
import type { ExchangedBytes, Report } from '../core/reports.js';
import { asError } from '../runtime/as-error.js';
import type { DelegateHost } from './delegate-host.js';
import { MemberlistError, ProtocolError } from '../errors.js';
import { ExchangeWatch } from './exchange-watch.js';
import type { MessageSource } from '../exchange/conversation.js';
import type { Dialer, ExchangeSignals, TakeState } from '../exchange/dialer.js';
import type { Pacer } from '../exchange/pacer.js';
import type { OwnAddress } from './own-address.js';
import { RecentState } from './recent-state.js';
import type { Guard } from '../runtime/guard.js';
import type { Address } from '../wire/address.js';
import { MemoryPart, type Memory } from '../wire/memory.js';
import { writePackedRecord } from '../wire/packed-record.js';
import { encodePushPullSliced } from '../wire/push-pull-codec.js';
import { isEndOfSlice, type Sliced } from '../wire/sliced.js';
import type { PushPull } from '../wire/stream-codec.js';

/** Memory of a member in the list of rows that a state is written from. */
const ROW_BYTES = 8;
/** Memory of a node for the merge delegate, with its name, metadata and address. */
const NODE_HEAP_BYTES = 512;

/** What {@link StateExchange} works with. */
export interface StateExchangeComponents {
  readonly engine: Engine;
  readonly host: DelegateHost;
  readonly dialer: Dialer;
  readonly pacer: Pacer;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly guard: Guard;
  readonly ownAddress: OwnAddress;
  readonly report: (report: Report) => void;
  /** Called after each successful exchange that this node started. */
  readonly exchanged: (exchange: { durationMs: number; bytes: ExchangedBytes }) => void;
}

/** Sends and merges the state of one node. */
export class StateExchange {
  readonly watch: ExchangeWatch;
  readonly #components: StateExchangeComponents;
  readonly #engine: Engine;
  readonly #host: DelegateHost;
  /** How many push/pulls of peers this node has answered. */
  #answers = 0;
  readonly #recent: RecentState;
  readonly #asksForMerges: boolean;
  #isStopped = false;

  /** @param init.asksForMerges - whether there is a merge delegate */
  constructor(components: StateExchangeComponents, init: { asksForMerges: boolean }) {
    this.#components = components;
    this.#engine = components.engine;
    this.#host = components.host;
    this.#asksForMerges = init.asksForMerges;
    this.watch = new ExchangeWatch(components);
    this.#recent = new RecentState(components);
  }

  /** Reports nothing any more. */
  stop(): void {
    this.#isStopped = true;
    this.#recent.drop();
  }

  /**
   * Exchanges state with a node and merges what it sends.
   *
   * @throws ProtocolError, also for a join that leads to this node itself; TimeoutError; the signal's
   *   reason
   */
  async exchange(to: Address, join: boolean, signals: ExchangeSignals = {}): Promise<void> {
    const { engine, clock, counters, guard, ownAddress, exchanged } = this.#components;
    ownAddress.check();
    if (join) ownAddress.beforeJoin(to);
    const startedAt = clock.now();
    const peer = to.name ?? to.addr;
    let bytes: ExchangedBytes = { sent: 0, received: 0 };
    const ended = engine.exchangeBegins();
    try {
      await this.#exchange(to, join, signals, (measured) => (bytes = measured));
    } catch (error) {
      counters.pushPullFailures++;
      const isForeseen = error instanceof MemberlistError || signals.signal?.aborted === true;
      if (!isForeseen) guard.failed(error, peer);
      throw error;
    } finally {
      ended();
    }
    const exchange = { durationMs: clock.now() - startedAt, bytes };
    guard.run(() => exchanged(exchange));
    this.#report({ code: 'exchanged', peer, ...exchange });
  }

  /** A periodic exchange: its result is reported. */
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
    signals: ExchangeSignals,
    measured: (bytes: ExchangedBytes) => void,
  ): Promise<void> {
    const { dialer, pacer } = this.#components;
    const peer = to.name ?? to.addr;
    const answersBefore = this.#answers;
    const state: MessageSource = (memory) => this.local(join, memory);
    const take: TakeState<void> = async (remote, memory, ended) => {
      const objection = await pacer.run(this.objectionTo(remote, join, memory), ended);
      const mayBeOurs = join && this.#answers > answersBefore;
      const isOurselves = mayBeOurs && this.#isOurTable(remote);
      if (objection !== undefined) throw objection;
      if (!join) this.#watchListing(peer, remote);
      await pacer.run(this.merge(remote, join, peer), ended);
      if (isOurselves) {
        throw new ProtocolError(`${to.addr} is this node itself: no other member is known there`);
      }
    };
    await dialer.pushPull(to, { state, take }, signals, measured);
  }

  #watchListing(peer: string, { records }: PushPull): void {
    if (this.#engine.self.leaving) return;
    const { name, address } = this.#engine.local;
    const listsUs = records.some((record) => record.name === name);
    this.watch.listed(peer, listsUs, address);
  }

  /**
   * Whether the sender of a table is this node itself, reached at another address, through NAT, or through a load
   * balancer. Every node lists itself, so the table lists this node as it is now, and otherwise only members that are
   * known to be gone. A node that has left may list the same, so the caller asks only if this node has answered
   * a push/pull meanwhile.
   */
  #isOurTable({ records }: PushPull): boolean {
    const { hasPeers, local, table } = this.#engine;
    // Reading never skips records about this node; it skips others only if they are members here.
    if (hasPeers) return false;
    let hasUs = false;
    for (const record of records) {
      const { name, incarnation } = record;
      if (name === local.name) {
        if (incarnation !== local.incarnation || !isPresentRecord(record)) return false;
        if (nodeOfRecord(record)?.address !== local.address) return false;
        hasUs = true;
      } else if (isPresentRecord(record) || table.get(name)?.isGone !== true) return false;
    }
    return hasUs;
  }

  /** As `local`, for a push/pull that a peer starts: the message may be up to a second old. */
  *answer(join: boolean, memory: Memory): Sliced<Buffer> {
    this.#answers++;
    const userState = this.#host.localState(join);
    const recent = this.#recent.find(join, userState);
    if (recent !== undefined) {
      memory.reserve(recent.length);
      return recent;
    }
    this.#reserveRows(memory);
    const { clock } = this.#components;
    const startedAt = clock.now();
    const message = yield* this.#encode(join, userState, memory);
    if (!this.#isStopped) this.#recent.keep(message, { join, userState }, clock.now() - startedAt);
    return message;
  }

  /** This node's state as a message. The list of members is fixed at the start; each record is written as it is then. */
  *local(join: boolean, memory: Memory): Sliced<Buffer> {
    // Reserves first: without memory the delegate is not called.
    this.#reserveRows(memory);
    return yield* this.#encode(join, this.#host.localState(join), memory);
  }

  #reserveRows(memory: Memory): void {
    memory.reserve(this.#engine.table.size * ROW_BYTES);
  }

  #encode(join: boolean, userState: Buffer, memory: Memory): Sliced<Buffer> {
    const rows = this.#engine.table.rows();
    return encodePushPullSliced({ join, rows, write: writePackedRecord, userState }, memory);
  }

  /** Why the peer's state is refused; undefined when it is not. */
  *objectionTo(
    remote: PushPull,
    join: boolean,
    memory: Memory,
  ): Sliced<MemberlistError | undefined> {
    const { records } = remote;
    const problem = yield* this.#engine.merger.versionProblem(remote);
    if (problem !== undefined) return new ProtocolError(`incompatible versions: ${problem}`);
    if (!join || !this.#asksForMerges) return undefined;
    const shown = new MemoryPart(memory);
    shown.reserve(records.length * NODE_HEAP_BYTES);
    const peers: Node[] = [];
    for (const [index, record] of records.entries()) {
      if (index > 0 && isEndOfSlice(index)) yield;
      const node = this.#engine.merger.allows(record) ? nodeOfRecord(record) : undefined;
      if (node !== undefined) peers.push(node);
    }
    const refusal = this.#host.objectionToMerge(peers);
    shown.releaseAll();
    return refusal && new ProtocolError(`merge refused: ${refusal.message}`, { cause: refusal });
  }

  /** Merges the peer's state; ends early when the node stops. */
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

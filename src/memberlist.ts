/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import { resolveConfig } from './config/resolve.js';
import type { MemberlistConfig, ResolvedConfig } from './config/options.js';
import type { ClusterHealth, ClusterSize } from './cluster-health/isolation.js';
import type { Node } from './core/member.js';
import { checkSeeds, joinSeeds, type JoinOptions, type JoinResult } from './discovery/join.js';
import { MessageTooLargeError, ShutdownError, TimeoutError } from './errors.js';
import type { ExchangeSignals } from './exchange/dialer.js';
import { metaBytes, type Meta } from './node/meta.js';
import { close, openNode, type OpenNode } from './node/open-node.js';
import {
  checkMessage,
  checkOptions,
  optionRules,
  waitRules,
  type WaitOptions,
} from './node/operation-options.js';
import { RunningNode, type NodeEvent } from './node/running-node.js';
import type { NodeSeams } from './node/seams.js';
import type { Service, ServiceContext } from './node/services.js';
import { DEFAULT_TIMEOUT_MS } from './node/waits.js';
import {
  argumentsOf,
  EventStream,
  SafeEmitter,
  type MemberEvent,
} from './observability/member-events.js';
import { throwIfAborted } from './runtime/abort.js';
import { asError } from './runtime/as-error.js';
import type { Keyring } from './security/keyring.js';
import type { Address } from './wire/address.js';

const USER_TYPE_BYTES = 1;
const ready = { ...waitRules, minMembers: optionRules.minMembers };

/** What a node is doing. */
export type MemberlistState = 'running' | 'leaving' | 'left' | 'shutdown';

/** Options of `broadcast`. */
export interface BroadcastOptions {
  /** Replaces an earlier broadcast of the same name that has not been sent to all members yet. Default: no name. */
  readonly name?: string;
}

/** Options of `ready`. */
export interface ReadyOptions extends WaitOptions {
  /** How many members must be alive or suspect, this node included: 1 or more. Default: 2. */
  readonly minMembers?: number;
}

/**
 * One node of a gossip cluster. It knows the other members, and they know it.
 *
 * Membership and failure detection are SWIM (Das et al., DSN 2002) with the Lifeguard extensions
 * (Dadgar et al., 2018), in the form and with the wire protocol of HashiCorp's Go memberlist.
 *
 * ```ts
 * const list = await Memberlist.create({ name: 'web-1', bindAddr: '10.0.0.5' });
 * list.on('join', (node) => console.log(`${node.name} is at ${node.address}`));
 * await list.join(['10.0.0.1', '10.0.0.2']);
 * ```
 */
export class Memberlist extends SafeEmitter implements AsyncDisposable {
  readonly #config: ResolvedConfig;
  readonly #node: RunningNode;
  readonly #streams = new Set<EventStream>();
  #leaving: Promise<void> | undefined;
  #hasLeft = false;
  #shutdown: Promise<void> | undefined;
  #endsWithProcess = false;

  private constructor(open: OpenNode) {
    super();
    this.#config = open.given;
    this.#node = new RunningNode(open, { publish: (event) => this.#publish(event) });
  }

  /**
   * Binds the sockets and starts a node. It is a cluster of its own until it joins others.
   *
   * @throws ConfigError with all mistakes of the configuration; MessageTooLargeError when the
   *   delegate's metadata is over 512 bytes; the system's error when an address cannot be bound;
   *   what an extension throws in `attach`. Nothing stays open then.
   */
  static create(config?: MemberlistConfig): Promise<Memberlist> {
    return Memberlist.createWith(config, {});
  }

  /** @internal Creates a node with some of its parts replaced, for simulations, experiments and tests. */
  static async createWith(
    config: MemberlistConfig | undefined,
    seams: NodeSeams,
  ): Promise<Memberlist> {
    const open = await openNode(resolveConfig(config), seams);
    let list: Memberlist;
    try {
      list = new Memberlist(open);
    } catch (error) {
      await close(open);
      throw error;
    }
    try {
      list.#node.start();
    } catch (error) {
      await list.shutdown();
      throw error;
    }
    return list;
  }

  /**
   * Joins the cluster of which any of the seeds is a member: exchanges the whole state with each.
   * After a `leave` the node comes back, under a higher incarnation.
   *
   * @param seeds - `host`, `host:port`, `[v6]:port` or `v6`, each optionally as `name/host:port`, or
   *   `srv+name`; the port defaults to `bindPort`. The node looks up host names and contacts all addresses, each
   *   shortly after the previous one: an address that does not answer delays the next by at most 250 ms
   * @returns a promise that resolves once all attempts have ended. After the first success, attempts that are not
   *   connected have 3 s left; exchanges that are under way have `tcpTimeout`
   * @throws JoinError when no node was reached, also when all seeds lead to this node itself; the signal's
   *   reason; ShutdownError; ConfigError
   */
  join(seeds: readonly string[], options: JoinOptions = {}): Promise<JoinResult> {
    return this.#pendingAtExit(() => this.#join(seeds, options));
  }

  async #join(seeds: readonly string[], options: JoinOptions): Promise<JoinResult> {
    this.#mustRun('join');
    if (this.#endsWithProcess) this.#mustBeMember('join');
    checkSeeds(seeds);
    checkOptions(options, waitRules);
    throwIfAborted(options.signal);
    if (this.#leaving !== undefined) this.#comeBack();
    const node = this.#node;
    const { clock, requireNodeNames } = this.#config;
    const { contacts } = node.discovery;
    return contacts.during(options.signal, (signal) => {
      const joiner = {
        clock,
        requireNodeNames,
        resolve: (seed: string, stopped: AbortSignal) => node.resolve(seed, stopped),
        contact: (to: Address, signals: ExchangeSignals) => contacts.join(to, signals),
        likelyCause: (errors: readonly Error[]) => node.trouble.likelyCause(errors),
      };
      return node.trouble.watch(joinSeeds(seeds, joiner, { ...options, signal }));
    });
  }

  /**
   * Resolves once enough members have joined: `minMembers` are alive or suspect, this node included.
   *
   * @throws TimeoutError, which says how many members there are, the last seed that failed, and a wrong label or key if
   *   one is likely; the signal's reason; ShutdownError; ConfigError for wrong options
   */
  ready(options: ReadyOptions = {}): Promise<void> {
    return this.#pendingAtExit(() => this.#ready(options));
  }

  async #ready(options: ReadyOptions): Promise<void> {
    this.#mustRun('ready');
    checkOptions(options, ready);
    const { minMembers = 2 } = options;
    try {
      await this.#node.waits.members('ready', options, minMembers);
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error;
      throw this.#node.trouble.notReady(options.timeout ?? DEFAULT_TIMEOUT_MS, {
        present: this.numMembers,
        required: minMembers,
      });
    }
  }

  /**
   * Leaves the cluster: the other members report `left` and not `failed`. Resolves once the leave has been gossiped,
   * at once when there are no other members; the node keeps answering until `shutdown`. Further calls return the same
   * promise. If another living node has this node's name, the cluster is not notified, as that node would be marked as
   * left (`leave-withheld`).
   *
   * @throws TimeoutError; the signal's reason; ShutdownError
   */
  leave(options: WaitOptions = {}): Promise<void> {
    if (this.#shutdown !== undefined) return Promise.reject(new ShutdownError('leave'));
    try {
      checkOptions(options, waitRules);
    } catch (error) {
      return Promise.reject(asError(error));
    }
    if (this.#leaving === undefined) {
      const { discovery, health, waits, departure } = this.#node;
      discovery.stop(new ShutdownError('join', 'has left the cluster'));
      health.stop();
      const gossiped = waits.gossiped('leave', options, (done) => departure.begin(done));
      this.#leaving = gossiped.finally(() => {
        this.#hasLeft = true;
        departure.complete();
      });
    }
    return this.#leaving;
  }

  /**
   * Stops everything and closes the sockets; resolves when the last one is closed. Without a `leave`
   * before it, the other members declare this node failed. No event is delivered afterwards. Idempotent.
   */
  shutdown(): Promise<void> {
    if (this.#shutdown === undefined) {
      this.#shutdown = this.#node.shutdown();
      for (const stream of [...this.#streams]) stream.end();
    }
    return this.#shutdown;
  }

  /** Calls `leave`, waits for it up to its timeout, then calls `shutdown`. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (this.#shutdown === undefined) await this.leave();
    } catch (error) {
      this.#node.report({ code: 'leave-unfinished', error: asError(error) });
    } finally {
      await this.shutdown();
    }
  }

  /** This node, as the other members see it. */
  get localNode(): Node {
    return this.#node.engine.local.snapshot();
  }

  /** All members that are alive or suspect, this node included. */
  members(): Node[] {
    const nodes: Node[] = [];
    for (const member of this.#node.engine.table) {
      if (!member.isGone) nodes.push(member.snapshot());
    }
    return nodes;
  }

  /** A member by name, in any state, as long as it is in the table. */
  member(name: string): Node | undefined {
    return this.#node.engine.table.get(name)?.snapshot();
  }

  /**
   * Forgets a member that failed or left: removes it from the table at once, and stops trying to reconnect to it. For
   * `rejoin.forgetAfter`, claims of other members do not bring it back; only the member itself does. This affects this
   * node only: call it on every node. A member that is alive or suspect is not forgotten, as it would be back at once.
   *
   * @returns whether the member was known and is now forgotten
   * @throws ShutdownError
   */
  forget(name: string): boolean {
    this.#mustRun('forget');
    return this.#node.discovery.forget(name);
  }

  /** How many members are alive or suspect, this node included. */
  get numMembers(): number {
    return this.#node.numMembers;
  }

  /**
   * Lifeguard's Local Health Multiplier, from 0 (healthy) to `awarenessMaxMultiplier` − 1. A node whose own probes fail
   * raises it, and probes more slowly by this factor.
   */
  get healthScore(): number {
    return this.#node.engine.health.score;
  }

  /**
   * How this node sees the cluster: `minority` while at most half of the expected members are present (after events
   * `minority` or `isolated`), `isolated` while no other member is, else `healthy`. A node that has just started may be
   * alone for 30 s and counts as healthy.
   */
  get clusterHealth(): ClusterHealth {
    return this.#node.health.health;
  }

  /**
   * How many members are present, and how many are expected: `expectedMembers`, or else the most of the last hour less
   * those that left. Both include this node.
   */
  get clusterSize(): ClusterSize {
    return this.#node.health.size;
  }

  /**
   * Adds functionality that accompanies this node, such as a task that must end before the node leaves. An
   * {@link Extension} exchanges messages with its like on other nodes; a service does not, and is added at any time.
   *
   * @returns what the service needs of the node, and `remove`
   * @throws ShutdownError
   */
  addService(service: Service): ServiceContext {
    this.#mustRun('addService');
    return this.#node.services.add(service);
  }

  /** The longest message that `getBroadcasts` may return, in bytes: a longer one fits into no packet (`udpBufferSize`). */
  get maxBroadcastBytes(): number {
    return this.#node.engine.broadcastBudget - USER_TYPE_BYTES;
  }

  /** What this node is doing. After `leave` it is `left` until it joins again. */
  get state(): MemberlistState {
    if (this.#shutdown !== undefined) return 'shutdown';
    if (this.#leaving === undefined) return 'running';
    return this.#hasLeft ? 'left' : 'leaving';
  }

  /**
   * @internal The process exits once this node has left and shut down. What then rejects with a ShutdownError would end
   * the process earlier if it is awaited at the top level of a module, so `join`, `ready`, `setMeta` and `updateNode`
   * stay pending instead.
   */
  endWithProcess(): void {
    this.#endsWithProcess = true;
  }

  /** @internal Milliseconds by which the periodic work is late. */
  get overdueMs(): number {
    return this.#node.engine.overdueMs;
  }

  /**
   * From now on this node's sockets and timers do not keep the process alive, until `ref`: for tools that use a cluster
   * and end when their work is done. A promise that is awaited does not keep it alive either. A custom `transport` takes
   * part if it has `unref`.
   */
  unref(): this {
    this.#node.keepAlive(false);
    return this;
  }

  /** Undoes `unref`. */
  ref(): this {
    this.#node.keepAlive(true);
    return this;
  }

  /** The keys that packets and streams are encrypted with; undefined without encryption. */
  get keyring(): Keyring | undefined {
    return this.#config.keyring;
  }

  /** The configuration with every default filled in. Frozen. */
  get config(): Readonly<ResolvedConfig> {
    return this.#config;
  }

  /**
   * Reads `nodeMeta` of the delegate again and broadcasts the metadata. Resolves once that has been gossiped, at once
   * when there are no other members. After `setMeta` it broadcasts the metadata that was set.
   *
   * @throws MessageTooLargeError over 512 bytes; what `nodeMeta` throws; TimeoutError; the signal's
   *   reason; ConfigError for wrong options; ShutdownError, also after a `leave`
   */
  updateNode(options: WaitOptions = {}): Promise<void> {
    return this.#pendingAtExit(async () => {
      this.#mustBeMember('updateNode');
      checkOptions(options, waitRules);
      throwIfAborted(options.signal);
      await this.#announce('updateNode', this.#node.host.nodeMeta(), options);
    });
  }

  /**
   * Sets this node's metadata and broadcasts it; the other members see it as `node.meta`. Resolves as `updateNode` does.
   *
   * It takes precedence over `delegate.nodeMeta`, which is not called again after the first `setMeta`, not even after a
   * `leave` and a `join`.
   *
   * @param meta - bytes, at most 512, or an object for {@link encodeMeta}
   * @throws MessageTooLargeError over 512 bytes; ConfigError for what is neither bytes nor such an object, and for wrong
   *   options; TimeoutError (the metadata is set then); the signal's reason; ShutdownError, also after a `leave`
   */
  setMeta(meta: Uint8Array | Meta, options: WaitOptions = {}): Promise<void> {
    return this.#pendingAtExit(() => this.#setMeta(meta, options));
  }

  async #setMeta(meta: Uint8Array | Meta, options: WaitOptions): Promise<void> {
    this.#mustBeMember('setMeta');
    checkOptions(options, waitRules);
    const { host } = this.#node;
    const bytes = metaBytes(meta, host.metaLimit);
    const announced = host.announced(bytes);
    throwIfAborted(options.signal);
    this.#node.checkFits(announced);
    host.setMeta(bytes);
    await this.#announce('setMeta', announced, options);
  }

  /**
   * Sends a message to every other member that is alive or suspect now; they receive it as a `message` event and in
   * `notifyMsg`. Members that join later do not receive it. The node sends it to each member in a packet, at most three
   * times until the member acknowledges the packet. A member may receive it twice if an acknowledgement is lost, and not
   * at all if it does not answer. Broadcasts are queued while earlier ones are being sent: at most 16,384, and 16 MiB;
   * beyond that the oldest are dropped (`user-broadcasts-evicted`). Independent of `delegate.getBroadcasts`.
   *
   * @throws MessageTooLargeError above `maxBroadcastBytes`; ConfigError for what is no Uint8Array, and for wrong
   *   options; ShutdownError, also after a `leave`
   */
  broadcast(message: Uint8Array, options: BroadcastOptions = {}): void {
    this.#mustBeMember('broadcast');
    checkMessage(message);
    checkOptions(options, { name: optionRules.name });
    const { length } = message;
    const limit = this.maxBroadcastBytes;
    if (length > limit) throw new MessageTooLargeError('the broadcast', length, limit);
    this.#node.broadcaster.add(message, options.name);
  }

  /**
   * Pings a node once, whether it is a member or not.
   *
   * @param node - its name (another node at that address does not answer), or a member
   * @param address - `'ip:port'` or `'host:port'`; may be left out for a member
   * @returns the round trip in milliseconds, with fractions
   * @throws NoPingResponseError after `probeTimeout`; ProtocolError when it cannot be sent;
   *   ConfigError when the address is none, or no member has the name; ShutdownError
   */
  ping(node: Node | string, address?: string): Promise<number> {
    return this.#node.sender.ping(node, address);
  }

  /**
   * Sends a message to a member in one packet; it may be lost.
   *
   * @param to - a member, or its name; a member that failed or left has a name as long as it is in the table
   * @throws MessageTooLargeError when it does not fit into a packet (`udpBufferSize`);
   *   ProtocolError when the packet could not be sent; ConfigError for a wrong argument, such as a name that no
   *   member has; ShutdownError
   */
  sendBestEffort(to: Node | string, message: Uint8Array): Promise<void> {
    return this.#node.sender.bestEffort(to, message);
  }

  /**
   * Sends a message to a member over a stream. Resolves when the member has read it and closed the stream; only an
   * answer of its application can tell what became of it there. A node sends 32 messages to one member at a time, 256 in
   * all; further messages are queued, for `tcpTimeout` at most. After a rejection the message was not delivered,
   * unless the error is a timeout or a broken stream: then it may have been delivered, and only the confirmation is lost.
   *
   * @param to - as for `sendBestEffort`
   * @throws MessageTooLargeError over 20 MiB; BusyError when too many messages wait; TimeoutError;
   *   ProtocolError, also when the other side closes the stream unread; ConfigError for a wrong argument; ShutdownError
   */
  sendReliable(to: Node | string, message: Uint8Array): Promise<void> {
    return this.#node.sender.reliable(to, message);
  }

  /**
   * Sends a message in one packet to an address, whether it belongs to a member or not; it may be lost.
   *
   * @throws as `sendBestEffort`, and NodeNameRequiredError; ConfigError when `to.addr` is no ip:port
   */
  sendToAddress(to: Address, message: Uint8Array): Promise<void> {
    return this.#node.sender.toAddress(to, message);
  }

  /**
   * Events from now on, to loop over. At most 1024 wait to be read; further ones are dropped, and
   * an `overflow` event has their number. Ends on shutdown, and when the signal is aborted.
   */
  events(options: { signal?: AbortSignal } = {}): AsyncIterableIterator<MemberEvent> {
    checkOptions(options, { signal: optionRules.signal });
    const stream = new EventStream({ closed: () => this.#streams.delete(stream) });
    this.#streams.add(stream);
    stream.endWith(options.signal);
    if (this.#shutdown !== undefined) stream.end();
    return stream;
  }

  protected override listenerFailed(event: string, error: unknown): void {
    this.#node.host.listenerFailed(event, error);
  }

  /** Runs an operation. After `endWithProcess` it stays pending where it would reject with a ShutdownError. */
  async #pendingAtExit<T>(operation: () => Promise<T>): Promise<T> {
    try {
      return await operation();
    } catch (error) {
      if (!this.#endsWithProcess || !(error instanceof ShutdownError)) throw error;
      return new Promise(() => undefined);
    }
  }

  #comeBack(): void {
    const node = this.#node;
    const meta = node.host.nodeMeta();
    node.checkFits(meta);
    this.#leaving = undefined;
    this.#hasLeft = false;
    node.engine.comeBack(meta);
    node.departure.undo();
    node.discovery.start();
    node.health.start();
  }

  async #announce(what: string, meta: Buffer | null, options: WaitOptions): Promise<void> {
    const { waits, engine } = this.#node;
    this.#node.checkFits(meta);
    const gossiped = waits.gossiped(what, options, (done) => engine.announce(meta, done));
    this.#node.services.updated();
    await gossiped;
  }

  #publish(event: NodeEvent): void {
    if (this.#shutdown !== undefined) return;
    if (event.type !== 'message') this.#node.services.changed(event);
    this.emitSafely(event.type, argumentsOf(event));
    for (const stream of this.#streams) stream.push(event);
  }

  #mustBeMember(operation: string): void {
    this.#mustRun(operation);
    if (this.#leaving !== undefined) throw new ShutdownError(operation, 'has left the cluster');
  }

  #mustRun(operation: string): void {
    if (this.#shutdown !== undefined) throw new ShutdownError(operation);
  }
}

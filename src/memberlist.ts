/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import { setMaxListeners } from 'node:events';
import { Company } from './discovery/discovery.js';
import { companyPorts } from './discovery/ports.js';
import { lifeHooks } from './config/life-hooks.js';
import { resolveConfig } from './config/resolve.js';
import type { MemberlistConfig, ResolvedConfig } from './config/options.js';
import type { Node } from './core/member.js';
import type { MembershipEvent } from './core/membership/events.js';
import { asError } from './node/delegate-host.js';
import { Departure } from './node/departure.js';
import { MessageTooLargeError, ShutdownError, TimeoutError } from './errors.js';
import type { ExchangeSignals } from './exchange/dialer.js';
import { checkSeeds, joinSeeds, type JoinOptions, type JoinResult } from './discovery/join.js';
import {
  argumentsOf,
  EventStream,
  SafeEmitter,
  type MemberEvent,
} from './observability/member-events.js';
import { metaBytes, type Meta } from './node/meta.js';
import {
  checkMessage,
  checkOptions,
  optionRules,
  waitRules,
  type WaitOptions,
} from './node/operation-options.js';
import { throwIfAborted } from './runtime/abort.js';
import type { Keyring } from './security/keyring.js';
import { Sender } from './node/send.js';
import { Shell } from './node/running-node.js';
import { resolveSeed } from './transport/resolve.js';
import { DEFAULT_TIMEOUT_MS, Waits } from './node/waits.js';
import type { Address } from './wire/address.js';

const USER_TYPE_BYTES = 1;
const ready = { ...waitRules, minMembers: optionRules.minMembers };

/** What a node is doing. */
export type MemberlistState = 'running' | 'leaving' | 'left' | 'shutdown';

/** Options of `broadcast`. */
export interface BroadcastOptions {
  /** A broadcast replaces an earlier one of the same name, as far as that has not been sent yet. Default: no name. */
  readonly name?: string;
}

/** Options of `ready`. */
export interface ReadyOptions extends WaitOptions {
  /** How many members there must be, ourselves included: 1 or more. Default: 2. */
  readonly minMembers?: number;
}

/**
 * One node of a gossip cluster: it knows who the others are, and they know it.
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
  readonly #streams = new Set<EventStream>();
  /** Aborted by a shutdown. */
  readonly #down = new AbortController();
  #shell!: Shell;
  #company!: Company;
  #departure!: Departure;
  #sender!: Sender;
  #waits!: Waits;
  #leaving: Promise<void> | undefined;
  #hasLeft = false;
  #shutdown: Promise<void> | undefined;

  private constructor(config: ResolvedConfig) {
    super();
    this.#config = config;
    setMaxListeners(0, this.#down.signal);
  }

  /**
   * Binds the sockets and starts a node, a cluster of its own until it joins others.
   *
   * @throws ConfigError with all mistakes of the configuration; MessageTooLargeError when the
   *   delegate's metadata is over 512 bytes; the system's error when an address cannot be bound.
   *   Nothing is left open then.
   */
  static async create(config?: MemberlistConfig): Promise<Memberlist> {
    const list = new Memberlist(resolveConfig(config));
    list.#shell = await Shell.start(list.#config, {
      onMembershipEvent: (event) => list.#notify(event),
      refuted: () => list.#company.changed(),
      wasJoined: (brought) => list.#company.contacts.wasJoined(brought),
      messageCame: (payload, from) => {
        list.#shell.host.notifyMsg(payload, from);
        list.#publish({ type: 'message', payload, from });
      },
    });
    list.#company = new Company(list.#shell, {
      notify: (event) => list.#publish(event),
    });
    list.#waits = new Waits({
      clock: list.#config.clock,
      hasPeers: () => list.#shell.engine.hasPeers,
    });
    list.#sender = new Sender(
      {
        engine: list.#shell.engine,
        dialer: list.#shell.dialer,
        packets: list.#shell.packets,
        resolve: (address) => list.#addressesOf(address, list.#down.signal),
        mustRun: (operation) => list.#mustRun(operation),
        onShutdown: (giveUp) => list.#waits.onShutdown(giveUp),
      },
      list.#config,
    );
    const hooks = list.#config[lifeHooks];
    list.#departure = new Departure(list.#shell, hooks);
    try {
      list.#company.start();
      hooks?.started(list, {
        dropped: (from, detail) => list.#shell.messageDropped(from, detail),
        listenerFailed: (event, error) => list.listenerFailed(event, error),
      });
    } catch (error) {
      await list.shutdown();
      throw error;
    }
    return list;
  }

  /**
   * Joins the cluster of which any of the seeds is a member: exchanges the whole state with each.
   * After a `leave` it comes back, under a higher incarnation.
   *
   * @param seeds - `host`, `host:port`, `[v6]:port` or `v6`, each optionally as `name/host:port`, or
   *   `srv+name`; the port defaults to `bindPort`. Names are looked up, and all addresses contacted,
   *   each soon after the other: one that does not answer delays the next by a quarter of a second at most
   * @returns a promise that resolves once all attempts have ended. After the first success, those that are not
   *   connected have 3 s left; exchanges that are under way have `tcpTimeout`
   * @throws JoinError when nobody was reached, also when all seeds lead to this node itself; the signal's
   *   reason; ShutdownError; ConfigError
   */
  async join(seeds: readonly string[], options: JoinOptions = {}): Promise<JoinResult> {
    this.#mustRun('join');
    checkSeeds(seeds);
    checkOptions(options, waitRules);
    throwIfAborted(options.signal);
    if (this.#leaving !== undefined) this.#comeBack();
    const { clock, requireNodeNames } = this.#config;
    const { contacts } = this.#company;
    const { trouble } = this.#shell;
    return contacts.during(options.signal, (signal) => {
      const joiner = {
        clock,
        requireNodeNames,
        resolve: (seed: string, stopped: AbortSignal) => this.#addressesOf(seed, stopped),
        contact: (to: Address, signals: ExchangeSignals) => contacts.join(to, signals),
        likelyCause: (errors: readonly Error[]) => trouble.likelyCause(errors),
      };
      return trouble.watch(joinSeeds(seeds, joiner, { ...options, signal }));
    });
  }

  /**
   * Resolves once there is company: so many members are alive or suspect, ourselves included.
   *
   * @throws TimeoutError, which says how many members there are, the last seed that failed, and a wrong label or key if
   *   one is likely; the signal's reason; ShutdownError; ConfigError for wrong options
   */
  async ready(options: ReadyOptions = {}): Promise<void> {
    this.#mustRun('ready');
    checkOptions(options, ready);
    const { minMembers = 2 } = options;
    try {
      await this.#waits.until('ready', options, (done) =>
        this.#company.whenMembers(minMembers, done),
      );
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error;
      throw this.#shell.trouble.notReady(options.timeout ?? DEFAULT_TIMEOUT_MS, {
        present: this.numMembers,
        required: minMembers,
      });
    }
  }

  /**
   * Tells the others that this node leaves, so that they report `left` and not `failed`. Resolves
   * once that has been gossiped (at once when nobody is there); the node keeps answering until
   * `shutdown`. Called again it gives the same promise. Nobody is told where another living node has our name.
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
      this.#company.stop(new ShutdownError('join', 'has left the cluster'));
      const gossiped = this.#waits.gossiped('leave', options, (done) =>
        this.#departure.begin(done),
      );
      this.#leaving = gossiped.finally(() => {
        this.#hasLeft = true;
        this.#departure.complete();
      });
    }
    return this.#leaving;
  }

  /**
   * Stops everything and closes the sockets; resolves when the last is closed. Without a `leave`
   * before it, the others will find this node failed. Nothing is delivered afterwards. Idempotent.
   */
  shutdown(): Promise<void> {
    if (this.#shutdown === undefined) {
      // First, as the engine's end also ends what waits in its queue: that was not gossiped.
      this.#waits.shutDown();
      this.#down.abort(new ShutdownError('join'));
      // The snapshot is made before anything is forgotten.
      const closed = this.#company.close();
      const { guard } = this.#shell;
      guard.run(() => this.#company.stop(new ShutdownError('join')));
      this.#departure.cancel();
      this.#shutdown = Promise.all([this.#shell.shutdown(), closed]).then(() => undefined);
      for (const stream of [...this.#streams]) stream.end();
    }
    return this.#shutdown;
  }

  /** `leave`, as far as it goes in its time, then `shutdown`. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (this.#shutdown === undefined) await this.leave();
    } catch (error) {
      this.#shell.report({ code: 'leave-unfinished', error: asError(error) });
    } finally {
      await this.shutdown();
    }
  }

  /** This node, as the others see it. */
  get localNode(): Node {
    return this.#shell.engine.local.snapshot();
  }

  /** Everybody who is alive or suspect, ourselves included. */
  members(): Node[] {
    const nodes: Node[] = [];
    for (const member of this.#shell.engine.table) {
      if (!member.isGone) nodes.push(member.snapshot());
    }
    return nodes;
  }

  /** A member by name, in any state, as long as it is in the table. */
  member(name: string): Node | undefined {
    return this.#shell.engine.table.get(name)?.snapshot();
  }

  /**
   * Forgets a member that failed or left: it goes out of the table at once and is not looked for any
   * more, and for `rejoin.forgetAfter` nobody brings it back unless it lives. On this node only: the
   * others have to be told each. Nothing is done about who is alive or suspect; it would be back at once.
   *
   * @returns whether it was known and is forgotten now
   * @throws ShutdownError
   */
  forget(name: string): boolean {
    this.#mustRun('forget');
    return this.#company.forget(name);
  }

  /** How many members are alive or suspect, ourselves included. */
  get numMembers(): number {
    return this.#shell.engine.table.present;
  }

  /**
   * How much this node doubts itself, from 0 (healthy) to `awarenessMaxMultiplier` − 1. Its probes
   * wait longer by this factor (Lifeguard's local health multiplier).
   */
  get healthScore(): number {
    return this.#shell.engine.health.score;
  }

  /** Bytes of the longest message that `getBroadcasts` may return: a longer one fits into no packet (`udpBufferSize`). */
  get maxBroadcastBytes(): number {
    return this.#shell.engine.broadcastBudget - USER_TYPE_BYTES;
  }

  /** What this node is doing. After `leave` it is `left` until it joins again. */
  get state(): MemberlistState {
    if (this.#shutdown !== undefined) return 'shutdown';
    if (this.#leaving === undefined) return 'running';
    return this.#hasLeft ? 'left' : 'leaving';
  }

  /** @internal Milliseconds by which the periodic work is late. */
  get overdueMs(): number {
    return this.#shell.engine.overdueMs;
  }

  /**
   * From now on sockets and timers of this node do not keep the process alive, until `ref`: for tools that use a cluster
   * and end when their work is done. A promise that is awaited does not keep it alive either. A `transport` of your own
   * takes part if it has `unref`.
   */
  unref(): this {
    this.#shell.keepAlive(false);
    return this;
  }

  /** Undoes `unref`. */
  ref(): this {
    this.#shell.keepAlive(true);
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
   * Asks the delegate for new metadata and tells the others. Resolves once that has been gossiped
   * (at once when nobody is there). After `setMeta` it tells what that set once more.
   *
   * @throws MessageTooLargeError over 512 bytes; what `nodeMeta` throws; TimeoutError; the signal's
   *   reason; ConfigError for wrong options; ShutdownError, also after a `leave`
   */
  async updateNode(options: WaitOptions = {}): Promise<void> {
    this.#mustTakePart('updateNode');
    checkOptions(options, waitRules);
    throwIfAborted(options.signal);
    await this.#announce('updateNode', this.#shell.host.nodeMeta(), options);
  }

  /**
   * Sets this node's metadata and tells the others, which see it as `node.meta`. Resolves as `updateNode` does.
   *
   * It takes precedence over `delegate.nodeMeta`: from the first call on that is not asked any more, not even after a
   * `leave` and a `join`. Without a call all is as the delegate says.
   *
   * @param meta - bytes, at most 512, or an object for {@link encodeMeta}
   * @throws MessageTooLargeError over 512 bytes; ConfigError for what is neither bytes nor such an object, and for wrong
   *   options; TimeoutError (the metadata is set then); the signal's reason; ShutdownError, also after a `leave`
   */
  async setMeta(meta: Uint8Array | Meta, options: WaitOptions = {}): Promise<void> {
    this.#mustTakePart('setMeta');
    checkOptions(options, waitRules);
    const { host } = this.#shell;
    const bytes = metaBytes(meta, host.metaLimit);
    const announced = host.announced(bytes);
    throwIfAborted(options.signal);
    this.#shell.checkFits(announced);
    host.setMeta(bytes);
    await this.#announce('setMeta', announced, options);
  }

  /**
   * Sends a message to every other member that is alive or suspect now; they get it as a `message` event, and
   * `notifyMsg`. Members that join later do not get it. Each member is sent it in a packet, at most three times until it
   * acknowledges that; it may come twice if an acknowledgement is lost, and not at all if the member does not answer.
   * Broadcasts wait while earlier ones are being sent: at most 16,384, and 16 MiB; past that the oldest are dropped
   * (`user-broadcasts-evicted`). Independent of `delegate.getBroadcasts`, which goes on beside it.
   *
   * @throws MessageTooLargeError above `maxBroadcastBytes`; ConfigError for what is no Uint8Array, and for wrong
   *   options; ShutdownError, also after a `leave`
   */
  broadcast(message: Uint8Array, options: BroadcastOptions = {}): void {
    this.#mustTakePart('broadcast');
    checkMessage(message);
    checkOptions(options, { name: optionRules.name });
    const { length } = message;
    const limit = this.maxBroadcastBytes;
    if (length > limit) throw new MessageTooLargeError('the broadcast', length, limit);
    this.#shell.broadcaster.add(message, options.name);
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
    return this.#sender.ping(node, address);
  }

  /**
   * Sends a message to a member in one packet; it may be lost.
   *
   * @param to - a member, or its name; a member that is gone has a name as long as it is in the table
   * @throws MessageTooLargeError when it does not fit into a packet (`udpBufferSize`);
   *   ProtocolError when the packet could not be sent; ConfigError for a wrong argument, such as a name that no
   *   member has; ShutdownError
   */
  sendBestEffort(to: Node | string, message: Uint8Array): Promise<void> {
    return this.#sender.bestEffort(to, message);
  }

  /**
   * Sends a message to a member over a stream. Resolves when the other side has read it and closed the stream;
   * what its application made of it, only an answer can tell. 32 messages are sent to one member at a time, 256 in
   * all; more wait for their turn, for `tcpTimeout` at most. After a rejection the message was not delivered,
   * unless the error is a timeout or a broken stream: then it may have been, and only the sign of it is lost.
   *
   * @param to - as for `sendBestEffort`
   * @throws MessageTooLargeError over 20 MiB; BusyError when too many messages wait; TimeoutError;
   *   ProtocolError, also when the other side closes the stream unread; ConfigError for a wrong argument; ShutdownError
   */
  sendReliable(to: Node | string, message: Uint8Array): Promise<void> {
    return this.#sender.reliable(to, message);
  }

  /**
   * Sends a message in one packet to an address, whether a member lives there or not; it may be lost.
   *
   * @throws as `sendBestEffort`, and NodeNameRequiredError; ConfigError when `to.addr` is no ip:port
   */
  sendToAddress(to: Address, message: Uint8Array): Promise<void> {
    return this.#sender.toAddress(to, message);
  }

  /**
   * Events from now on, to loop over. At most 1024 wait to be read; past that they are dropped, and
   * an `overflow` event says how many. Ends on shutdown, and when the signal is aborted.
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
    this.#shell.host.listenerFailed(event, error);
  }

  #comeBack(): void {
    const meta = this.#shell.host.nodeMeta();
    this.#shell.checkFits(meta);
    this.#leaving = undefined;
    this.#hasLeft = false;
    this.#shell.engine.comeBack(meta);
    this.#departure.undo();
    this.#company.start();
  }

  async #announce(what: string, meta: Buffer | null, options: WaitOptions): Promise<void> {
    this.#shell.checkFits(meta);
    await this.#waits.gossiped(what, options, (done) => this.#shell.engine.announce(meta, done));
  }

  #addressesOf(seed: string, signal: AbortSignal): Promise<Address[]> {
    const resolver = this.#config[companyPorts]?.resolver;
    return resolveSeed(seed, { ...resolver, defaultPort: this.#shell.bindPort, signal });
  }

  #notify(event: MembershipEvent): void {
    // What one part throws does not keep the others from hearing of it.
    this.#shell.guard.run(() => this.#company.onMembershipEvent(event));
    // When all leave at once, the last words of each have nobody left to hear them.
    if (event.type === 'leave') this.#waits.memberLeft();
    this.#shell.host.notify(event);
    this.#publish(event);
  }

  #publish(event: Exclude<MemberEvent, { type: 'overflow' }>): void {
    if (this.#shutdown !== undefined) return;
    this.emitSafely(event.type, argumentsOf(event));
    for (const stream of this.#streams) stream.push(event);
  }

  #mustTakePart(operation: string): void {
    this.#mustRun(operation);
    if (this.#leaving !== undefined) throw new ShutdownError(operation, 'has left the cluster');
  }

  #mustRun(operation: string): void {
    if (this.#shutdown !== undefined) throw new ShutdownError(operation);
  }
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The synchronous half of creating a node: the one place where its parts are constructed, in one order. Parts that
// need each other refer to this object, which is complete before `start` lets anything happen.
import { setMaxListeners } from 'node:events';
import { ClusterHealthMonitor } from '../cluster-health/cluster-health.js';
import type { ClusterHealthEvent } from '../cluster-health/events.js';
import type { ResolvedConfig } from '../config/options.js';
import type { Counters } from '../core/counters.js';
import { Engine } from '../core/engine.js';
import type { MembershipEvent } from '../core/membership/events.js';
import type { Report } from '../core/reports.js';
import type { Discovery } from '../discovery/discovery.js';
import type { JoinTrouble } from '../discovery/join-trouble.js';
import { MessageTooLargeError, ShutdownError } from '../errors.js';
import { Acceptor } from '../exchange/acceptor.js';
import { Dialer } from '../exchange/dialer.js';
import { Pacer } from '../exchange/pacer.js';
import type { ExtensionHost } from '../extensions/extension-host.js';
import type { Publication } from '../observability/metrics.js';
import type { Guard } from '../runtime/guard.js';
import { CidrList } from '../security/cidr.js';
import type { KeyFile } from '../security/key-file.js';
import { layersFor } from '../security/layers.js';
import { resolveSeed } from '../transport/resolve.js';
import type { Address } from '../wire/address.js';
import { PacketCodec } from '../wire/packet-codec.js';
import { Broadcaster } from './broadcaster.js';
import { coreSettings, earlierIncarnation, identityOf } from './core-init.js';
import { DelegateHost } from './delegate-host.js';
import { Departure } from './departure.js';
import { effectsOf } from './effects.js';
import { metricsSourceOf } from './metrics-source.js';
import type { OpenNode } from './open-node.js';
import { mayBePlain, OwnAddress } from './own-address.js';
import { PacketSender } from './packet-sender.js';
import {
  conversationPartsOf,
  discoveryOf,
  keyFileOf,
  extensionHostOf,
  senderOf,
  servicesOf,
  stateExchangeOf,
  streamHostOf,
} from './parts.js';
import type { Sender } from './send.js';
import type { Services } from './services.js';
import type { StateExchange } from './state-exchange.js';
import type { StreamHost } from './stream-host.js';
import { Waits } from './waits.js';

/** What the owner of a node is notified of. */
export type NodeEvent =
  | MembershipEvent
  | ClusterHealthEvent
  | { readonly type: 'message'; readonly payload: Buffer; readonly from: Address };

/** The owner of a node: its public face. */
export interface NodeOwner {
  /** Publishes an event to the application. */
  publish(event: NodeEvent): void;
  /** Shuts the node down, as the application does. */
  shutdown(): Promise<void>;
}

/** One node: engine, streams, delegates, extensions, discovery and cluster health. */
export class RunningNode {
  readonly config: ResolvedConfig;
  readonly guard: Guard;
  readonly counters: Counters;
  readonly report: (report: Report) => void;
  readonly trouble: JoinTrouble;
  readonly host: DelegateHost;
  readonly engine: Engine;
  readonly dialer: Dialer;
  readonly packets: PacketSender;
  readonly state: StateExchange;
  readonly streams: StreamHost;
  readonly extensions: ExtensionHost;
  readonly services: Services;
  readonly broadcaster: Broadcaster;
  readonly discovery: Discovery;
  readonly health: ClusterHealthMonitor;
  readonly waits: Waits;
  readonly sender: Sender;
  readonly departure: Departure;
  readonly metrics: Publication | undefined;
  readonly allowsIp: (ip: string) => boolean;
  readonly #open: OpenNode;
  readonly #owner: NodeOwner;
  /** The port that the node is bound to, which is also that of seeds without a port. */
  readonly #bindPort: number;
  readonly #pacer: Pacer;
  readonly #keyFile: KeyFile | undefined;
  /** Aborted by the shutdown. */
  readonly #down = new AbortController();
  #closed: Promise<void> | undefined;

  /** @throws ConfigError when the transport advertises no IP address, or metrics of this name exist already */
  constructor(open: OpenNode, owner: NodeOwner) {
    const { config, transport, counters, guard, seams, snapshot, advertised } = open;
    const { clock, random } = config;
    const { report } = guard;
    // Each operation that can be aborted listens; Node would warn of a leak from the eleventh on.
    setMaxListeners(0, this.#down.signal);
    this.#open = open;
    this.#owner = owner;
    this.config = config;
    this.guard = guard;
    this.counters = counters;
    this.report = report;
    this.trouble = open.trouble;
    this.#bindPort = config.bindPort === 0 ? advertised.port : config.bindPort;
    const cidrs = config.cidrsAllowed && new CidrList(config.cidrsAllowed);
    this.allowsIp = (ip) => cidrs?.allows(ip) ?? true;
    const { addr: ip, port } = advertised;
    const ownAddress = new OwnAddress(
      { transport, clock, report },
      { ip, port, mayBePlain: mayBePlain(config, transport), allowsIp: this.allowsIp },
    );
    const sendFailed = (failure: Report): void => {
      report(failure);
      ownAddress.check();
    };
    this.packets = new PacketSender({ transport, counters, report: sendFailed });
    this.#pacer = new Pacer({ clock });
    const layers = layersFor(config);
    const conversations = conversationPartsOf(this, { layers, pacer: this.#pacer });
    this.dialer = new Dialer(
      {
        ...{ transport, clock, ...conversations },
        short: (peer, detail) => this.streams.dropped(peer, 'too-many-bytes', detail),
      },
      { timeoutMs: config.tcpTimeout },
    );
    const settings = coreSettings(config, {
      bindPort: this.#bindPort,
      lifeguard: seams.lifeguard,
      disablesTcpPings: (name) => this.host.disablesTcpPings(name),
    });
    this.engine = new Engine(
      { settings, clock, random, counters, effects: effectsOf(this) },
      {
        codec: new PacketCodec(layers),
        identity: identityOf(config, advertised),
        earlierIncarnation: earlierIncarnation(config, snapshot),
      },
    );
    seams.observer?.engine?.(this.engine);
    this.extensions = extensionHostOf(this, open.logger);
    this.services = servicesOf(this, open.logger);
    this.metrics =
      config.metrics === false
        ? undefined
        : open.metrics?.publishMetrics(config.metrics, metricsSourceOf(this));
    const delegate = (): typeof config.delegate => this.extensions.delegate ?? config.delegate;
    const ping = (): typeof config.ping => this.extensions.ping ?? config.ping;
    this.host = new DelegateHost({ config, counters, report, delegate, ping });
    this.state = stateExchangeOf(this, { ownAddress, pacer: this.#pacer });
    this.streams = streamHostOf(this);
    const { engine, extensions, services } = this;
    this.broadcaster = new Broadcaster({ engine, clock, report });
    this.discovery = discoveryOf(this, { seams, snapshot, bindPort: this.#bindPort });
    const members = (): number => this.numMembers;
    const notify = (event: ClusterHealthEvent): void => owner.publish(event);
    this.health = new ClusterHealthMonitor({ config, counters, report, notify, members });
    this.waits = new Waits({ clock, hasPeers: () => engine.hasPeers, numMembers: members });
    this.sender = senderOf(this);
    this.departure = new Departure({ engine, extensions, services, guard, report });
    this.#keyFile = keyFileOf(this);
    const acceptor = new Acceptor(
      { host: this.streams, clock, ...conversations },
      { timeoutMs: config.tcpTimeout, maxStreams: transport.maxStreams },
    );
    open.intake.open({ engine, acceptor });
  }

  /**
   * Starts everything, the extensions first.
   *
   * @throws what an extension throws in `attach`; MessageTooLargeError when the alive message fits into no packet;
   *   what the delegate's `nodeMeta` throws. The caller shuts the node down then
   */
  start(): void {
    this.extensions.attach();
    const meta = this.host.nodeMeta();
    this.checkFits(meta);
    this.engine.start(meta);
    this.#keyFile?.start();
    this.discovery.start();
    this.health.start();
  }

  get isDown(): boolean {
    return this.#down.signal.aborted;
  }

  /** How many members are alive or suspect, this node included. */
  get numMembers(): number {
    return this.engine.table.present;
  }

  /** Stops everything. Resolves when the last socket is closed and the snapshot is written. Idempotent. */
  shutdown(): Promise<void> {
    this.#closed ??= this.#stop();
    return this.#closed;
  }

  /** @throws ShutdownError after the shutdown */
  mustRun(operation: string): void {
    if (this.isDown) throw new ShutdownError(operation);
  }

  /** Shuts down by way of the owner, which then knows of it. */
  shutdownFromInside(): Promise<void> {
    return this.#owner.shutdown();
  }

  /** Whether the node's sockets keep the process alive. */
  keepAlive(isKept: boolean): void {
    const { transport } = this.#open;
    if (isKept) transport.ref?.();
    else transport.unref?.();
  }

  /** @throws MessageTooLargeError when our alive message with this metadata fits into no packet */
  checkFits(meta: Buffer | null): void {
    const length = this.engine.aliveLength(meta);
    const limit = this.engine.broadcastBudget;
    if (length > limit) {
      throw new MessageTooLargeError('the alive message (name and metadata)', length, limit);
    }
  }

  /** The addresses of a seed. @throws Error when it cannot be looked up; the signal's reason */
  resolve(seed: string, signal: AbortSignal = this.#down.signal): Promise<Address[]> {
    return resolveSeed(seed, {
      ...this.#open.seams.resolver,
      defaultPort: this.#bindPort,
      signal,
    });
  }

  /** Membership changed. Extensions first: listeners that call them see them up to date. */
  onMembershipEvent(event: MembershipEvent): void {
    const { counters, extensions, guard, discovery, health, waits, host } = this;
    counters.onMembershipEvent(event);
    extensions.onMembershipEvent(event);
    // An exception in one part does not keep the others from being notified.
    guard.run(() => discovery.onMembershipEvent(event));
    guard.run(() => health.onMembershipEvent(event));
    waits.onMembershipEvent(event);
    host.notify(event);
    this.#owner.publish(event);
  }

  /** A user message came, by packet or stream: for an extension, or for the application. */
  messageCame(payload: Buffer, from: Address): void {
    if (this.extensions.receive(payload, from)) return;
    this.host.notifyMsg(payload, from);
    this.#owner.publish({ type: 'message', payload, from });
  }

  #stop(): Promise<void> {
    const { guard, discovery } = this;
    // First, as stopping the engine also finishes the broadcasts in its queue, which were not gossiped.
    this.waits.shutDown();
    this.#down.abort(new ShutdownError('join'));
    // The snapshot is taken while discovery still knows the failed members.
    const saved = discovery.close();
    guard.run(() => discovery.stop(new ShutdownError('join')));
    this.health.stop();
    this.departure.cancel();
    guard.run(() => this.services.stop());
    guard.run(() => this.extensions.stop());
    this.host.stop();
    this.packets.stop();
    this.dialer.stop();
    this.state.stop();
    this.broadcaster.stop();
    this.#keyFile?.stop();
    this.streams.stop();
    // Whatever one of them throws, the sockets are closed.
    guard.run(() => this.engine.stop());
    guard.run(() => this.#pacer.stop());
    guard.run(() => this.metrics?.unpublish());
    guard.run(() => this.#open.reporter.close());
    return Promise.all([this.#open.transport.shutdown(), saved]).then(() => undefined);
  }
}

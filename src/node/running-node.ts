/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The world round the core: transport, streams, the user's callbacks, log. It carries out the core's
// effects and brings in what arrives.
import { Broadcaster } from './broadcaster.js';
import type { Logger, ResolvedConfig } from '../config/options.js';
import type { Snapshot } from '../discovery/snapshot.js';
import { readSnapshot } from '../discovery/snapshot-keeper.js';
import { coreSettings, earlierIncarnation, identityOf } from './core-init.js';
import { Counters } from '../core/counters.js';
import { Engine } from '../core/engine.js';
import type { MembershipEvent } from '../core/membership/events.js';
import type { Report } from '../core/reports.js';
import type { Effects } from '../core/ports.js';
import { DelegateHost } from './delegate-host.js';
import { effectsOf } from './effects.js';
import { MessageTooLargeError } from '../errors.js';
import { Acceptor } from '../exchange/acceptor.js';
import type { ConversationParts } from '../exchange/conversation.js';
import { Dialer, type ExchangeSignals } from '../exchange/dialer.js';
import { Pacer } from '../exchange/pacer.js';
import { StreamMemory } from '../exchange/stream-memory.js';
import { ExtensionHost } from '../extensions/extension-host.js';
import { hostedNode } from '../extensions/hosted-node.js';
import { JoinTrouble } from '../discovery/join-trouble.js';
import { loadMetrics } from '../observability/load-metrics.js';
import { loggerFor } from '../observability/logger.js';
import type { ClusterGauges } from '../observability/metric-kinds.js';
import type * as Metrics from '../observability/metrics.js';
import { Reporter } from '../observability/reporter.js';
import { mayBePlain, OwnAddress } from './own-address.js';
import { PacketSender } from './packet-sender.js';
import { handlersFor, type Receivers } from './receivers.js';
import { Guard, internalErrorHook } from '../runtime/guard.js';
import { CidrList } from '../security/cidr.js';
import { KeyFile } from '../security/key-file.js';
import { layersFor } from '../security/layers.js';
import { NetTransport } from '../transport/net-transport.js';
import type { Transport } from '../transport/transport.js';
import { StateExchange } from './state-exchange.js';
import { StreamHost } from './stream-host.js';
import type { Address } from '../wire/address.js';
import { PacketCodec } from '../wire/packet-codec.js';

/** What the shell tells the Memberlist that owns it. */
export interface ShellListener {
  onMembershipEvent(event: MembershipEvent): void;
  messageCame(payload: Buffer, from: Address): void;
  /** Our incarnation rose, for something that was said of us. */
  refuted(): void;
  /** A node joined us, and its state added so many members. */
  wasJoined(brought: number): void;
}

/** One node, running: engine, transport and exchanges. */
export class Shell {
  /** With a clock whose callbacks pass the guard. */
  readonly config: ResolvedConfig;
  readonly guard: Guard;
  readonly engine: Engine;
  readonly counters: Counters;
  readonly dialer: Dialer;
  readonly host: DelegateHost;
  /** What is known of why others cannot be joined. */
  readonly trouble: JoinTrouble;
  readonly broadcaster: Broadcaster;
  readonly extensions: ExtensionHost;
  readonly packets: PacketSender;
  readonly report: (report: Report) => void;
  readonly bindPort: number;
  /** What an earlier life of ours wrote down. */
  readonly snapshot: Snapshot | undefined;
  readonly #transport: Transport;
  readonly #reporter: Reporter;
  readonly #pacer: Pacer;
  readonly #state: StateExchange;
  readonly #streams: StreamHost;
  readonly #ownAddress: OwnAddress;
  readonly #allowsIp: (ip: string) => boolean;
  readonly #listener: ShellListener;
  #down: Promise<void> | undefined;
  /** Tells the metrics of the company that we are in. */
  company: () => ClusterGauges = () => ({ reconnectCandidates: 0, expected: 1, health: 'healthy' });
  /** Is told when this node is cut off, and when it is not any more. */
  cutOff: (isCutOff: boolean) => void = () => undefined;
  #metrics: Metrics.Publication | undefined;
  #keyFile: KeyFile | undefined;

  private constructor(
    base: Base,
    init: {
      advertised: { addr: string; port: number };
      snapshot: Snapshot | undefined;
      listener: ShellListener;
    },
  ) {
    const { config, transport, counters, guard, reporter, host } = base;
    const { report } = guard;
    const cidrs = config.cidrsAllowed && new CidrList(config.cidrsAllowed);
    this.config = config;
    this.guard = guard;
    this.#transport = transport;
    this.#reporter = reporter;
    this.#allowsIp = (ip) => cidrs?.allows(ip) ?? true;
    this.counters = counters;
    this.report = report;
    this.host = host;
    this.trouble = base.trouble;
    this.snapshot = init.snapshot;
    const { addr, port } = init.advertised;
    this.bindPort = config.bindPort === 0 ? port : config.bindPort;
    const { clock, random } = config;
    const sendFailed = (failure: Report): void => {
      report(failure);
      this.#ownAddress.check();
    };
    this.packets = new PacketSender({ transport, counters, report: sendFailed });
    const layers = layersFor(config);
    this.#pacer = new Pacer({ clock });
    const streams = this.#conversationParts(layers);
    const short = (peer: string, detail: string): void =>
      this.#streams.dropped(peer, 'too-many-bytes', detail);
    this.dialer = new Dialer(
      { transport, clock, short, ...streams },
      { timeoutMs: config.tcpTimeout },
    );
    const settings = coreSettings(config, this.bindPort, host);
    const listener = (this.#listener = init.listener);
    const effects = this.#effects(listener);
    this.engine = new Engine(
      { settings, clock, random, effects, counters },
      {
        codec: new PacketCodec(layers),
        identity: identityOf(config, init.advertised),
        earlierIncarnation: earlierIncarnation(config, init.snapshot),
      },
    );
    this.broadcaster = new Broadcaster({ engine: this.engine, clock, report });
    this.extensions = this.#extensionHost(base.logger);
    host.takeDelegate(this.extensions.attach());
    const meta = host.nodeMeta();
    this.checkFits(meta);
    this.#ownAddress = new OwnAddress(
      { transport, clock, report },
      { ip: addr, port, mayBePlain: mayBePlain(config, transport), allowsIp: this.#allowsIp },
    );
    const { engine, dialer } = this;
    this.#state = new StateExchange(
      {
        ...{ engine, host, dialer, pacer: this.#pacer, ownAddress: this.#ownAddress },
        ...{ clock, counters, guard, report },
        exchanged: (exchange) => this.#metrics?.exchanged(exchange),
      },
      { asksForMerges: config.merge !== undefined },
    );
    this.#streams = this.#streamHost(listener);
    base.acceptor = new Acceptor(
      { host: this.#streams, clock, ...streams },
      { timeoutMs: config.tcpTimeout, maxStreams: transport.maxStreams },
    );
    base.engine = this.engine;
    this.engine.start(meta);
  }

  /**
   * Binds, and starts the node.
   *
   * @throws whatever keeps it from starting; no socket is left open then
   */
  static async start(given: ResolvedConfig, listener: ShellListener): Promise<Shell> {
    const { bindAddr, bindPort, advertiseAddr, advertisePort } = given;
    const counters = new Counters();
    const trouble = new JoinTrouble();
    const write = (report: Report): void => {
      trouble.observe(report);
      reporter.report(report);
    };
    const guard = new Guard({ counters, report: write }, { hook: given[internalErrorHook] });
    const { report } = guard;
    const clock = guard.clock(given.clock);
    const config = { ...given, clock };
    const transport = config.transport ?? new NetTransport({ bindAddr, bindPort, clock });
    const logger = await loggerFor(config.logger);
    const reporter = new Reporter({ logger, clock });
    const host = new DelegateHost({ config, counters, report });
    const base: Base = { config, transport, counters, guard, reporter, logger, host, trouble };
    try {
      // Before the node runs, as what it tells goes to somebody who has it only once this resolved.
      const metrics =
        config.metrics === false ? undefined : await loadMetrics(config.metrics, report);
      const snapshot = config.snapshot && (await readSnapshot({ config, report }));
      await transport.start(
        handlersFor(base, {
          descriptorsShort: (detail) => {
            counters.drop('too-many-streams');
            report({ code: 'descriptors-short', detail });
          },
        }),
      );
      const advertised = transport.finalAdvertiseAddr(advertiseAddr, advertisePort);
      const shell = new Shell(base, { advertised, snapshot, listener });
      if (metrics !== undefined) shell.#publishMetrics(metrics);
      shell.#watchKeys();
      return shell;
    } catch (error) {
      base.engine?.stop();
      await transport.shutdown();
      reporter.close();
      throw error;
    }
  }

  get isDown(): boolean {
    return this.#down !== undefined;
  }

  /** Stops everything; resolves when the last socket is closed. */
  shutdown(): Promise<void> {
    if (this.#down === undefined) {
      const { guard } = this;
      guard.run(() => this.extensions.stop());
      this.host.stop();
      this.packets.stop();
      this.dialer.stop();
      this.#state.stop();
      this.broadcaster.stop();
      this.#keyFile?.stop();
      this.#streams.stop();
      // Whatever one of them throws, the sockets are closed.
      guard.run(() => this.engine.stop());
      guard.run(() => this.#pacer.stop());
      guard.run(() => this.#metrics?.unpublish());
      this.#metrics = undefined;
      guard.run(() => this.#reporter.close());
      this.#down = this.#transport.shutdown();
    }
    return this.#down;
  }

  /** A user message was not as whoever takes it needs it. */
  messageDropped(peer: string, detail: string): void {
    this.counters.drop('malformed');
    this.report({ code: 'packet-dropped', peer, reason: 'malformed', detail });
  }

  /**
   * Exchanges state with a node and merges what it sends.
   *
   * @throws as `StateExchange.exchange`
   */
  pushPull(to: Address, join: boolean, signals?: ExchangeSignals): Promise<void> {
    return this.#state.exchange(to, join, signals);
  }

  /**
   * @throws MessageTooLargeError when our alive message with this metadata fits into no packet
   */
  checkFits(meta: Buffer | null): void {
    const length = this.engine.aliveLength(meta);
    const limit = this.engine.broadcastBudget;
    if (length > limit) {
      throw new MessageTooLargeError('the alive message (name and metadata)', length, limit);
    }
  }

  #streamHost(listener: ShellListener): StreamHost {
    const { config, counters, report, guard, engine } = this;
    return new StreamHost(
      {
        state: this.#state,
        counters,
        report,
        failed: guard.failed,
        allowsIp: this.#allowsIp,
        messageCame: (payload, from) => this.messageCame(payload, from),
        wasJoined: (brought) => listener.wasJoined(brought),
        members: () => engine.table.present,
      },
      { name: config.name },
    );
  }

  /** Whether the node's sockets keep the process alive. */
  keepAlive(isKept: boolean): void {
    if (isKept) this.#transport.ref?.();
    else this.#transport.unref?.();
  }

  #watchKeys(): void {
    const { keyFile, keyring, clock } = this.config;
    if (keyFile === undefined || keyring === undefined) return;
    this.#keyFile = new KeyFile(keyFile, { clock, keyring, report: this.report });
    this.#keyFile.start();
  }

  #publishMetrics({ publishMetrics }: typeof Metrics): void {
    const { metrics, name } = this.config;
    if (metrics === false) return;
    const { engine, counters, extensions } = this;
    this.#metrics = publishMetrics(metrics, {
      node: name,
      counters,
      failed: this.guard.failed,
      healthScore: () => engine.health.score,
      queueDepth: () => engine.queue.numQueued,
      clusterHealth: () => this.company(),
      inboxDepth: () => engine.inboxDepth,
      suspicions: () => engine.suspicionsRunning,
      members: () => engine.table.countByState(),
      extensions: extensions.all,
    });
  }

  #conversationParts(layers: ConversationParts['layers']): ConversationParts {
    const { config, host, counters } = this;
    return {
      layers,
      pacer: this.#pacer,
      pool: new StreamMemory(),
      traffic: counters.streams,
      // A merge delegate is shown everybody.
      isKnown: config.merge ? undefined : (record) => this.engine.merger.isKnown(record),
      keepsState: () => host.mergesStates,
    };
  }

  #effects(listener: ShellListener): Effects {
    return effectsOf(this, listener, {
      allowsIp: this.#allowsIp,
      pushPull: (to) => this.#state.inBackground(to),
      acknowledged: ({ name }, roundTripMs) => {
        this.#metrics?.roundTrip(roundTripMs);
        this.#state.watch.acknowledged(name);
      },
    });
  }

  #extensionHost(logger: Logger): ExtensionHost {
    const { config, engine, host, packets, dialer, counters, report } = this;
    const updateMeta = (): void => {
      const meta = host.nodeMeta();
      this.checkFits(meta);
      engine.announce(meta);
    };
    const parts = { config, engine, packets, dialer, counters, report, logger, updateMeta };
    return new ExtensionHost(hostedNode(parts), {
      use: config.use,
      fanOut: config.gossipNodes,
      randomFor: (label) => config.random.fork?.(label) ?? config.random,
      hasDelegate: config.delegate !== undefined,
    });
  }

  /** A user message came, by packet or stream: it is for an extension, or for the user. */
  messageCame(payload: Buffer, from: Address): void {
    if (!this.extensions.receive(payload, from)) this.#listener.messageCame(payload, from);
  }

  /** Another node was joined, or joined us. */
  joined(): void {
    this.extensions.joined();
  }
}

// What there is before the engine: packets may come as soon as the transport is bound.
interface Base extends Receivers {
  readonly config: ResolvedConfig;
  readonly transport: Transport;
  readonly counters: Counters;
  readonly reporter: Reporter;
  readonly host: DelegateHost;
  readonly trouble: JoinTrouble;
  readonly logger: Logger;
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Everything that a user can set, and what becomes of it. Durations are milliseconds, sizes bytes;
// names are Go memberlist's in camelCase. "Default" means `lanConfig()`.
import type { LifeguardRules, lifeguardRules } from '../core/lifeguard/rules.js';
import type { companyPorts, CompanyPorts } from '../discovery/ports.js';
import type { Clock, Random } from '../core/ports.js';
import type { LifeHooks, lifeHooks } from './life-hooks.js';
import type {
  AliveDelegate,
  ConflictDelegate,
  Delegate,
  EventDelegate,
  MergeDelegate,
  PingDelegate,
} from '../delegates.js';
import type { Extension } from '../extensions/extension.js';
import type { nodeObserver, NodeObserver } from '../observability/node-observer.js';
import type { internalErrorHook, InternalErrorHook } from '../runtime/guard.js';
import type { Keyring } from '../security/keyring.js';
import type { Transport } from '../transport/transport.js';

/**
 * Where log lines go: `console` will do, and so will pino, which is recognised and given its arguments
 * in its own order, an error as `err`. The fields are the line's `code`, `subsystem` and `peer`, if there
 * is one, and what belongs to that code. What a method throws is dropped.
 */
export interface Logger {
  /** For whoever hunts a problem: dropped packets, ignored claims. */
  debug(message: string, fields?: object): void;
  /** What an operator may like to know. */
  info(message: string, fields?: object): void;
  /** What an operator should look at: conflicts, packets that do not get through. */
  warn(message: string, fields?: object): void;
  /** What failed and is not going to mend itself. */
  error(message: string, fields?: object): void;
}

/**
 * A registry of prom-client 13, 14 or 15. The type names what is called only, so that it does not matter which of them
 * the application uses.
 */
export interface MetricsRegistry {
  /** Adds a metric. */
  registerMetric(metric: object): void;
  /** The metric of a name, if there is one. */
  getSingleMetric(name: string): object | undefined;
  /** Removes the metric of a name. */
  removeSingleMetric(name: string): void;
}

/** How metrics are published. */
export interface MetricsOptions {
  /**
   * Where the metrics are registered: the `register` that the application serves. Default: the global registry of the
   * prom-client that this package depends on; if the application has another copy, a warning says so (`other-registry`).
   */
  readonly registry?: MetricsRegistry | undefined;
  /** Labels that every metric carries, such as the name of the cluster. Default: none. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** What the metrics' names begin with. Default: `memberlist_`. */
  readonly prefix?: string | undefined;
}

/** How members that failed are looked for, and seeds that are no members. */
export interface RejoinOptions {
  /** Time between two looks: above 0. Default: 30 s. */
  readonly interval?: number | undefined;
  /** Time for one look, with all that it contacts: above 0. Default: 10 s. */
  readonly timeout?: number | undefined;
  /** How long a failed member is looked for: above 0. Default: 72 h. */
  readonly forgetAfter?: number | undefined;
}

/**
 * Seeds: a list of `host`, `host:port`, `[v6]:port`, `v6`, each optionally as `name/…`, and
 * `srv+<name>` for the SRV records of a name; or a function that gives such a list, asked again each
 * time. Its signal is aborted when the answer is no longer wanted.
 */
export type Seeds = readonly string[] | ((signal: AbortSignal) => Promise<readonly string[]>);

/**
 * What `Memberlist.create` takes. Every field is optional, and one that is explicitly undefined
 * counts as not given; but `secretKey`, `keyring` and `keyFile` must have a value if they are there.
 */
export interface MemberlistConfig {
  /**
   * The name of this node, unique in the cluster: 1 to 512 bytes of UTF-8, and no longer than what a ping
   * with two such names holds (`udpBufferSize`). Default: the name of
   * the host, as in Go memberlist.
   */
  name?: string | undefined;

  /** The IP to bind, or several of them (of both families, for instance). Default: `'0.0.0.0'`. */
  bindAddr?: string | readonly string[] | undefined;
  /** The port to bind, UDP and TCP: 0 to 65535, where 0 picks a free one. Default: 7946. */
  bindPort?: number | undefined;
  /**
   * The IP that others are told, for instance behind NAT. Default: the first bound one that is not loopback; if
   * that is `0.0.0.0` or `::`, a private one, that of the interface with the default route first.
   */
  advertiseAddr?: string | undefined;
  /** The port that others are told: 0 to 65535. Default (and the meaning of 0): the bound one. */
  advertisePort?: number | undefined;

  /** The protocol version to speak: 1 to 5. Default: 2, as in Go memberlist. */
  protocolVersion?: number | undefined;
  /** The version of the user's own protocol: 0 to 255, from Min to Max. Default: 0. */
  delegateProtocolVersion?: number | undefined;
  /** The oldest version of the user's own protocol that we understand: 0 to 255. Default: 0. */
  delegateProtocolMin?: number | undefined;
  /** The newest version of the user's own protocol that we understand: 0 to 255. Default: 0. */
  delegateProtocolMax?: number | undefined;

  /**
   * A text of at most 255 bytes that all nodes of this cluster put before their packets and
   * streams; those with another label are not listened to. Default: `''`, no label.
   */
  label?: string | undefined;
  /**
   * Take what comes without a label, and refuse what has one: for when somebody in front of us
   * has checked and removed it. Default: false.
   */
  skipInboundLabelCheck?: boolean | undefined;

  /**
   * The key that encrypts all traffic: 16, 24 or 32 bytes (AES-128, AES-192, AES-256), or base64
   * of that. For several keys, or to rotate them, use `keyring`. A `secretKey` that is there and undefined or empty is
   * a ConfigError: an environment variable that is not set must not switch encryption off. Default: no encryption.
   */
  secretKey?: Uint8Array | string;
  /** The keys that encrypt all traffic. Not together with `secretKey` or `keyFile`. Default: no encryption. */
  keyring?: Keyring;
  /**
   * A file with the keys that encrypt all traffic: one a line, in base64, the first is the primary; what follows a `#`
   * does not count. Watched: when it changes its keys are taken at once (`key-file-read`), and when it is wrong then the
   * node keeps the keys that it has (`key-file-failed`). Mode 0640 or less. Not together with `secretKey` or
   * `keyring`. Default: no encryption.
   */
  keyFile?: string;
  /**
   * Traffic is meant to be in plaintext: nothing is logged about it (`plaintext`, `public-address`). Not together with a
   * key. Default: false.
   */
  plaintext?: boolean | undefined;
  /** With a key: drop what is not encrypted. False only while encryption is rolled out. Default: true. */
  gossipVerifyIncoming?: boolean | undefined;
  /** With a key: encrypt what we send. False only while encryption is rolled out. Default: true. */
  gossipVerifyOutgoing?: boolean | undefined;
  /**
   * The networks that members may be in, such as `['10.0.0.0/8', 'fd00::/8']`; at least one.
   * Families are separate: without an IPv6 network there are no IPv6 members. Packets and streams
   * from elsewhere are refused unread, and so are members that are said to live elsewhere: where NAT
   * changes sources, list those networks too. (Go looks at the sources of alive packets only.) What
   * is no IP, as a `transport` of your own may have it, is in no network. Default: all networks.
   */
  cidrsAllowed?: readonly string[] | undefined;
  /** Refuse to send to addresses that come without the name of their node. Default: false. */
  requireNodeNames?: boolean | undefined;

  /** Time for dialling, and then for all of an exchange over the stream: above 0. Default: 10 s. */
  tcpTimeout?: number | undefined;
  /** Do not fall back to a ping over a stream when the packets of a probe fail. Default: false. */
  disableTcpPings?: boolean | undefined;
  /** The same for single nodes: true switches the stream ping of that node off. Default: none is. */
  disableTcpPingsForNode?: ((name: string) => boolean) | undefined;

  /** Time between two probe rounds; 0 switches probing off. Default: 1 s. */
  probeInterval?: number | undefined;
  /** Time for a direct ack before others are asked to probe: above 0. Default: 500 ms. */
  probeTimeout?: number | undefined;
  /** How many others are asked to probe a node that does not answer us: 0 or more. Default: 3. */
  indirectChecks?: number | undefined;
  /**
   * The local health score stays under this: 1 or more, and 1 switches Lifeguard's stretching of
   * the probe interval off. Default: 8.
   */
  awarenessMaxMultiplier?: number | undefined;
  /**
   * The shortest time under suspicion is this × max(1, log10 of the cluster's size) ×
   * `probeInterval`; this less 2 confirmations shorten the longest to it. 1 or more. Default: 4.
   */
  suspicionMult?: number | undefined;
  /** The longest time under suspicion is this × the shortest: 1 or more. Default: 6. */
  suspicionMaxTimeoutMult?: number | undefined;

  /** Time between two gossip rounds; 0 switches them off. Default: 200 ms. */
  gossipInterval?: number | undefined;
  /** How many random members each gossip round goes to: 0 or more. Default: 3. */
  gossipNodes?: number | undefined;
  /**
   * How long the dead are still gossiped to, so that the falsely dead can refute; after that they
   * are forgotten. 0 or more. Default: 30 s.
   */
  gossipToTheDeadTime?: number | undefined;
  /**
   * A message is sent at most this × ⌈log10(n + 1)⌉ times in a cluster of n: 1 or more. Default: 4.
   */
  retransmitMult?: number | undefined;

  /**
   * Time between two full exchanges with a random member; 0 switches them off. Stretched as the
   * cluster grows past 32 nodes. Default: 30 s.
   */
  pushPullInterval?: number | undefined;
  /**
   * Exchange more often at first after a join (1 s, 2 s, 4 s, …), which finds what gossip missed
   * when many join at once. Ours; Go memberlist has none. Default: true.
   */
  settleAfterJoin?: boolean | undefined;
  /**
   * How long after its death another node may take a dead node's name; 0: it may not. (Who left
   * by itself gives its name free at once.) Default: 0.
   */
  deadNodeReclaimTime?: number | undefined;
  /**
   * How many members this node keeps, ourselves and the dead that are not forgotten yet included: 1 or more. Names
   * that are not known yet are ignored past it (`too-many-members`); members that are known are not affected. It
   * bounds memory where names can be forged. Ours; Go memberlist has none. Default: 100,000.
   */
  maxMembers?: number | undefined;

  /**
   * Others to join, looked up again at every attempt: at the start until somebody answered, and from
   * then on, unless `rejoin` is false, those that are no members. `create` does not wait for them, and
   * does not fail when nobody answers; `ready` waits. Default: none.
   */
  seeds?: Seeds | undefined;
  /**
   * Look for members that failed, so that a cluster that was cut in two is one again by itself: in each
   * interval the whole cluster contacts each of them about once, less often the longer it is gone
   * (pauses of a twentieth of that time, up to an hour). Who left by itself is not looked for. False
   * switches it off; Go memberlist has none. Default: every 30 s, for 10 s, for up to 72 h.
   */
  rejoin?: RejoinOptions | false | undefined;

  /**
   * A file that remembers who was there and our incarnation, written every few seconds at most when
   * something changed, in one step. A node that starts again joins those in it when no seed answers, and
   * begins above its old incarnation. The path must be that of a regular file or of nothing, in a folder that
   * is there, or `create` throws a ConfigError; a symbolic link is followed and stays. Default: none.
   */
  snapshot?: { readonly path: string } | undefined;

  /**
   * How many members should be there, ourselves included: 1 or more. With half of them or fewer this
   * node tells of `minority`, alone of `isolated`, then of `quorum-restored`. Default: the most that were
   * there within an hour, less those who left by themselves.
   */
  expectedMembers?: number | undefined;

  /** Compress what we send (LZW): streams always, packets where it makes them smaller. Default: true. */
  enableCompression?: boolean | undefined;
  /** The most bytes of a packet that we send: 512 to 65507. Default: 1400. */
  udpBufferSize?: number | undefined;
  /** How many inbound messages of each priority may wait: 1 or more. Default: 1024. */
  handoffQueueDepth?: number | undefined;
  /** Time between two reports of the broadcast queue's depth; 0 switches them off. Default: 30 s. */
  queueCheckInterval?: number | undefined;

  /** Metadata, messages and state of the user's own. Default: none. */
  delegate?: Delegate | undefined;
  /** Is told of joins, leaves and updates. Default: none. */
  events?: EventDelegate | undefined;
  /** Is told of name conflicts. Default: none. */
  conflict?: ConflictDelegate | undefined;
  /** May refuse to merge with another cluster. Default: none; all are merged. */
  merge?: MergeDelegate | undefined;
  /** Measures round trips. Default: none. */
  ping?: PingDelegate | undefined;
  /** May refuse members. Default: none; all are taken. */
  alive?: AliveDelegate | undefined;

  /**
   * Extensions, or a function that makes them for each node. Their names are announced in the metadata, behind that of
   * the user, which has the less room. Default: none.
   */
  use?: readonly Extension[] | (() => readonly Extension[]) | undefined;
  /** The network. Default: a `NetTransport` (UDP and TCP) on `bindAddr` and `bindPort`. */
  transport?: Transport | undefined;
  /**
   * Where log lines go. Default: `warn` and `error` to stderr, at most 20 lines in 10 s, and all levels to the `debug`
   * package under `memberlist:*`; a line that goes there does not go to stderr as well. False: to `debug` only.
   */
  logger?: Logger | false | undefined;
  /** Metrics for Prometheus, or false for none. Default: false. */
  metrics?: MetricsOptions | false | undefined;
  /** The source of time. Default: the system's. */
  clock?: Clock | undefined;
  /** The source of randomness. Default: `Math.random`. */
  random?: Random | undefined;
}

/** Settings that stay undefined when they are not given. */
export type OptionalSetting =
  | 'advertiseAddr'
  | 'advertisePort'
  | 'keyring'
  | 'keyFile'
  | 'cidrsAllowed'
  | 'seeds'
  | 'snapshot'
  | 'expectedMembers'
  | 'disableTcpPingsForNode'
  | 'delegate'
  | 'events'
  | 'conflict'
  | 'merge'
  | 'ping'
  | 'alive'
  | 'transport'
  | 'logger';

/** Settings that take another form in {@link ResolvedConfig}. */
type ReshapedSetting = 'secretKey' | 'bindAddr' | 'rejoin' | 'use';

type FilledSettings = {
  readonly [
    Field in keyof MemberlistConfig as Exclude<Field, OptionalSetting | ReshapedSetting>
  ]-?: Exclude<MemberlistConfig[Field], undefined>;
};

type OptionalSettings = {
  readonly [Field in OptionalSetting]-?: MemberlistConfig[Field] | undefined;
};

/** {@link RejoinOptions} with the defaults filled in. */
export interface ResolvedRejoin {
  readonly interval: number;
  readonly timeout: number;
  readonly forgetAfter: number;
}

/**
 * A configuration that passed all rules, with every default filled in. Frozen, the user's own
 * objects excepted. A `secretKey` has become the `keyring`.
 */
export interface ResolvedConfig extends FilledSettings, OptionalSettings {
  /** The IPs to bind; at least one. */
  readonly bindAddr: readonly string[];
  /** The extensions; empty without any. */
  readonly use: readonly Extension[];
  /** How lost members are looked for; false: they are not. */
  readonly rejoin: ResolvedRejoin | false;
  /** @internal What a simulation, or a test, exchanges. */
  readonly [companyPorts]?: CompanyPorts;
  /** @internal Only experiments have other rules than those of production. */
  readonly [lifeguardRules]?: LifeguardRules;
  /** @internal Simulations and tests fail by it. */
  readonly [internalErrorHook]?: InternalErrorHook;
  /** @internal Simulations observe the node with it. */
  readonly [nodeObserver]?: NodeObserver;
  /** @internal What the library itself brings along, to be told of the node's life. */
  readonly [lifeHooks]?: LifeHooks;
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The configuration as given and as resolved. Durations are in milliseconds, sizes in bytes; names are those of Go
// memberlist in camelCase. "Default" means `lanConfig()`.
import type { Clock, Random } from '../core/ports.js';
import type {
  AliveDelegate,
  ConflictDelegate,
  Delegate,
  EventDelegate,
  MergeDelegate,
  PingDelegate,
} from '../delegates.js';
import type { Extension } from '../extensions/extension.js';
import type { Keyring } from '../security/keyring.js';
import type { Transport } from '../transport/transport.js';

/**
 * Receives log lines. `console` works, and so does pino, which is recognized and called with its own order of arguments
 * and an error as `err`. The fields are the line's `code`, `subsystem` and `peer`, if there is one, and those of the
 * code. Exceptions of its methods are ignored.
 */
export interface Logger {
  /** Details for debugging: dropped packets, ignored claims. */
  debug(message: string, fields?: object): void;
  /** Changes of the cluster. */
  info(message: string, fields?: object): void;
  /** Problems that an operator should examine: conflicts, packets that do not get through. */
  warn(message: string, fields?: object): void;
  /** Failures that do not resolve themselves. */
  error(message: string, fields?: object): void;
}

/**
 * A registry of prom-client 13, 14 or 15. The type is structural, so that the application can use any of them.
 */
export interface MetricsRegistry {
  /** Adds a metric. */
  registerMetric(metric: object): void;
  /** The metric with a name; undefined if there is none. */
  getSingleMetric(name: string): object | undefined;
  /** Removes the metric with a name. */
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
  /** The prefix of the metrics' names. Default: `memberlist_`. */
  readonly prefix?: string | undefined;
}

/** How failed members, and seeds that are no members, are contacted again. */
export interface RejoinOptions {
  /** Time between two attempts: above 0. Default: 30 s. */
  readonly interval?: number | undefined;
  /** Time for one attempt with all its contacts: above 0. Default: 10 s. */
  readonly timeout?: number | undefined;
  /** How long a failed member remains a reconnect candidate: above 0. Default: 72 h. */
  readonly forgetAfter?: number | undefined;
}

/**
 * Seeds: a list of `host`, `host:port`, `[v6]:port`, `v6`, each optionally as `name/…`, and
 * `srv+<name>` for the SRV records of a name; or a function that returns such a list, called for each
 * attempt. Its signal is aborted when the result is not needed any more.
 */
export type Seeds = readonly string[] | ((signal: AbortSignal) => Promise<readonly string[]>);

/**
 * The configuration for `Memberlist.create`. Every field is optional, and one that is explicitly undefined
 * counts as not given; except `secretKey`, `keyring` and `keyFile`, which must have a value if they are present.
 */
export interface MemberlistConfig {
  /**
   * The name of this node, unique in the cluster: 1 to 512 bytes of UTF-8, and short enough that a ping with two such
   * names fits into a packet (`udpBufferSize`). Default: the name of the host, as in Go memberlist.
   */
  name?: string | undefined;

  /** The IP to bind, or several of them (of both families, for instance). Default: `'0.0.0.0'`. */
  bindAddr?: string | readonly string[] | undefined;
  /** The port to bind, UDP and TCP: 0 to 65535, where 0 picks a free one. Default: 7946. */
  bindPort?: number | undefined;
  /**
   * The IP at which other members reach this node, for example behind NAT. Default: the first bound IP that is not
   * loopback; if that is `0.0.0.0` or `::`, a private IP, that of the interface with the default route first.
   */
  advertiseAddr?: string | undefined;
  /** The port at which other members reach this node: 0 to 65535. Default (and the meaning of 0): the bound one. */
  advertisePort?: number | undefined;

  /** The protocol version to speak: 1 to 5. Default: 2, as in Go memberlist. */
  protocolVersion?: number | undefined;
  /** The version of the delegate's protocol: 0 to 255, from Min to Max. Default: 0. */
  delegateProtocolVersion?: number | undefined;
  /** The oldest version of the delegate's protocol that this node understands: 0 to 255. Default: 0. */
  delegateProtocolMin?: number | undefined;
  /** The newest version of the delegate's protocol that this node understands: 0 to 255. Default: 0. */
  delegateProtocolMax?: number | undefined;

  /**
   * The label of the cluster, at most 255 bytes: a prefix of all packets and streams. Traffic with another label is
   * dropped. Default: `''`, no label.
   */
  label?: string | undefined;
  /**
   * Accept traffic without a label and refuse traffic with one: for a node behind a proxy that checks and removes
   * labels. Default: false.
   */
  skipInboundLabelCheck?: boolean | undefined;

  /**
   * The key that encrypts all traffic: 16, 24 or 32 bytes (AES-128, AES-192, AES-256), or base64
   * of that. For several keys, or to rotate them, use `keyring`. A `secretKey` that is present and undefined or empty is
   * a ConfigError: an unset environment variable must not switch encryption off. Default: no encryption.
   */
  secretKey?: Uint8Array | string;
  /** The keys that encrypt all traffic. Not together with `secretKey` or `keyFile`. Default: no encryption. */
  keyring?: Keyring;
  /**
   * A file with the keys that encrypt all traffic: one per line, in base64, the first is the primary; `#` starts a
   * comment. The node watches the file and applies changed keys at once (`key-file-read`); if the file is invalid then,
   * it keeps its keys (`key-file-failed`). Mode 0640 or less. Not together with `secretKey` or
   * `keyring`. Default: no encryption.
   */
  keyFile?: string;
  /**
   * Plaintext is intended: the warnings about it (`plaintext`, `public-address`) are not logged. Not together with a
   * key. Default: false.
   */
  plaintext?: boolean | undefined;
  /** With a key: drop traffic that is not encrypted. False only while encryption is rolled out. Default: true. */
  gossipVerifyIncoming?: boolean | undefined;
  /** With a key: encrypt outgoing traffic. False only while encryption is rolled out. Default: true. */
  gossipVerifyOutgoing?: boolean | undefined;
  /**
   * The networks that members may be in, such as `['10.0.0.0/8', 'fd00::/8']`; at least one.
   * Families are separate: without an IPv6 network there are no IPv6 members. Packets and streams
   * from other networks are refused unread, and so are claims about members in them: where NAT
   * changes sources, list those networks too. (Go checks only the sources of alive packets.) An
   * address of a custom `transport` that is no IP is in no network. Default: all networks.
   */
  cidrsAllowed?: readonly string[] | undefined;
  /** Refuse to send to addresses without the name of their node. Default: false. */
  requireNodeNames?: boolean | undefined;

  /** Time for dialing, and then for a whole exchange over the stream: above 0. Default: 10 s. */
  tcpTimeout?: number | undefined;
  /** Do not fall back to a ping over a stream when the packets of a probe fail. Default: false. */
  disableTcpPings?: boolean | undefined;
  /** The same for single nodes: true switches stream pings of that node off. Default: false for all. */
  disableTcpPingsForNode?: ((name: string) => boolean) | undefined;

  /** Time between two probe rounds; 0 switches probing off. Default: 1 s. */
  probeInterval?: number | undefined;
  /** Time for a direct ack before other members are asked to probe: above 0. Default: 500 ms. */
  probeTimeout?: number | undefined;
  /** How many members are asked to probe a node that does not answer: 0 or more. Default: 3. */
  indirectChecks?: number | undefined;
  /**
   * The upper bound (exclusive) of the local health score: 1 or more, and 1 switches off Lifeguard's longer probe
   * intervals. Default: 8.
   */
  awarenessMaxMultiplier?: number | undefined;
  /**
   * The shortest suspicion timeout is this × max(1, log10 of the cluster's size) × `probeInterval`;
   * this many confirmations less 2 shorten the longest timeout to it. 1 or more. Default: 4.
   */
  suspicionMult?: number | undefined;
  /** The longest suspicion timeout is this × the shortest: 1 or more. Default: 6. */
  suspicionMaxTimeoutMult?: number | undefined;

  /** Time between two gossip rounds; 0 switches them off. Default: 200 ms. */
  gossipInterval?: number | undefined;
  /** How many random members each gossip round goes to: 0 or more. Default: 3. */
  gossipNodes?: number | undefined;
  /**
   * How long gossip is still sent to dead members, so that they can refute; after that they are reaped.
   * 0 or more. Default: 30 s.
   */
  gossipToTheDeadTime?: number | undefined;
  /**
   * A message is sent at most this × ⌈log10(n + 1)⌉ times in a cluster of n: 1 or more. Default: 4.
   */
  retransmitMult?: number | undefined;

  /**
   * Time between two push/pulls with a random member; 0 switches them off. The interval grows with
   * the cluster above 32 nodes. Default: 30 s.
   */
  pushPullInterval?: number | undefined;
  /**
   * Do additional push/pulls after a join (after 1 s, 2 s, 4 s, …), which deliver what gossip missed
   * when many nodes join at once. Not in Go memberlist. Default: true.
   */
  settleAfterJoin?: boolean | undefined;
  /**
   * How long after a node's death another node may take its name; 0: never. (The name of a node that
   * left is free at once.) Default: 0.
   */
  deadNodeReclaimTime?: number | undefined;
  /**
   * The most members in the table, this node and dead members that are not reaped yet included: 1 or more. Beyond it,
   * new names are ignored (`too-many-members`); known members are not affected. It bounds memory if names are forged.
   * Not in Go memberlist. Default: 100,000.
   */
  maxMembers?: number | undefined;

  /**
   * Nodes to join, looked up again at every attempt: at the start until one answers, and after that,
   * unless `rejoin` is false, those that are no members. `create` does not wait for them, and
   * does not fail when none answers; `ready` waits. Default: none.
   */
  seeds?: Seeds | undefined;
  /**
   * Contact failed members again, so that network partitions heal automatically: in each
   * interval the whole cluster contacts each of them about once, less often the longer it is gone
   * (pauses of a twentieth of that time, up to an hour). Members that left are not contacted. False
   * switches it off. Not in Go memberlist. Default: every 30 s, for 10 s, for up to 72 h.
   */
  rejoin?: RejoinOptions | false | undefined;

  /**
   * A file with the members and this node's incarnation, replaced atomically after changes, every few seconds at most.
   * A node that starts again joins the members in it when no seed answers, and starts above its old incarnation. The
   * path must be that of a regular file, or free, in an existing folder; otherwise `create` throws a ConfigError. A
   * symbolic link is followed and stays. Default: none.
   */
  snapshot?: { readonly path: string } | undefined;

  /**
   * The expected number of members, this node included: 1 or more. With half of them or fewer this
   * node reports `minority`, alone `isolated`, and later `quorum-restored`. Default: the largest number
   * within an hour, less members that left.
   */
  expectedMembers?: number | undefined;

  /** Compress outgoing traffic (LZW): streams always, packets if that makes them smaller. Default: true. */
  enableCompression?: boolean | undefined;
  /** The largest outgoing packet, in bytes: 512 to 65507. Default: 1400. */
  udpBufferSize?: number | undefined;
  /** How many inbound messages of each priority may be queued: 1 or more. Default: 1024. */
  handoffQueueDepth?: number | undefined;
  /** Time between two reports of the broadcast queue's depth; 0 switches them off. Default: 30 s. */
  queueCheckInterval?: number | undefined;

  /** Metadata, messages and state of the application. Default: none. */
  delegate?: Delegate | undefined;
  /** Is notified of joins, leaves and updates. Default: none. */
  events?: EventDelegate | undefined;
  /** Is notified of name conflicts. Default: none. */
  conflict?: ConflictDelegate | undefined;
  /** May refuse to merge with another cluster. Default: none; all clusters are merged. */
  merge?: MergeDelegate | undefined;
  /** Measures round trips. Default: none. */
  ping?: PingDelegate | undefined;
  /** May refuse members. Default: none; all members are admitted. */
  alive?: AliveDelegate | undefined;

  /**
   * Extensions, or a function that creates them for each node. Their names are announced after the application's
   * metadata, which then has fewer bytes. Default: none.
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
 * A configuration that passed all rules, with every default filled in. Frozen, except for objects of the
 * application. A `secretKey` has become the `keyring`.
 */
export interface ResolvedConfig extends FilledSettings, OptionalSettings {
  /** The IPs to bind; at least one. */
  readonly bindAddr: readonly string[];
  /** The extensions; empty without any. */
  readonly use: readonly Extension[];
  /** How failed members are contacted again; false: they are not. */
  readonly rejoin: ResolvedRejoin | false;
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The interface of extensions: functionality on top of membership, any number of them on one node. An extension
// communicates with the same extension on other nodes only. docs/EXTENSIONS.md has a complete example.
import type { Logger } from '../config/options.js';
import type { Clock, Random } from '../core/ports.js';
import type { Node } from '../core/member.js';
import type { VersionRange } from '../core/versions.js';
import type { Delegate, PingDelegate } from '../delegates.js';
import type { Keyring } from '../security/keyring.js';
import type { Address } from '../wire/address.js';

/** Functionality on top of membership, given to a node as `use: [extension]`. One object belongs to one node. */
export interface Extension {
  /** 1 to 16 of a–z, 0–9 and `-`; unique among the extensions of a node. Identifies its messages and announcement. */
  readonly name: string;
  /** Announced to other nodes as `node.extensions[name]`: 0 to 255. Default: 0. */
  readonly version?: number;
  /**
   * The versions of a foreign protocol that its `delegate` speaks, announced as `node.delegateProtocol` (Go memberlist's
   * `DelegateProtocolMin`, `…Max` and `…Version`). One extension of a node can have them, and then the configuration
   * cannot. Default: those of the configuration.
   */
  readonly delegateProtocol?: VersionRange;
  /**
   * Called once, while the node is being created: its address is known, it has no peers yet and sends nothing. What
   * this throws rejects `Memberlist.create`, and nothing stays open.
   *
   * @returns the hooks that the node calls from now on
   */
  attach(context: ExtensionContext): ExtensionHooks | undefined;
}

/**
 * What a node calls. An exception, or a promise that rejects, is caught, counted and logged (`extension-threw`); it
 * stops neither the node nor another extension. No hook is called after `stopped`.
 */
export interface ExtensionHooks {
  /** A message from the same extension on another node; the bytes belong to the receiver. */
  message?(payload: Buffer, from: Peer): void;
  /** The node starts a join: it is about to exchange state with one node. `joined` or `joinFailed` follows. */
  joining?(): void;
  /**
   * A join succeeded, by whatever path: `join()`, seeds, snapshot, rejoin, or another node joined this one.
   *
   * @param startedBy - `'self'`: this node, after `joining`; `'peer'`: the other node
   */
  joined?(startedBy: JoinStarter): void;
  /** A join that this node started failed, or the node left or was shut down during it. */
  joinFailed?(): void;
  /**
   * The node is about to leave. The other members are notified when the promises of all extensions have settled, or
   * when the timeout of `leave` ends.
   *
   * @param signal - aborted when the node stops waiting
   */
  leaving?(signal: AbortSignal): Promise<void> | undefined;
  /** The node joins again during or after a leave: what `leaving` did no longer holds. */
  resumed?(): void;
  /**
   * The node is about to shut down: `send` and `sendToAll` called here, before this returns, still send packets. Nothing
   * else is awaited or delivered.
   */
  stopping?(): void;
  /** The node is shut down. Timers, listeners and messages of the extension have ended. */
  stopped?(): void;
  /**
   * Raw access for a foreign protocol, such as Serf's. One node has one delegate: a ConfigError if two extensions have
   * one, or an extension and the configuration.
   */
  readonly delegate?: Delegate;
  /**
   * Adds data to acks and receives round-trip times. One node has one ping delegate: a ConfigError if two extensions
   * have one, or an extension and the configuration.
   */
  readonly ping?: PingDelegate;
}

/** Which side started a join. */
export type JoinStarter = 'self' | 'peer';

/** Where a message came from. */
export interface Peer {
  /** The member that sent it; undefined for a packet from an address of no known member. */
  readonly name: string | undefined;
  /** `'ip:port'`: a member's address for packets and broadcasts, an ephemeral port for `sendReliable`. */
  readonly address: string;
}

/** Options of {@link ExtensionContext.broadcast}. */
export interface ExtensionBroadcastOptions {
  /** Replaces a queued broadcast of this extension with the same name. */
  readonly name?: string;
  /** Called once: when the broadcast was sent often enough, was replaced or dropped, or there are no peers. */
  readonly finished?: () => void;
}

/** Membership events that an extension can listen to. The arguments are those of the events of `Memberlist`. */
export interface ExtensionEvents {
  join: [node: Node];
  leave: [node: Node, reason: 'left' | 'failed'];
  update: [node: Node];
  suspect: [node: Node];
  refute: [node: Node];
  /** A known name, possibly this node's own, was claimed with another address. */
  conflict: [existing: Node, other: Node];
}

/**
 * Messages without the envelope of extensions, for the foreign protocol of a `delegate`: every member receives them, and
 * programs of other implementations can read them. Only the extension that has the node's delegate may send them.
 */
export interface RawMessages {
  /**
   * Sends a message in one packet, which may be lost.
   *
   * @param to - an address, `'ip:port'`, with the node's name if it is known
   * @throws MessageTooLargeError; ProtocolError when it could not be sent, or the extension has no delegate; ShutdownError
   */
  send(to: Address, message: Uint8Array): Promise<void>;
  /**
   * Sends a message over a stream, as `Memberlist.sendReliable` does.
   *
   * @throws as `send`; BusyError; TimeoutError
   */
  sendReliable(to: Address, message: Uint8Array): Promise<void>;
  /** The longest message that `getBroadcasts` of the delegate may return, in bytes. */
  readonly packetBudget: number;
}

/** A node, as one of its extensions sees it. Every method works until the shutdown, and then does nothing. */
export interface ExtensionContext {
  /** This node. */
  readonly self: Node;
  /** All members that are alive or suspect, this node included. */
  members(): Node[];
  /** How many there are: the length of `members()`, without making the list. */
  readonly numMembers: number;
  /** A member in any state. */
  member(name: string): Node | undefined;
  /** Other members that are alive and run this extension. */
  peers(): Node[];

  /** Listens to a membership event until the shutdown. Returns a function that removes the listener. */
  on<Event extends keyof ExtensionEvents>(
    event: Event,
    listener: (...args: ExtensionEvents[Event]) => void,
  ): () => void;

  /**
   * Sends a message in one packet, which may be lost.
   *
   * @param payload - at most `packetBudget` bytes
   * @throws MessageTooLargeError; ProtocolError when the member does not announce this extension, or the
   *   packet could not be sent; ShutdownError
   */
  send(to: Node | string, payload: Uint8Array): Promise<void>;
  /**
   * Sends a message in one packet to each of these members. The packet is compressed and encrypted once for all of them.
   * Members that are gone, or do not announce this extension, are left out. A packet that could not be sent is counted
   * and logged (`send-failed`); like a lost packet it is no error.
   *
   * @param payload - at most `packetBudget` bytes
   * @returns resolves when the system has taken the packets
   * @throws MessageTooLargeError; ShutdownError
   */
  sendToAll(to: Iterable<Node | string>, payload: Uint8Array): Promise<void>;
  /**
   * Sends a message over a stream, as `Memberlist.sendReliable` does.
   *
   * @throws as `send`; BusyError; TimeoutError
   */
  sendReliable(to: Node | string, payload: Uint8Array): Promise<void>;
  /**
   * Gossips a message to random peers: it is sent `retransmitMult` × ⌈log10(n + 1)⌉ times, for n nodes with this
   * extension. Receivers do not pass it on by themselves: to reach all peers, each receiver broadcasts a message
   * again when it is new there.
   *
   * @param payload - at most `packetBudget` bytes
   * @throws MessageTooLargeError; ShutdownError
   */
  broadcast(payload: Uint8Array, options?: ExtensionBroadcastOptions): void;
  /** The longest payload of `send` and `broadcast`, in bytes. */
  readonly packetBudget: number;

  /** The node's clock. Timers end at the shutdown, and exceptions of their callbacks are caught. */
  readonly clock: Clock;
  /** A separate stream of random numbers: in a simulation, drawing from it changes nothing else. */
  readonly random: Random;
  /** Aborted at the shutdown. */
  readonly signal: AbortSignal;
  /** The node's logger; lines have the field `extension`. */
  readonly log: Logger;
  /** Metrics of this extension. Without `metrics` in the configuration they are not published and cost almost nothing. */
  readonly metrics: ExtensionMetrics;
  /** Messages of a foreign protocol, for the extension that has the node's delegate. */
  readonly raw: RawMessages;
  /**
   * Reads the metadata again from the node's delegate and broadcasts it. Does nothing during `attach`: the node reads
   * the metadata when all extensions are attached.
   *
   * @param finished - called once the change was gossiped
   * @throws MessageTooLargeError; what the delegate's `nodeMeta` throws
   */
  updateMeta(finished?: () => void): void;
  /** How this node gossips: `gossipInterval` in milliseconds, and `retransmitMult`. */
  readonly gossip: { readonly interval: number; readonly retransmitMult: number };
  /** The node's keys, for protocols that change them; undefined without encryption. */
  readonly keyring: Keyring | undefined;
  /** The configuration's `keyFile`; the node applies it again and again, so other changes of `keyring` do not last. */
  readonly keyFile: string | undefined;
  /** As `Memberlist.forget`; false after the shutdown. */
  forget(name: string): boolean;
  /** As `Memberlist.shutdown`: the node stops without a leave. */
  shutdown(): Promise<void>;
  /**
   * Counts and logs at debug a malformed message (`packet-dropped`, reason `malformed`).
   *
   * @param from - the sender, by name or address
   * @param detail - what is wrong with it
   */
  drop(from: string, detail: string): void;
  /**
   * Counts and logs an exception, as for one of a hook (`extension-threw`): for listeners and callbacks that the
   * application gave to the extension.
   *
   * @param what - what threw, such as `a listener of 'event'`
   */
  reportError(what: string, error: unknown): void;
}

/** A counter. */
export interface ExtensionCounter {
  /**
   * Increments the counter.
   *
   * @param by - 0 or more. Default: 1
   */
  inc(by?: number): void;
}

/** Metrics of one extension, published as `<prefix><extension>_<name>`, with `-` as `_`. */
export interface ExtensionMetrics {
  /**
   * Defines a counter.
   *
   * @param name - as Prometheus has it, such as `messages_total`
   * @param help - one sentence
   */
  counter(name: string, help: string): ExtensionCounter;
  /**
   * Defines a gauge.
   *
   * @param read - called at each scrape
   */
  gauge(name: string, help: string, read: () => number): void;
}

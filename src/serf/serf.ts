/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The public interface of the Serf extension.
import type { Extension, Node } from '../index.js';
import type { MemberChange, SerfStatus } from './members.js';
import { SerfExtension } from './serf-extension.js';
import type { SerfTags } from './tags.js';
import type { Coordinate } from './vivaldi.js';

/**
 * An extension that makes a node a member of a cluster of Serf agents. One object for each node.
 *
 * ```ts
 * const cluster = serf({ tags: { role: 'web' } });
 * const list = await Memberlist.create({ name: 'web-1', use: [cluster] });
 * cluster.on('event', ({ name, payload }) => console.log(name, payload.toString()));
 * cluster.respond('uptime', () => `${process.uptime()} s`);
 * await list.join(['10.0.0.1']);
 * cluster.sendEvent('deployed', Buffer.from('v7'));
 * for await (const { from, payload } of cluster.query('uptime')) console.log(from, `${payload}`);
 * ```
 *
 * It has the node's delegate with its protocol versions, and, unless `coordinates` is false, its ping delegate.
 *
 * @throws MessageTooLargeError when the tags have more than 512 bytes; ConfigError for wrong options
 */
export function serf(options: SerfOptions = {}): Serf {
  return new SerfExtension(options);
}

/** Options of {@link serf}. Times are in milliseconds. */
export interface SerfOptions {
  /** This node's tags, as `serf members` shows them. Default: none. */
  readonly tags?: SerfTags | undefined;
  /**
   * A file in Serf's format (a JSON list of base64 keys, the primary key first) that keeps the node's keys. If it exists,
   * the node starts with its keys instead of those of the configuration. Each `serf keys` command that changes the keys
   * writes it. Requires encryption, and excludes the configuration's `keyFile`. Default: changes are not saved.
   */
  readonly keyringFile?: string | undefined;
  /** Whether this node has a network coordinate, for `serf rtt`. Default: true. */
  readonly coordinates?: boolean | undefined;
  /**
   * A file in Serf's format that keeps the Lamport clocks and the members, so that a restarted node does not receive
   * earlier events and queries again. Default: none.
   */
  readonly snapshot?: string | undefined;
  /**
   * Whether this node, when another one claims its name, asks the members which one to keep, and shuts down without a
   * leave when it loses. Default: true, as in Serf.
   */
  readonly resolveNameConflicts?: boolean | undefined;
  /** How long a failed member is remembered: above 0. Default: 24 h, as in Serf. */
  readonly reconnectTimeout?: number | undefined;
  /** How long a member that left is remembered: above 0. Default: 24 h, as in Serf. */
  readonly tombstoneTimeout?: number | undefined;
  /**
   * Delivers events of members, and user events that permit it, together and later: `period` after the first one, or
   * `quiescence` after the last one. Only the last event of a member, and the last ones of a name, are delivered.
   * Serf's agent has 3,000 and 1,000. Default: no delay.
   */
  readonly coalesce?: { readonly period: number; readonly quiescence: number } | undefined;
}

/** A user event of Serf. */
export interface SerfEvent {
  readonly name: string;
  readonly payload: Buffer;
  /** When it was sent, by the cluster's Lamport clock for events. */
  readonly ltime: number;
  /** Whether agents may replace it by a newer event of the same name. */
  readonly coalesce: boolean;
}

/** A query of another member, or of this node. */
export interface SerfQuery {
  readonly name: string;
  readonly payload: Buffer;
  /** The name of the node that asks; anyone who has the cluster's key can forge it. */
  readonly from: string;
  /** When it was asked, by the cluster's Lamport clock for queries. */
  readonly ltime: number;
  /** Milliseconds that are left for the response; negative when it is too late. */
  readonly timeLeft: number;
  /**
   * Sends the response in one packet, which may be lost. Each node can respond once.
   *
   * @throws MessageTooLargeError when the encoded response has more than 1,024 bytes; ProtocolError for a second
   *   response, and after the time is over; ShutdownError
   */
  respond(payload: Uint8Array | string): void;
}

/** One or several members changed. */
export interface SerfMemberEvent {
  /** As in `serf monitor`, without `member-`. */
  readonly type: MemberChange;
  readonly members: readonly SerfMember[];
}

/** The events of {@link Serf}, and what listeners receive. */
export interface SerfEvents {
  /** A user event of any member, this node included. */
  event: SerfEvent;
  /** A query whose filters match this node, this node's own included. Serf's internal queries are none. */
  query: SerfQuery;
  /** Another member joined, left, failed, changed its tags or was erased. */
  member: SerfMemberEvent;
}

/** A member of a Serf cluster. */
export interface SerfMember {
  readonly name: string;
  /** `'ip:port'`. */
  readonly address: string;
  readonly tags: SerfTags;
  readonly status: SerfStatus;
  readonly protocol: Node['protocol'];
  readonly delegateProtocol: Node['delegateProtocol'];
}

/** Options of {@link Serf.query}. */
export interface SerfQueryOptions {
  /** Only members with one of these names receive it. Default: all. */
  readonly filterNodes?: readonly string[] | undefined;
  /** Only members receive it whose tags match these regular expressions (RE2). Default: all. */
  readonly filterTags?: SerfTags | undefined;
  /** Milliseconds until responses are too late: above 0. Default: `gossipInterval` × 16 × ⌈log10(n + 1)⌉. */
  readonly timeout?: number | undefined;
  /** Members that each response is also sent through, in case packets are lost: 0 to 255. Default: 0. */
  readonly relayFactor?: number | undefined;
  /** Whether each member that receives the query acknowledges it. Default: false. */
  readonly requestAck?: boolean | undefined;
}

/** An ack of, or a response to, a query of this node. */
export interface SerfAnswer {
  readonly type: 'ack' | 'response';
  /** The name of the member; anyone who has the cluster's key can forge it. */
  readonly from: string;
  /** Empty in an ack. */
  readonly payload: Buffer;
}

/** The result of a query about keys. Keys are base64. */
export interface SerfKeysResult {
  /** Whether all members responded, without an error. */
  readonly ok: boolean;
  readonly numMembers: number;
  readonly numResponses: number;
  readonly numErrors: number;
  /** Messages of members, by name: errors, and truncated lists. */
  readonly messages: ReadonlyMap<string, string>;
  /** How many members have each key, for `list`. */
  readonly keys: ReadonlyMap<string, number>;
  /** How many members have each key as their primary one, for `list`. */
  readonly primaryKeys: ReadonlyMap<string, number>;
}

/** The keys of all members, as `serf keys`. Each method asks all members, this node included, and resolves with the result. */
export interface SerfKeys {
  /** How many members have each key, and which one is their primary key. @throws ShutdownError */
  list(): Promise<SerfKeysResult>;
  /** Adds a key. @throws ConfigError when it is no key; ShutdownError */
  install(key: string): Promise<SerfKeysResult>;
  /** Makes a key the primary one, with which messages are encrypted. @throws as `install` */
  use(key: string): Promise<SerfKeysResult>;
  /** Removes a key that is not the primary one. @throws as `install` */
  remove(key: string): Promise<SerfKeysResult>;
}

/** A node's part in a Serf cluster. */
export interface Serf extends Extension {
  /** This node's tags. */
  readonly tags: SerfTags;
  /** The members of the snapshot, as seeds for `Memberlist.join`; empty without one, and after a leave. */
  readonly previousMembers: readonly string[];
  /** The keys of all members. */
  readonly keys: SerfKeys;
  /**
   * Sets this node's tags and broadcasts them. Resolves once that has been gossiped.
   *
   * @throws MessageTooLargeError over 512 bytes; ConfigError; ShutdownError
   */
  setTags(tags: SerfTags): Promise<void>;
  /** All members, also those that failed or left within the last day, this node included. */
  members(): SerfMember[];
  /**
   * Declares that a failed member has left, on all members, so that none tries to reconnect to it. Resolves once that
   * has been gossiped. A member that is alive refutes it.
   *
   * @param options.prune - whether the member is also erased from the list. Default: false
   * @throws ConfigError when no member has this name, or the name is this node's; ShutdownError
   */
  forceLeave(name: string, options?: { readonly prune?: boolean }): Promise<void>;
  /**
   * Sends a user event to all members, as `serf event` does.
   *
   * @param payload - some 480 bytes together with the name: as in Serf the whole message has at most 512, and it must
   *   fit into a packet. Default: empty
   * @param options.coalesce - whether agents may replace it by a newer event of the same name. Default: true
   * @throws MessageTooLargeError; ConfigError when the name is empty; ShutdownError before the node runs
   */
  sendEvent(name: string, payload?: Uint8Array, options?: { readonly coalesce?: boolean }): void;
  /**
   * Asks all members, this node included. The answers can be iterated over until the timeout; `return()`, and so a
   * `break` out of the loop, ends it earlier.
   *
   * @param payload - default: empty
   * @throws ConfigError for a wrong name, also one that begins with `_serf_` other than `_serf_ping`, and for wrong options;
   *   MessageTooLargeError over 1,024 bytes; BusyError with 128 queries that are not over; ShutdownError
   */
  query(
    name: string,
    payload?: Uint8Array | string,
    options?: SerfQueryOptions,
  ): AsyncIterableIterator<SerfAnswer>;
  /**
   * Responds to queries of this name with what the handler returns; undefined sends no response. A handler that throws
   * or rejects is counted and logged (`extension-threw`). Returns a function that removes the handler.
   *
   * @throws ConfigError when the name has a handler
   */
  respond(name: string, handler: SerfHandler): () => void;
  /**
   * The estimated round-trip time between two members, in milliseconds, by their coordinates; undefined if one of them
   * is not known: this node learns a member's coordinate when it probes it.
   *
   * @param other - default: this node
   */
  rtt(one: string, other?: string): number | undefined;
  /** A member's coordinate; undefined before this node has probed the member. */
  coordinate(name: string): Coordinate | undefined;
  /**
   * Listens to events. What a listener throws is caught, counted and logged (`extension-threw`).
   */
  on<Name extends keyof SerfEvents>(event: Name, listener: (event: SerfEvents[Name]) => void): this;
  /** Removes a listener. */
  off<Name extends keyof SerfEvents>(
    event: Name,
    listener: (event: SerfEvents[Name]) => void,
  ): this;
}

/** Responds to a query. */
export type SerfHandler = (query: SerfQuery) => SerfResponse | Promise<SerfResponse>;

/** A response; undefined for none. */
export type SerfResponse = Uint8Array | string | undefined;

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The public interface of the Serf extension.
import type { Extension } from '../index.js';
import { SerfExtension } from './serf-extension.js';
import type { SerfTags } from './tags.js';

/**
 * An extension that makes a node a member of a cluster of Serf agents. One object for each node.
 *
 * ```ts
 * const cluster = serf({ tags: { role: 'web' } });
 * const list = await Memberlist.create({ name: 'web-1', use: [cluster] });
 * cluster.on('event', ({ name, payload }) => console.log(name, payload.toString()));
 * await list.join(['10.0.0.1']);
 * cluster.sendEvent('deployed', Buffer.from('v7'));
 * ```
 *
 * It has the node's delegate and the delegate's protocol versions. Queries are passed on but not answered, except the
 * one by which an agent defends its name; responses of other members are relayed.
 *
 * @throws MessageTooLargeError when the tags have more than 512 bytes; ConfigError for what are no tags
 */
export function serf(options: SerfOptions = {}): Serf {
  return new SerfExtension(options);
}

/** Options of {@link serf}. */
export interface SerfOptions {
  /** This node's tags, as `serf members` shows them. Default: none. */
  readonly tags?: SerfTags | undefined;
  /** How often each message is gossiped: × ⌈log10(n + 1)⌉. Default: 4, as in the presets. */
  readonly retransmitMult?: number | undefined;
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

/** A node's part in a Serf cluster. */
export interface Serf extends Extension {
  /** This node's tags. */
  readonly tags: SerfTags;
  /**
   * Sets this node's tags and broadcasts them. Resolves once that has been gossiped.
   *
   * @throws MessageTooLargeError over 512 bytes; ConfigError; ShutdownError
   */
  setTags(tags: SerfTags): Promise<void>;
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
   * Listens to user events of all members, and, as in Serf, to this node's own. What a listener throws is caught,
   * counted and logged (`extension-threw`).
   */
  on(event: 'event', listener: (event: SerfEvent) => void): this;
  /** Removes a listener. */
  off(event: 'event', listener: (event: SerfEvent) => void): this;
}

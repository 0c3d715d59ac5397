/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What users have of a guest in a Serf cluster.
import type { Delegate } from '../delegates.js';
import { Guest } from './guest.js';
import type { SerfTags } from './tags.js';

/**
 * The configuration for a node that lives in a Serf cluster, to be spread into that of
 * `Memberlist.create`; one for each Memberlist.
 *
 * ```ts
 * const guest = serfGuest({ tags: { role: 'web' } });
 * const list = await Memberlist.create({ ...guest, name: 'web-1' });
 * guest.on('event', ({ name, payload }) => console.log(name, payload.toString()));
 * await list.join(['10.0.0.1']);
 * guest.sendEvent('deployed', Buffer.from('v7'));
 * ```
 *
 * It takes `delegate` and the delegate versions; the other settings are yours. Queries are passed on, but
 * not answered (but for the one by which an agent defends its name); answers of others are relayed.
 *
 * @throws MessageTooLargeError when the tags have more than 512 bytes; ConfigError for what are no tags
 */
export function serfGuest(options: SerfGuestOptions = {}): SerfGuest {
  return new Guest(options);
}

/** What `serfGuest` takes. */
export interface SerfGuestOptions {
  /** Our tags, as `serf members` shows them. Default: none. */
  readonly tags?: SerfTags | undefined;
  /** How often each message is gossiped: × ⌈log10(n + 1)⌉. Default: 4, as in the presets. */
  readonly retransmitMult?: number | undefined;
}

/** A user event of Serf's. */
export interface SerfEvent {
  readonly name: string;
  readonly payload: Buffer;
  /** When it was sent, by the cluster's Lamport clock for events. */
  readonly ltime: number;
  /** Whether agents may leave it out when a newer one of the same name comes. */
  readonly coalesce: boolean;
}

/** A node's part in a Serf cluster: a configuration to be spread, and what can be done with it. */
export interface SerfGuest {
  /** The oldest of Serf's own protocol versions: 2. */
  readonly delegateProtocolMin: number;
  /** The newest: 5. */
  readonly delegateProtocolMax: number;
  /** The one that Serf speaks by default: 4. */
  readonly delegateProtocolVersion: number;
  /** Tags, messages and state. */
  readonly delegate: Delegate;

  /** Our tags. */
  readonly tags: SerfTags;
  /**
   * Gives us other tags, and tells the others.
   *
   * @throws MessageTooLargeError over 512 bytes; ConfigError; what `updateNode` throws
   */
  setTags(tags: SerfTags): Promise<void>;
  /**
   * Sends a user event to all members, as `serf event` does.
   *
   * @param payload - with the name some 480 bytes: as in Serf the whole message has at most 512, and it must fit
   *   into a packet. Default: empty
   * @param options.coalesce - whether agents may leave it out for a newer one of its name. Default: true
   * @throws MessageTooLargeError; ConfigError when the name is empty; ShutdownError before the node runs
   */
  sendEvent(name: string, payload?: Uint8Array, options?: { readonly coalesce?: boolean }): void;
  /**
   * Listens to user events: those of others, and, as with Serf, our own. What a listener throws is
   * caught, counted and logged.
   */
  on(event: 'event', listener: (event: SerfEvent) => void): this;
  /** Takes a listener away. */
  off(event: 'event', listener: (event: SerfEvent) => void): this;
}

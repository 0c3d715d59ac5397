/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The public interface of the shared state.
import type { Extension } from '../index.js';
import type { StateCodec, StateSchema } from './values.js';
import { StateExtension } from './state-extension.js';

/** The values of a node by their keys. */
export type StateValues = object;

/**
 * Shared state: each node writes a map of its own and reads the maps of all nodes. An extension, one object for each node.
 *
 * ```ts
 * const state = createState<{ http: number; load: number }>();
 * const list = await Memberlist.create({ name: 'web-1', use: [state] });
 * state.set('http', 8080);
 * state.get('web-2', 'load');
 * ```
 *
 * A write is sent to the other nodes at once, and reconciled by scuttlebutt (van Renesse et al. 2008). Only the node itself
 * writes its map, so there are no conflicts. See docs/STATE.md for what is guaranteed.
 *
 * @throws ConfigError
 */
export function createState<T extends StateValues = Record<string, unknown>>(
  options: StateOptions<T> = {},
): State<T> {
  return new StateExtension<T>(options);
}

/** Options of {@link createState}. Limits and codecs must be the same on all nodes. */
export interface StateOptions<T extends StateValues = Record<string, unknown>> {
  /** How values become bytes. Default: `msgpack` */
  readonly codec?: StateCodec | undefined;
  /**
   * Standard Schemas of single keys, such as of Zod, Valibot or ArkType. `set` throws for a value that does not pass; a value
   * of another node that does not pass is counted and not shown. They must be synchronous.
   */
  readonly schemas?: { readonly [K in keyof T]?: StateSchema<T[K]> | undefined } | undefined;
  /** Milliseconds between rounds of reconciliation while nothing changes: 100 to 60,000. Default: 1,000 */
  readonly syncInterval?: number | undefined;
  /**
   * For how many milliseconds the map of a member that left or failed is kept: 0 to a day. A member that returns within this
   * time without a restart keeps its map. Default: 60,000
   */
  readonly keepAfterLeave?: number | undefined;
  /**
   * For how many milliseconds deleted keys are remembered: 1,000 to a day. A node that was unreachable for longer receives
   * whole maps instead of changes. Default: 600,000
   */
  readonly keepDeleted?: number | undefined;
  /** The most bytes of one node's map: 1,024 to 2 MiB. A key counts with 64 bytes, its length and its value. Default: 256 KiB */
  readonly maxBytesPerNode?: number | undefined;
  /** The most keys of one node's map, deleted ones included. Default: 10,000 */
  readonly maxKeysPerNode?: number | undefined;
  /** The most bytes of all maps together. Default: 64 MiB */
  readonly maxBytes?: number | undefined;
}

/** Options of {@link State.set}. */
export interface StateSetOptions {
  /** Milliseconds after which the key is deleted: 1 to 366 days. Default: it remains */
  readonly ttl?: number | undefined;
}

/** A value has changed. */
export type StateChange<T extends StateValues = Record<string, unknown>> = {
  [K in keyof T & string]: {
    /** The node whose map it is. */
    readonly name: string;
    readonly key: K;
    /** Undefined if the key was deleted, has expired, or the map was dropped. */
    readonly value: T[K] | undefined;
    /** Undefined if the key is new. */
    readonly previous: T[K] | undefined;
  };
}[keyof T & string];

/** How large the state is. */
export interface StateSizes {
  /** Nodes that have a map, this one included. */
  readonly nodes: number;
  /** Keys of all maps. */
  readonly keys: number;
  /** Bytes of all maps, as they count towards `maxBytes`. */
  readonly bytes: number;
  /** Bytes of this node's map, as they count towards `maxBytesPerNode`. */
  readonly ownBytes: number;
}

/** The shared state, as one node has it. */
export interface State<T extends StateValues = Record<string, unknown>> extends Extension {
  /**
   * Sets a key of this node's map. Writes of one turn of the event loop are sent together. The same value again is no write,
   * unless one of the two has a time to live. It can be called before the node exists.
   *
   * @param key - 1 to 256 bytes of UTF-8, without U+FFFD
   * @throws ConfigError for a key, value or option that is invalid or unknown; StateLimitError; ShutdownError
   */
  set<K extends keyof T & string>(key: K, value: T[K], options?: StateSetOptions): void;
  /**
   * Deletes a key of this node's map.
   *
   * @returns whether there was one
   * @throws ShutdownError
   */
  delete(key: keyof T & string): boolean;
  /**
   * Deletes all keys of this node's map.
   *
   * @throws ShutdownError
   */
  clear(): void;
  /**
   * A value of a member's map; undefined if there is none. Objects are copies.
   *
   * @param name - the member; a member or key that does not exist is not an error
   */
  get<K extends keyof T & string>(name: string, key: K): T[K] | undefined;
  /** A copy of a member's map; empty if it has none. */
  of(name: string): Partial<T>;
  /** The names of all nodes with keys, and copies of their maps, this node's included. */
  entries(): IterableIterator<[name: string, values: Partial<T>]>;
  /** The names of all nodes that have a map, this node's included; the maps may be empty. */
  names(): IterableIterator<string>;
  /** The keys of a member's map, without its values. */
  keys(name: string): IterableIterator<keyof T & string>;
  /** A copy of this node's map. */
  readonly own: Partial<T>;
  /** How large the state is. */
  readonly sizes: StateSizes;
  /**
   * Listens to changes of all maps, this node's included. What a listener throws is caught, counted and logged
   * (`extension-threw`).
   *
   * @throws ConfigError for another event, or if the listener is not a function
   */
  on(event: 'change', listener: (change: StateChange<T>) => void): this;
  /**
   * Removes a listener.
   *
   * @throws as `on`
   */
  off(event: 'change', listener: (change: StateChange<T>) => void): this;
}

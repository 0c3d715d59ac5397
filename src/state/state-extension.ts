/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The extension of one node: what the application calls.
import {
  ConfigError,
  ShutdownError,
  StateLimitError,
  type ExtensionContext,
  type ExtensionHooks,
} from '../index.js';
import {
  checkKey,
  checkListener,
  checkSetOptions,
  resolveOptions,
  type ResolvedStateOptions,
} from './options.js';
import { Replica, shown, sizeOf } from './replica.js';
import { Replication } from './replication.js';
import type {
  State,
  StateChange,
  StateOptions,
  StateSetOptions,
  StateSizes,
  StateValues,
} from './state.js';
import { Values } from './values.js';
import { Views, type ShownChange } from './views.js';

/** The extension of one node. */
export class StateExtension<T extends StateValues> implements State<T> {
  readonly name = 'state';
  readonly version = 1;
  readonly #options: ResolvedStateOptions;
  readonly #values: Values;
  readonly #views: Views;
  /** What is written before the node exists, with times to live instead of times. */
  readonly #early = new Replica('');
  #replication: Replication | undefined;
  #isStopped = false;

  /** @throws ConfigError */
  constructor(options: StateOptions<T>) {
    this.#options = resolveOptions(options as StateOptions<never>);
    this.#values = new Values(this.#options.codec, this.#options.schemas);
    this.#views = new Views(this.#values);
  }

  /** @throws ConfigError when another node has this extension already */
  attach(context: ExtensionContext): ExtensionHooks {
    if (this.#replication !== undefined) {
      const rule = 'has a createState() that another Memberlist uses; make one for each';
      throw new ConfigError([{ field: 'use', value: this.name, rule }]);
    }
    const replication = new Replication({
      context,
      options: this.#options,
      early: this.#early,
      changed: (changes) => this.#views.tell(changes),
    });
    this.#replication = replication;
    this.#views.meters = replication.meters;
    this.#views.listenerFailed = (error) => context.reportError("a listener of 'change'", error);
    replication.start();
    return {
      message: (payload, from) => replication.receive(payload, from),
      joined: (startedBy) => replication.joined(startedBy),
      stopped: () => {
        this.#isStopped = true;
      },
    };
  }

  set<K extends keyof T & string>(key: K, value: T[K], options: StateSetOptions = {}): void {
    this.#mustRun('set');
    checkKey(key);
    const ttl = checkSetOptions(options);
    const encoded = this.#values.encode(key, value);
    const before = shown(this.#own.get(key));
    if (before?.value === encoded && before.expiresAt === Infinity && ttl === undefined) return;
    this.#checkRoom(key, encoded);
    this.#write(key, encoded, ttl);
  }

  delete(key: keyof T & string): boolean {
    this.#mustRun('delete');
    if (this.#own.get(key)?.value === undefined) return false;
    this.#write(key, undefined, undefined);
    return true;
  }

  clear(): void {
    for (const [key] of [...this.#own.entries()]) this.delete(key as keyof T & string);
  }

  get<K extends keyof T & string>(name: string, key: K): T[K] | undefined {
    const value = this.#views.value(this.#replication?.store.get(name), key);
    return value as T[K] | undefined;
  }

  of(name: string): Partial<T> {
    return this.#views.copy(this.#replication?.store.get(name)) as Partial<T>;
  }

  *entries(): IterableIterator<[name: string, values: Partial<T>]> {
    for (const replica of this.#replication?.store.all() ?? []) {
      const values = this.#views.copy(replica);
      if (Object.keys(values).length > 0) yield [replica.name, values as Partial<T>];
    }
  }

  *names(): IterableIterator<string> {
    if (this.#replication === undefined) return;
    for (const { name } of this.#replication.store.all()) yield name;
  }

  *keys(name: string): IterableIterator<keyof T & string> {
    for (const [key, entry] of this.#replication?.store.get(name)?.entries() ?? []) {
      if (shown(entry) !== undefined) yield key as keyof T & string;
    }
  }

  get own(): Partial<T> {
    return this.#views.copy(this.#own) as Partial<T>;
  }

  get sizes(): StateSizes {
    let nodes = 0;
    let keys = 0;
    for (const replica of this.#replication?.store.all() ?? [this.#own]) {
      nodes++;
      keys += replica.size - replica.deleted;
    }
    const ownBytes = this.#own.bytes;
    return { nodes, keys, bytes: this.#replication?.store.bytes ?? ownBytes, ownBytes };
  }

  on(event: 'change', listener: (change: StateChange<T>) => void): this {
    checkListener(event, listener);
    this.#views.on(listener as unknown as (change: ShownChange) => void);
    return this;
  }

  off(event: 'change', listener: (change: StateChange<T>) => void): this {
    checkListener(event, listener);
    this.#views.off(listener as unknown as (change: ShownChange) => void);
    return this;
  }

  get #own(): Replica {
    return this.#replication?.store.own ?? this.#early;
  }

  #write(key: string, value: string | undefined, ttl: number | undefined): void {
    if (this.#replication !== undefined) return this.#replication.write(key, value, ttl);
    const early = this.#early;
    if (value === undefined) return early.remove(key);
    const expiresAt = ttl ?? Infinity;
    const entry = { value, expiresAt, since: 0, isExpired: false, isValid: undefined };
    early.put(key, { ...entry, version: ++early.version });
  }

  /** @throws StateLimitError */
  #checkRoom(key: string, value: string): void {
    const own = this.#own;
    const { maxBytesPerNode, maxKeysPerNode, maxBytes } = this.#options;
    const exceeded = (): StateLimitError | undefined => {
      const before = own.get(key);
      const added = sizeOf(key, value) - (before === undefined ? 0 : sizeOf(key, before.value));
      const keys = own.size + (before === undefined ? 1 : 0);
      const all = (this.#replication?.store.bytes ?? own.bytes) + added;
      if (own.bytes + added > maxBytesPerNode) {
        return new StateLimitError('maxBytesPerNode', own.bytes + added, maxBytesPerNode);
      }
      if (keys > maxKeysPerNode) return new StateLimitError('maxKeysPerNode', keys, maxKeysPerNode);
      return all > maxBytes ? new StateLimitError('maxBytes', all, maxBytes) : undefined;
    };
    if (exceeded() === undefined) return;
    // Deleted keys count as well, but they need not be remembered.
    this.#replication?.store.forgetDeleted(own, Infinity);
    const error = exceeded();
    if (error !== undefined) throw error;
  }

  #mustRun(operation: string): void {
    if (this.#isStopped) throw new ShutdownError(`state.${operation}`);
  }
}

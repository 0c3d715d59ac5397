/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The Serf extension as the application has it. It exists before its node does.
import {
  ConfigError,
  encodeName,
  MessageTooLargeError,
  ShutdownError,
  type Delegate,
  type ExtensionContext,
  type ExtensionHooks,
} from '../index.js';
import { keysResult } from './key-results.js';
import { Listeners } from './listeners.js';
import { resolveOptions, type ResolvedSerfOptions } from './options.js';
import { INTERNAL_PREFIX } from './queries.js';
import { encodeFilter, encodeKeyRequest } from './query-messages.js';
import { keyBytes, queryOptions } from './rules.js';
import type { RunningQuery } from './running-queries.js';
import type {
  Serf,
  SerfEvents,
  SerfHandler,
  SerfKeys,
  SerfKeysResult,
  SerfMember,
  SerfOptions,
  SerfQueryOptions,
} from './serf.js';
import { SerfNode } from './serf-node.js';
import { encodeSerfTags, type SerfTags } from './tags.js';
import type { Coordinate } from './vivaldi.js';

const PING = '_serf_ping';

/** The extension of one node. */
export class SerfExtension implements Serf {
  readonly name = 'serf';
  readonly version = 0;
  /** Serf's own protocol versions: 2 to 5; agents speak 4 by default. */
  readonly delegateProtocol = { min: 2, max: 5, current: 4 };
  readonly delegate: Delegate;
  readonly keys: SerfKeys;

  readonly #options: ResolvedSerfOptions;
  readonly #listeners = new Listeners((what, error) =>
    this.#node?.context.reportError(what, error),
  );
  readonly #handlers = new Map<string, SerfHandler>();
  #tags: SerfTags;
  #node: SerfNode | undefined;

  constructor(options: SerfOptions) {
    this.#options = resolveOptions(options);
    this.#tags = this.#options.tags;
    this.delegate = {
      nodeMeta: (limit) => encodeSerfTags(this.#tags, limit),
      notifyMsg: (message, from) =>
        this.#node?.guard(from.addr, () => this.#node?.receiver.message(message)),
      getBroadcasts: (overhead, limit) => this.#node?.outgoing.getBroadcasts(overhead, limit) ?? [],
      localState: () => this.#node?.receiver.localState() ?? Buffer.alloc(0),
      mergeRemoteState: (state, join) =>
        this.#node?.guard('a push/pull', () => this.#node?.receiver.merge(state, join)),
    };
    this.keys = {
      list: () => this.#askAboutKeys('list-keys', Buffer.alloc(0)),
      install: async (key) => this.#askAboutKeys('install-key', keyBytes(key)),
      use: async (key) => this.#askAboutKeys('use-key', keyBytes(key)),
      remove: async (key) => this.#askAboutKeys('remove-key', keyBytes(key)),
    };
  }

  /** @throws ConfigError when another node has this extension already, or a file cannot be read */
  attach(context: ExtensionContext): ExtensionHooks {
    if (this.#node !== undefined) {
      const rule = 'has a serf() that another Memberlist uses; make one for each';
      throw new ConfigError([{ field: 'use', value: this.name, rule }]);
    }
    const node = (this.#node = new SerfNode(context, {
      options: this.#options,
      listeners: this.#listeners,
      handlers: this.#handlers,
      tags: () => this.#tags,
    }));
    return {
      delegate: this.delegate,
      ...(node.coordinates && { ping: node.coordinates }),
      joining: () => node.intents.joining(),
      joinFailed: () => node.intents.joinFailed(),
      joined: (startedBy) => node.intents.joined(startedBy),
      leaving: () => node.leaving(),
      resumed: () => node.resumed(),
      stopped: () => node.stopped(),
    };
  }

  get tags(): SerfTags {
    return this.#tags;
  }

  get previousMembers(): readonly string[] {
    const alive = this.#node?.saved?.alive ?? new Map<string, string>();
    return Array.from(alive, ([name, address]) => `${name}/${address}`);
  }

  async setTags(tags: SerfTags): Promise<void> {
    encodeSerfTags(tags);
    const before = this.#tags;
    this.#tags = { ...tags };
    if (this.#node === undefined) return;
    const { context } = this.#node;
    const { signal } = context;
    if (signal.aborted) throw new ShutdownError('setTags');
    let abort = (): void => undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        abort = () => reject(new ShutdownError('setTags'));
        signal.addEventListener('abort', abort, { once: true });
        context.updateMeta(resolve);
      });
    } catch (error) {
      // They fit into no packet, and were not broadcast.
      if (error instanceof MessageTooLargeError) this.#tags = before;
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  members(): SerfMember[] {
    const node = this.#node;
    return node === undefined ? [] : Array.from(node.members, (each) => node.memberOf(each));
  }

  forceLeave(name: string, { prune = false }: { prune?: boolean } = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      const { context, members, intents } = this.#running('forceLeave');
      const isSelf = name === context.self.name;
      if (isSelf || members.get(name) === undefined) {
        const rule = isSelf ? 'is this node: call leave()' : 'is no member';
        throw new ConfigError([{ field: 'name', value: name, rule }]);
      }
      const abort = (): void => reject(new ShutdownError('forceLeave'));
      context.signal.addEventListener('abort', abort, { once: true });
      intents.forceLeave(name, prune, () => {
        context.signal.removeEventListener('abort', abort);
        resolve();
      });
    });
  }

  sendEvent(
    name: string,
    payload: Uint8Array = Buffer.alloc(0),
    options: { coalesce?: boolean } = {},
  ): void {
    const { events, outgoing, context } = this.#running('sendEvent');
    const { coalesce = true } = options;
    const send = (message: Buffer): void => outgoing.event(message);
    events.create({ name, payload, coalesce }, context.raw.packetBudget, send);
    this.#node?.changed();
  }

  query(
    name: string,
    payload: Uint8Array | string = '',
    options: SerfQueryOptions = {},
  ): RunningQuery {
    const node = this.#running('query');
    mustBeQueryName(name);
    const { filterNodes, filterTags, timeout, relayFactor, requestAck } = queryOptions(options);
    const filters = Object.entries(filterTags).map(([tag, expr]) =>
      encodeFilter({ kind: 'tag', tag, expr }),
    );
    if (filterNodes.length > 0)
      filters.unshift(encodeFilter({ kind: 'nodes', names: filterNodes }));
    return node.ask({
      ...{ name, filters, relayFactor },
      payload: Buffer.from(payload),
      wantsAck: requestAck,
      timeoutMs: timeout ?? node.defaultTimeout,
    });
  }

  respond(name: string, handler: SerfHandler): () => void {
    mustBeQueryName(name);
    if (name === PING || this.#handlers.has(name)) {
      const rule = name === PING ? 'is answered by the extension' : 'has a handler already';
      throw new ConfigError([{ field: 'name', value: name, rule }]);
    }
    this.#handlers.set(name, handler);
    return () => {
      if (this.#handlers.get(name) === handler) this.#handlers.delete(name);
    };
  }

  rtt(one: string, other?: string): number | undefined {
    const node = this.#node;
    return node?.coordinates?.rtt(one, other ?? node.context.self.name);
  }

  coordinate(name: string): Coordinate | undefined {
    return this.#node?.coordinates?.get(name);
  }

  on<Name extends keyof SerfEvents>(
    event: Name,
    listener: (event: SerfEvents[Name]) => void,
  ): this {
    this.#listeners.on(event, listener);
    return this;
  }

  off<Name extends keyof SerfEvents>(
    event: Name,
    listener: (event: SerfEvents[Name]) => void,
  ): this {
    this.#listeners.off(event, listener);
    return this;
  }

  async #askAboutKeys(command: string, key: Buffer): Promise<SerfKeysResult> {
    const node = this.#running('keys');
    const { numMembers } = node.context;
    const answers = node.askInternally(INTERNAL_PREFIX + command, encodeKeyRequest(key));
    return keysResult(answers, numMembers);
  }

  /** @throws ShutdownError before the node runs and after its shutdown */
  #running(operation: string): SerfNode {
    if (this.#node === undefined) throw new ShutdownError(operation, 'does not run yet');
    if (this.#node.context.signal.aborted) throw new ShutdownError(operation);
    return this.#node;
  }
}

function mustBeQueryName(name: unknown): void {
  const isName = typeof name === 'string' && name !== '' && encodeName(name).length > 0;
  if (isName && (!name.startsWith(INTERNAL_PREFIX) || name === PING)) return;
  const rule = isName
    ? `must not begin with ${INTERNAL_PREFIX}, as Serf's own queries do`
    : 'must be the name of a query';
  throw new ConfigError([{ field: 'name', value: name, rule }]);
}

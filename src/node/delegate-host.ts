/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Calls the application's delegates. An exception is caught, counted and reported; it never stops the protocol.
import { types } from 'node:util';
import type { ResolvedConfig } from '../config/options.js';
import type { Counters } from '../core/counters.js';
import type { Node } from '../core/member.js';
import type { MembershipEvent } from '../core/membership/events.js';
import type { Report } from '../core/reports.js';
import type { Delegate, PingDelegate } from '../delegates.js';
import { ConfigError, MessageTooLargeError } from '../errors.js';
import { asError } from '../runtime/as-error.js';
import { catchRejection, isThenable, type Thenable } from '../runtime/thenable.js';
import type { Address } from '../wire/address.js';
import { encodeTrailer, withTrailer } from '../wire/extension-trailer.js';
import { limits } from '../wire/limits.js';
import { noBytes } from '../wire/messages.js';

/** The delegates of one node. */
export class DelegateHost {
  readonly #config: ResolvedConfig;
  readonly #counters: Counters;
  readonly #report: (report: Report) => void;
  readonly #trailer: Buffer;
  readonly #currentDelegate: () => Delegate | undefined;
  readonly #currentPing: () => PingDelegate | undefined;
  #stopped = false;
  #ownMeta: Buffer | undefined;

  /** @param components.delegate - the application's delegate, or that of an extension once it is attached; so is `ping` */
  constructor(components: {
    config: ResolvedConfig;
    counters: Counters;
    report: (report: Report) => void;
    delegate: () => Delegate | undefined;
    ping?: () => PingDelegate | undefined;
  }) {
    this.#config = components.config;
    this.#counters = components.counters;
    this.#report = components.report;
    this.#currentDelegate = components.delegate;
    this.#currentPing = components.ping ?? (() => components.config.ping);
    const { use } = components.config;
    this.#trailer = encodeTrailer(use.map(({ name, version = 0 }) => [name, version] as const));
  }

  /** Calls no delegate any more: a shutdown may come in the middle of a call. */
  stop(): void {
    this.#stopped = true;
  }

  /** The most bytes of the application's metadata: 512, less the announcement of the extensions. */
  get metaLimit(): number {
    return limits.metaBytes - this.#trailer.length;
  }

  /** Sets the metadata; the delegate is not asked any more. */
  setMeta(meta: Buffer): void {
    this.#ownMeta = meta;
  }

  /** The application's metadata with the announcement of the extensions. */
  announced(meta: Buffer | null): Buffer | null {
    const whole = withTrailer(meta, this.#trailer);
    const length = whole?.length ?? 0;
    if (length <= limits.metaBytes) return whole;
    throw new MessageTooLargeError('the metadata', length, limits.metaBytes);
  }

  /**
   * The node's metadata: that of `setMeta`, or else that of the delegate, with the announcement of the extensions; null
   * without any of these.
   *
   * @throws MessageTooLargeError over `metaLimit` bytes; ConfigError for what is no bytes; what the
   *   delegate throws
   */
  nodeMeta(): Buffer | null {
    return this.announced(this.#ownMeta ?? this.#delegateMeta());
  }

  get #delegate(): Delegate | undefined {
    return this.#currentDelegate();
  }

  #delegateMeta(): Buffer | null {
    const limit = this.metaLimit;
    const meta = this.#delegate?.nodeMeta?.(limit);
    if (meta === undefined) return null;
    if (!types.isUint8Array(meta)) {
      this.#catchLate('nodeMeta', meta);
      const rule = 'nodeMeta must return a Uint8Array or a Buffer';
      throw new ConfigError([{ field: 'delegate', value: meta, rule }]);
    }
    if (meta.length > limit) {
      throw new MessageTooLargeError('the metadata of nodeMeta', meta.length, limit);
    }
    return Buffer.from(meta);
  }

  /** Calls the method of the events or conflict delegate for an event. */
  notify(event: MembershipEvent): void {
    const { events, conflict } = this.#config;
    switch (event.type) {
      case 'join':
        return this.#call('notifyJoin', () => events?.notifyJoin?.(event.node));
      case 'leave':
        return this.#call('notifyLeave', () => events?.notifyLeave?.(event.node, event.reason));
      case 'update':
        return this.#call('notifyUpdate', () => events?.notifyUpdate?.(event.node));
      case 'conflict':
        return this.#call('notifyConflict', () =>
          conflict?.notifyConflict(event.existing, event.other),
        );
    }
  }

  notifyMsg(message: Buffer, from: Address): void {
    this.#call('notifyMsg', () => this.#delegate?.notifyMsg?.(message, from));
  }

  /** Whether the delegate may have messages to gossip. */
  get hasBroadcasts(): boolean {
    return this.#delegate?.getBroadcasts !== undefined;
  }

  getBroadcasts(overhead: number, limit: number): readonly Uint8Array[] {
    const delegate = this.#delegate;
    const given = this.#call('getBroadcasts', () => {
      const messages: unknown = delegate?.getBroadcasts?.(overhead, limit) ?? [];
      if (isThenable(messages)) return messages as Thenable & readonly never[];
      if (Array.isArray(messages) && messages.every(types.isUint8Array)) return messages;
      throw new TypeError('it must return a list of Uint8Arrays');
    });
    return (given as Uint8Array[] | undefined) ?? [];
  }

  localState(join: boolean): Buffer {
    const state = this.#callForBytes('localState', () => this.#delegate?.localState?.(join));
    if (state === undefined) return noBytes;
    if (state.length <= limits.stateBytes) return Buffer.from(state);
    const error = new MessageTooLargeError('the state', state.length, limits.stateBytes);
    this.#failed('localState', error);
    return noBytes;
  }

  /** Whether the delegate merges user states of peers. */
  get mergesStates(): boolean {
    return !this.#stopped && this.#delegate?.mergeRemoteState !== undefined;
  }

  mergeRemoteState(state: Buffer, join: boolean): void {
    if (state.length === 0) return;
    this.#call('mergeRemoteState', () => this.#delegate?.mergeRemoteState?.(state, join));
  }

  ackPayload(): Uint8Array | null {
    return this.#callForBytes('ackPayload', () => this.#currentPing()?.ackPayload?.()) ?? null;
  }

  notifyPingComplete(other: Node, roundTripMs: number, payload: Buffer): void {
    const ping = this.#currentPing();
    this.#call('notifyPingComplete', () => ping?.notifyPingComplete?.(other, roundTripMs, payload));
  }

  /** The alive delegate's refusal. */
  objectionToAlive(peer: () => Node): Error | undefined {
    const { alive } = this.#config;
    return alive && this.#refusal('notifyAlive', () => alive.notifyAlive(peer()));
  }

  /** The merge delegate's refusal. */
  objectionToMerge(peers: Node[]): Error | undefined {
    const { merge } = this.#config;
    return merge && this.#refusal('notifyMerge', () => merge.notifyMerge(peers));
  }

  /** Calls `disableTcpPingsForNode`; an exception counts as false. */
  disablesTcpPings(name: string): boolean {
    const { disableTcpPingsForNode } = this.#config;
    return this.#call('disableTcpPingsForNode', () => disableTcpPingsForNode?.(name)) ?? false;
  }

  /** A listener of the emitter threw. */
  listenerFailed(event: string, error: unknown): void {
    this.#failed(`a listener of '${event}'`, error);
  }

  /** A callback that the application gave to a service threw. */
  callbackFailed(callback: string, error: unknown): void {
    if (!this.#stopped) this.#failed(callback, error);
  }

  // A JavaScript application may return anything.
  #callForBytes(callback: string, call: () => unknown): Uint8Array | undefined {
    return this.#call(callback, () => {
      const result = call() ?? undefined;
      if (result === undefined || types.isUint8Array(result)) return result;
      // The result of an async function comes too late; #call handles its rejection.
      if (isThenable(result)) return result;
      throw new TypeError('it must return a Uint8Array');
    }) as Uint8Array | undefined;
  }

  #call<T>(callback: string, call: () => T): T | undefined {
    if (this.#stopped) return undefined;
    try {
      const result = call();
      // Delegates are synchronous; one that is async by mistake must not end the process.
      return this.#catchLate(callback, result) ? undefined : result;
    } catch (error) {
      this.#failed(callback, error);
      return undefined;
    }
  }

  // An exception is the delegate's answer here, not a failure; a promise comes too late to be an answer.
  #refusal(callback: string, ask: () => unknown): Error | undefined {
    if (this.#stopped) return undefined;
    try {
      this.#catchLate(callback, ask());
      return undefined;
    } catch (thrown) {
      return asError(thrown);
    }
  }

  // Catches the rejection of a promise; false for anything else.
  #catchLate(callback: string, result: unknown): boolean {
    if (!isThenable(result)) return false;
    catchRejection(result, (error) => this.#failed(callback, error));
    return true;
  }

  #failed(callback: string, thrown: unknown): void {
    this.#counters.callbackErrors++;
    this.#report({ code: 'callback-threw', callback, error: asError(thrown) });
  }
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The two interfaces for events: a typed emitter, and an async iterator.
import { EventEmitter } from 'node:events';
import type { ClusterHealthEvent } from '../cluster-health/events.js';
import type { ClusterSize } from '../cluster-health/isolation.js';
import type { Node } from '../core/member.js';
import type { LeaveReason, MembershipEvent } from '../core/membership/events.js';
import { onAbort } from '../runtime/abort.js';
import { catchRejection, isThenable } from '../runtime/thenable.js';
import type { Address } from '../wire/address.js';

/** The events of a Memberlist, with their arguments. Membership events are never about the local node. */
export interface MemberlistEvents {
  /** A node joined: it is alive, and was unknown, dead or left before. */
  join: [node: Node];
  /** A node left gracefully, or was declared dead. */
  leave: [node: Node, reason: LeaveReason];
  /** The metadata of a live node changed. */
  update: [node: Node, previousMeta: Buffer];
  /** A node does not answer and is suspected; it has time to refute. */
  suspect: [node: Node];
  /** A suspected node refuted the suspicion. */
  refute: [node: Node];
  /** A known name was claimed with another address. */
  conflict: [existing: Node, other: Node];
  /** A user message arrived. */
  message: [payload: Buffer, from: Address];
  /** The local health score changed; 0 is healthy. */
  health: [score: number];
  /** No other member is alive. */
  isolated: [size: ClusterSize];
  /** At most half of the expected members are alive. */
  minority: [size: ClusterSize];
  /** More than half of the expected members are alive again. */
  'quorum-restored': [size: ClusterSize];
  /** A member failed more than three times within ten minutes; emitted again only after ten quiet minutes. */
  flapping: [node: Node, count: number];
}

/** One event of the iterator. */
export type MemberEvent =
  | MembershipEvent
  | ClusterHealthEvent
  | { readonly type: 'message'; readonly payload: Buffer; readonly from: Address }
  /** The reader was too slow: this number of subsequent events was dropped. */
  | { readonly type: 'overflow'; readonly dropped: number };

/** An emitter that is protected from its listeners: their exceptions and rejections go to `listenerFailed`. */
export abstract class SafeEmitter extends EventEmitter<MemberlistEvents> {
  /** Called with the error of a listener that threw or rejected. */
  protected abstract listenerFailed(event: string, error: unknown): void;

  /** @internal */
  protected emitSafely(event: keyof MemberlistEvents, args: readonly unknown[]): void {
    for (const listener of this.rawListeners(event)) {
      try {
        const result: unknown = Reflect.apply(listener, this, args);
        if (isThenable(result)) {
          catchRejection(result, (error) => this.listenerFailed(event, error));
        }
      } catch (error) {
        this.listenerFailed(event, error);
      }
    }
  }
}

/** The emitter's arguments for an event. */
export function argumentsOf(event: Exclude<MemberEvent, { type: 'overflow' }>): unknown[] {
  switch (event.type) {
    case 'leave':
      return [event.node, event.reason];
    case 'update':
      return [event.node, event.previousMeta];
    case 'conflict':
      return [event.existing, event.other];
    case 'message':
      return [event.payload, event.from];
    case 'health':
      return [event.score];
    case 'isolated':
    case 'minority':
    case 'quorum-restored':
      return [{ members: event.members, expected: event.expected }];
    case 'flapping':
      return [event.node, event.count];
    default:
      return [event.node];
  }
}

const MAX_BUFFERED_EVENTS = 1024;

/**
 * Events from now on, as an async iterator. It buffers at most 1024 unread events; further ones are dropped, and an
 * `overflow` event in their place has their number.
 */
export class EventStream implements AsyncIterableIterator<MemberEvent> {
  readonly #waiting: MemberEvent[] = [];
  readonly #closed: () => void;
  #readers: ((result: IteratorResult<MemberEvent>) => void)[] = [];
  #dropped = 0;
  #ended = false;
  #stopListening: () => void = () => undefined;

  /** @param init.closed - called once, when the iterator accepts no more events */
  constructor(init: { closed: () => void }) {
    this.#closed = init.closed;
  }

  /** Ends the iteration when the signal is aborted. */
  endWith(signal: AbortSignal | undefined): void {
    this.#stopListening = onAbort(signal, () => this.end());
  }

  /** Adds an event. */
  push(event: MemberEvent): void {
    if (this.#ended) return;
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      reader({ value: event, done: false });
      return;
    }
    if (this.#dropped > 0 || this.#waiting.length >= MAX_BUFFERED_EVENTS) this.#dropped++;
    else this.#waiting.push(event);
  }

  /** Ends the iteration after the buffered events were read. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stopListening();
    this.#closed();
    for (const reader of this.#readers) reader({ value: undefined, done: true });
    this.#readers = [];
  }

  next(): Promise<IteratorResult<MemberEvent>> {
    const value = this.#waiting.shift() ?? this.#overflow();
    if (value !== undefined) return Promise.resolve({ value, done: false });
    if (this.#ended) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => this.#readers.push(resolve));
  }

  return(): Promise<IteratorResult<MemberEvent>> {
    this.#waiting.length = 0;
    this.#dropped = 0;
    this.end();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #overflow(): MemberEvent | undefined {
    if (this.#dropped === 0) return undefined;
    const dropped = this.#dropped;
    this.#dropped = 0;
    return { type: 'overflow', dropped };
  }
}

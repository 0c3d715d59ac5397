/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The two ways to hear of things: an emitter with types, and an iterator to loop over.
import { EventEmitter } from 'node:events';
import type { ClusterHealthEvent } from '../cluster-health/events.js';
import type { ClusterSize } from '../cluster-health/isolation.js';
import type { Node } from '../core/member.js';
import type { LeaveReason, MembershipEvent } from '../core/membership/events.js';
import { onAbort } from '../runtime/abort.js';
import { catchRejection, isThenable } from '../runtime/thenable.js';
import type { Address } from '../wire/address.js';

/** What a Memberlist emits, with its arguments. Membership events are never about the local node. */
export interface MemberlistEvents {
  /** A node is alive that was not known, or was dead or had left. */
  join: [node: Node];
  /** A node is gone: it said so itself, or was found dead. */
  leave: [node: Node, reason: LeaveReason];
  /** The metadata of a living node changed. */
  update: [node: Node, previousMeta: Buffer];
  /** A node does not answer; it has some time to refute. */
  suspect: [node: Node];
  /** A suspected node refuted. */
  refute: [node: Node];
  /** Somebody claims a known name under another address. */
  conflict: [existing: Node, other: Node];
  /** A user message arrived. */
  message: [payload: Buffer, from: Address];
  /** The local health score changed; 0 is healthy. */
  health: [score: number];
  /** Everybody else is gone. */
  isolated: [size: ClusterSize];
  /** Half of those who should be there, or more, are gone. */
  minority: [size: ClusterSize];
  /** More than half of those who should be there are there again. */
  'quorum-restored': [size: ClusterSize];
  /** A member failed more than three times within ten minutes; told once, until there was peace. */
  flapping: [node: Node, count: number];
}

/** One event of the iterator. */
export type MemberEvent =
  | MembershipEvent
  | ClusterHealthEvent
  | { readonly type: 'message'; readonly payload: Buffer; readonly from: Address }
  /** The reader was too slow: this many events that came next are lost. */
  | { readonly type: 'overflow'; readonly dropped: number };

/** An emitter whose listeners cannot hurt it: what they throw, or reject with, is passed aside. */
export abstract class SafeEmitter extends EventEmitter<MemberlistEvents> {
  /** Called with what a listener threw. */
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

/** The arguments of an event for the emitter. */
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

const MAX_WAITING = 1024;

/**
 * Events from now on, as an async iterator. It holds at most 1024 that were not read; past that they
 * are dropped, and an `overflow` event in their place says how many.
 */
export class EventStream implements AsyncIterableIterator<MemberEvent> {
  readonly #waiting: MemberEvent[] = [];
  readonly #closed: () => void;
  #readers: ((result: IteratorResult<MemberEvent>) => void)[] = [];
  #dropped = 0;
  #ended = false;
  #stopListening: () => void = () => undefined;

  /** @param init.closed - called once, when the iterator takes no more events */
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
    if (this.#dropped > 0 || this.#waiting.length >= MAX_WAITING) this.#dropped++;
    else this.#waiting.push(event);
  }

  /** Ends the iteration once what is waiting was read. */
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

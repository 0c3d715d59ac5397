/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Serf's user events: their clock, those of the last 512 Lamport times, and the application's listeners.
import { EventEmitter } from 'node:events';
import { ConfigError, MessageTooLargeError } from '../index.js';
import { LamportClock } from './lamport-clock.js';
import { serfLimits } from './limits.js';
import { encodeUserEvent, kept, type UserEvent } from './messages.js';
import { Recent } from './recent.js';
import type { SerfEvent } from './serf.js';

/** The longest encoded event, in bytes: Serf's default (UserEventSizeLimit). */
const EVENT_BYTES = 512;

/** The user events of one node. */
export class UserEvents {
  readonly clock = new LamportClock();
  readonly recent = new Recent<UserEvent>({
    keyOf: ({ name, payload }) => `${name.length}/${name}${payload.toString('latin1')}`,
    // The event itself, and its key.
    bytesOf: ({ name, payload }) => 2 * (2 * name.length + payload.length),
    mostBytes: serfLimits.eventBytes,
  });
  readonly #emitter = new EventEmitter();
  readonly #listenerFailed: (error: unknown) => void;

  constructor(init: { listenerFailed: (error: unknown) => void }) {
    this.#listenerFailed = init.listenerFailed;
  }

  on(listener: (event: SerfEvent) => void): void {
    this.#emitter.on('event', listener);
  }

  off(listener: (event: SerfEvent) => void): void {
    this.#emitter.off('event', listener);
  }

  /**
   * Sends an event of this node; its own listeners receive it, too.
   *
   * @param budget - bytes of the longest message that can be gossiped
   * @param send - takes the message, before the listeners are called
   * @throws ConfigError; MessageTooLargeError. Nothing is sent then
   */
  create(
    { name, payload, coalesce }: Omit<UserEvent, 'ltime' | 'payload'> & { payload: Uint8Array },
    budget: number,
    send: (message: Buffer) => void,
  ): void {
    if (typeof name !== 'string' || name === '') {
      throw new ConfigError([{ field: 'name', value: name, rule: 'must be the name of an event' }]);
    }
    const limit = Math.min(EVENT_BYTES, budget);
    const bareSize = Buffer.byteLength(name) + payload.length;
    if (bareSize > limit) throw new MessageTooLargeError('the event', bareSize, limit);
    const event = { ltime: this.clock.time, name, payload: kept(payload), coalesce };
    const message = encodeUserEvent(event);
    if (message.length > limit) {
      throw new MessageTooLargeError('the encoded event', message.length, limit);
    }
    this.clock.stamp();
    send(message);
    this.#isNew(event);
  }

  /** Receives an event of another node; true when it is new. */
  receive(event: UserEvent): boolean {
    this.clock.witness(event.ltime);
    return this.#isNew(event);
  }

  #isNew(event: UserEvent): boolean {
    if (!this.recent.isNew(event.ltime, event, this.clock.time)) return false;
    for (const listener of this.#emitter.listeners('event')) this.#notify(listener, event);
    return true;
  }

  #notify(listener: unknown, event: SerfEvent): void {
    try {
      const result = (listener as (event: SerfEvent) => Partial<PromiseLike<unknown>> | undefined)(
        event,
      );
      // Any implementation of promises.
      if (typeof result?.then === 'function') result.then(undefined, this.#listenerFailed);
    } catch (error) {
      this.#listenerFailed(error);
    }
  }
}

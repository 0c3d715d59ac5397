/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Serf's user events: their clock, and those of the last 512 Lamport times.
import { ConfigError, MessageTooLargeError, type Clock } from '../index.js';
import { Coalescer, type CoalesceTimes } from './coalescer.js';
import { LamportClock } from './lamport-clock.js';
import { serfLimits } from './limits.js';
import { encodeUserEvent, kept, type UserEvent } from './messages.js';
import { Recent } from './recent.js';
import type { SerfEvent } from './serf.js';

/** The longest encoded event, in bytes: Serf's default (UserEventSizeLimit). */
const EVENT_BYTES = 512;

/** What user events need of the node. */
export interface UserEventComponents {
  readonly clock: Clock;
  readonly coalesce: CoalesceTimes | undefined;
  /** Tells the application, and counts. */
  readonly deliver: (event: SerfEvent) => void;
}

/** The user events of one node. */
export class UserEvents {
  readonly clock = new LamportClock();
  readonly recent = new Recent<UserEvent>({
    keyOf: ({ name, payload }) => `${name.length}/${name}${payload.toString('latin1')}`,
    // The event itself, and its key.
    bytesOf: ({ name, payload }) => 2 * (2 * name.length + payload.length),
    mostBytes: serfLimits.eventBytes,
  });
  readonly #deliver: (event: SerfEvent) => void;
  readonly #coalescer: Coalescer<SerfEvent[]> | undefined;

  constructor({ clock, coalesce, deliver }: UserEventComponents) {
    this.#deliver = deliver;
    this.#coalescer =
      coalesce &&
      new Coalescer(clock, {
        times: coalesce,
        deliver: (groups) => {
          for (const event of groups.flat()) deliver(event);
        },
      });
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
    if (this.#coalescer !== undefined && event.coalesce) this.#coalesce(this.#coalescer, event);
    else this.#deliver(event);
    return true;
  }

  // Events of one Lamport time are of different senders, and none of them is older.
  #coalesce(coalescer: Coalescer<SerfEvent[]>, event: SerfEvent): void {
    const waiting = coalescer.waiting(event.name) ?? [];
    const latest = waiting[0]?.ltime ?? 0;
    if (event.ltime < latest || waiting.length >= serfLimits.coalescedEvents) return;
    coalescer.add(event.name, event.ltime === latest ? [...waiting, event] : [event]);
  }
}

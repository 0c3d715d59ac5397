/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A good guest in a Serf cluster: what the agents need to hear to call us a member with tags, and `left`
// when we left; their user events; and what any member owes the others, passing things on.
import { EventEmitter } from 'node:events';
import {
  lifeHooks,
  type Complaints,
  type HookedNode,
  type LifeHooks,
} from '../config/life-hooks.js';
import { TransmitLimitedQueue } from '../core/gossip/broadcast-queue.js';
import type { Delegate } from '../delegates.js';
import { ConfigError, MessageTooLargeError, ShutdownError } from '../errors.js';
import { catchRejection, isThenable } from '../runtime/thenable.js';
import type { Address } from '../wire/address.js';
import { limits } from '../wire/limits.js';
import { WireError } from '../wire/wire-error.js';
import { LamportClock } from './lamport-clock.js';
import {
  decodeIntent,
  decodeQuery,
  decodeState,
  decodeUserEvent,
  encodeIntent,
  encodeState,
  encodeUserEvent,
  SerfMessageType,
  type Intent,
  type UserEvent,
} from './messages.js';
import { Recent } from './recent.js';
import { Roster } from './roster.js';
import type { SerfEvent, SerfGuest, SerfGuestOptions } from './serf-guest.js';
import { encodeSerfTags, type SerfTags } from './tags.js';

/** As Serf has it by default: name and payload of an event together, in bytes. */
const EVENT_BYTES = 512;

/** So many members are told of a leave one by one. */
const mostToldDirectly = 16;

// Its own enumerable fields are those of a configuration: nothing else is copied where it is spread.
/** A guest. */
export class Guest implements SerfGuest {
  readonly delegateProtocolMin = 2;
  readonly delegateProtocolMax = 5;
  readonly delegateProtocolVersion = 4;
  readonly delegate: Delegate;
  readonly [lifeHooks]: LifeHooks;

  readonly #clock = new LamportClock();
  readonly #eventClock = new LamportClock();
  readonly #queryClock = new LamportClock();
  readonly #roster = new Roster({ knows: (name) => this.#node?.member(name) !== undefined });
  readonly #events = new Recent<UserEvent>({
    isSame: (one, other) => one.name === other.name && one.payload.equals(other.payload),
  });
  readonly #queries = new Recent<number>({ isSame: (one, other) => one === other });
  readonly #emitter = new EventEmitter();
  readonly #intentsToSend: TransmitLimitedQueue;
  readonly #othersToSend: TransmitLimitedQueue;
  #tags: SerfTags;
  #node: HookedNode | undefined;
  #complaints: Complaints | undefined;
  #hasJoined = false;
  #leaving = false;

  constructor({ tags = {}, retransmitMult = 4 }: SerfGuestOptions) {
    encodeSerfTags(tags);
    this.#tags = { ...tags };
    const numNodes = (): number => this.#node?.numMembers ?? 1;
    this.#intentsToSend = new TransmitLimitedQueue({ numNodes, retransmitMult });
    this.#othersToSend = new TransmitLimitedQueue({ numNodes, retransmitMult });
    this.delegate = {
      nodeMeta: (limit) => encodeSerfTags(this.#tags, limit),
      notifyMsg: (message, from) => this.#guard(from.addr, () => this.#take(message)),
      getBroadcasts: (overhead, limit) => this.#broadcasts(overhead, limit),
      localState: () => this.#localState(),
      mergeRemoteState: (state, join) => this.#guard('', () => this.#mergeState(state, join)),
    };
    this[lifeHooks] = {
      started: (node, complaints) => this.#started(node, complaints),
      joined: () => this.#joined(),
      leaving: () => this.#leave(),
    };
  }

  get tags(): SerfTags {
    return this.#tags;
  }

  async setTags(tags: SerfTags): Promise<void> {
    encodeSerfTags(tags);
    const before = this.#tags;
    this.#tags = { ...tags };
    try {
      await this.#node?.updateNode();
    } catch (error) {
      // They fit into no packet, and nobody was told of them.
      if (error instanceof MessageTooLargeError) this.#tags = before;
      throw error;
    }
  }

  on(event: 'event', listener: (event: SerfEvent) => void): this {
    this.#emitter.on(event, listener);
    return this;
  }

  off(event: 'event', listener: (event: SerfEvent) => void): this {
    this.#emitter.off(event, listener);
    return this;
  }

  sendEvent(
    name: string,
    payload: Uint8Array = Buffer.alloc(0),
    options: { coalesce?: boolean } = {},
  ): void {
    if (this.#node === undefined) throw new ShutdownError('sendEvent', 'does not run yet');
    if (typeof name !== 'string' || name === '') {
      throw new ConfigError([{ field: 'name', value: name, rule: 'must be the name of an event' }]);
    }
    const size = Buffer.byteLength(name) + payload.length;
    if (size > EVENT_BYTES) throw new MessageTooLargeError('the event', size, EVENT_BYTES);
    const { coalesce = true } = options;
    const ltime = this.#eventClock.stamp();
    const event = { ltime, name, payload: Buffer.from(payload), coalesce };
    const message = encodeUserEvent(event);
    const { maxBroadcastBytes } = this.#node;
    if (message.length > maxBroadcastBytes) {
      throw new MessageTooLargeError('the encoded event', message.length, maxBroadcastBytes);
    }
    this.#othersToSend.queueBroadcast({ message });
    if (this.#events.isNew(ltime, event, this.#eventClock.time)) this.#tell(event);
  }

  #started(node: HookedNode, complaints: Complaints): void {
    if (this.#node !== undefined) {
      const rule = 'is of a serfGuest that another Memberlist has; make one for each';
      throw new ConfigError([{ field: 'delegate', value: this.delegate, rule }]);
    }
    this.#node = node;
    this.#complaints = complaints;
    for (const { name } of node.members()) this.#roster.appeared(name);
    node.on('join', ({ name }) => this.#roster.appeared(name));
    node.on('leave', ({ name }) => this.#roster.vanished(name));
  }

  #joined(): void {
    this.#hasJoined = true;
    this.#leaving = false;
    this.#announce('join');
  }

  // Resolves once the others have heard that we mean to go: who is gone without that has failed.
  #leave(): Promise<void> {
    this.#leaving = true;
    return new Promise((resolve) => {
      this.#announce('leave', resolve);
      if (this.#node === undefined || this.#node.numMembers <= 1) resolve();
    });
  }

  #announce(kind: Intent['kind'], finished?: () => void): void {
    if (this.#node === undefined) return;
    const intent = { kind, ltime: this.#clock.stamp(), node: this.#node.localNode.name };
    this.#roster.heard(intent);
    // What was said of us before has been overtaken.
    const message = encodeIntent(intent);
    this.#intentsToSend.queueBroadcast({
      name: intent.node,
      message,
      ...(finished && { finished }),
    });
    if (kind === 'leave') this.#sayDirectly(message);
  }

  // Gossip is sent a few times and may miss somebody; who misses this one holds us for failed.
  #sayDirectly(message: Uint8Array): void {
    const node = this.#node;
    const others = node?.members().filter(({ name }) => name !== node.localNode.name) ?? [];
    for (const other of others.slice(0, mostToldDirectly)) {
      node?.sendBestEffort(other, message).catch(() => undefined);
    }
  }

  #broadcasts(overhead: number, limit: number): Uint8Array[] {
    const intents = this.#intentsToSend.getBroadcasts(overhead, limit);
    const used = intents.reduce((sum, { length }) => sum + overhead + length, 0);
    return [...intents, ...this.#othersToSend.getBroadcasts(overhead, limit - used)];
  }

  #take(message: Buffer): void {
    switch (message[0]) {
      case SerfMessageType.join:
        return this.#takeIntent(decodeIntent('join', message), message);
      case SerfMessageType.leave:
        return this.#takeIntent(decodeIntent('leave', message), message);
      case SerfMessageType.userEvent:
        if (this.#takeEvent(decodeUserEvent(message))) this.#passOn(message);
        return;
      case SerfMessageType.query: {
        const { ltime, id, isPrivate } = decodeQuery(message);
        this.#queryClock.witness(ltime);
        if (this.#queries.isNew(ltime, id, this.#queryClock.time) && !isPrivate)
          this.#passOn(message);
      }
    }
  }

  #takeIntent(intent: Intent, message?: Buffer): void {
    this.#clock.witness(intent.ltime);
    const isAboutUs = intent.node === this.#node?.localNode.name;
    if (isAboutUs && intent.kind === 'leave' && !this.#leaving) {
      // An earlier life of ours, or a mistake: we are here.
      if (intent.ltime > this.#roster.lastHeard(intent.node)) this.#announce('join');
      return;
    }
    if (!this.#roster.heard(intent) || message === undefined || isAboutUs) return;
    const { node: name } = intent;
    this.#intentsToSend.queueBroadcast({ name, message: Buffer.from(message) });
    this.#intentsToSend.prune(limits.handoffQueueDepth);
  }

  #takeEvent(event: UserEvent): boolean {
    this.#eventClock.witness(event.ltime);
    const own = { ...event, payload: Buffer.from(event.payload) };
    if (!this.#events.isNew(own.ltime, own, this.#eventClock.time)) return false;
    this.#tell(own);
    return true;
  }

  #tell(event: SerfEvent): void {
    for (const listener of this.#emitter.listeners('event')) {
      try {
        const result: unknown = (listener as (event: SerfEvent) => unknown)(event);
        if (isThenable(result)) catchRejection(result, (error) => this.#failed(error));
      } catch (error) {
        this.#failed(error);
      }
    }
  }

  #failed(error: unknown): void {
    this.#complaints?.listenerFailed('event', error);
  }

  #passOn(message: Buffer): void {
    this.#othersToSend.queueBroadcast({ message: Buffer.from(message) });
    this.#othersToSend.prune(limits.handoffQueueDepth);
  }

  #localState(): Buffer {
    return encodeState({
      ltime: this.#clock.time,
      ...this.#roster.state(),
      eventLtime: this.#eventClock.time,
      events: [...this.#events],
      queryLtime: this.#queryClock.time,
    });
  }

  #mergeState(bytes: Buffer, join: boolean): void {
    const state = decodeState(bytes);
    // A time that was not given to anything yet.
    if (state.ltime > 0) this.#clock.witness(state.ltime - 1);
    if (state.eventLtime > 0) this.#eventClock.witness(state.eventLtime - 1);
    if (state.queryLtime > 0) this.#queryClock.witness(state.queryLtime - 1);
    const left = new Set(state.leftMembers);
    for (const [node, ltime] of state.statusLtimes) {
      this.#takeIntent({ kind: left.has(node) ? 'leave' : 'join', ltime, node });
    }
    // What happened before we came is none of our business.
    if (join && !this.#hasJoined) this.#events.ignoreBefore(state.eventLtime);
    for (const event of state.events) this.#takeEvent({ ...event, coalesce: false });
  }

  #guard(from: Address['addr'], work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#complaints?.dropped(from, `Serf's: ${error.message}`);
    }
  }
}

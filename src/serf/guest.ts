/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A good guest in a Serf cluster: what the agents need to hear to call us a member with tags, and `left`
// when we left; their user events; and what any member owes the others, passing things on.
import {
  lifeHooks,
  type ErrorReporter,
  type HookedNode,
  type LifeHooks,
} from '../config/life-hooks.js';
import type { Delegate } from '../delegates.js';
import { ConfigError, MessageTooLargeError, ShutdownError } from '../errors.js';
import type { Address } from '../wire/address.js';
import { limits } from '../wire/limits.js';
import { WireError } from '../wire/wire-error.js';
import { voteFor } from './conflict-vote.js';
import { LamportClock } from './lamport-clock.js';
import {
  decodeIntent,
  decodeQuery,
  decodeState,
  decodeUserEvent,
  encodeIntent,
  encodeState,
  SerfMessageType,
  type Intent,
} from './messages.js';
import { Outgoing } from './outgoing.js';
import { Recent } from './recent.js';
import { Relay } from './relay.js';
import { Roster } from './roster.js';
import type { SerfEvent, SerfGuest, SerfGuestOptions } from './serf-guest.js';
import { encodeSerfTags, type SerfTags } from './tags.js';
import { UserEvents } from './user-events.js';

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
  readonly #queryClock = new LamportClock();
  readonly #roster = new Roster({ knows: (name) => this.#node?.member(name) !== undefined });
  readonly #events = new UserEvents({
    listenerFailed: (error) => this.#inside?.listenerFailed('event', error),
  });
  readonly #queries = new Recent<number>({
    keyOf: (id) => id,
    bytesOf: () => 0,
    mostBytes: limits.serfQueryBytes,
  });
  readonly #outgoing: Outgoing;
  #tags: SerfTags;
  #node: HookedNode | undefined;
  #inside: ErrorReporter | undefined;
  #relay: Relay | undefined;
  /** Joining exchanges of our own that are under way. */
  #contacts = 0;
  #hasJoined = false;
  #leaving = false;

  constructor({ tags = {}, retransmitMult = 4 }: SerfGuestOptions) {
    encodeSerfTags(tags);
    this.#tags = { ...tags };
    this.#outgoing = new Outgoing({
      numNodes: () => this.#node?.numMembers ?? 1,
      retransmitMult,
      budget: () => this.#budget,
    });
    this.delegate = {
      nodeMeta: (limit) => encodeSerfTags(this.#tags, limit),
      notifyMsg: (message, from) => this.#guard(from.addr, () => this.#take(message)),
      getBroadcasts: (overhead, limit) => this.#outgoing.getBroadcasts(overhead, limit),
      localState: () => this.#localState(),
      mergeRemoteState: (state, join) => this.#guard('', () => this.#mergeState(state, join)),
    };
    this[lifeHooks] = {
      started: (node, inside) => this.#started(node, inside),
      contactBegins: () => {
        this.#contacts++;
      },
      contactEnds: () => {
        this.#contacts--;
      },
      joined: (begun) => this.#joined(begun),
      leaving: () => this.#leave(),
      cameBack: () => this.#cameBack(),
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

  on(_event: 'event', listener: (event: SerfEvent) => void): this {
    this.#events.on(listener);
    return this;
  }

  off(_event: 'event', listener: (event: SerfEvent) => void): this {
    this.#events.off(listener);
    return this;
  }

  sendEvent(
    name: string,
    payload: Uint8Array = Buffer.alloc(0),
    options: { coalesce?: boolean } = {},
  ): void {
    if (this.#node === undefined) throw new ShutdownError('sendEvent', 'does not run yet');
    const { coalesce = true } = options;
    const send = (message: Buffer): void => this.#outgoing.other(message);
    this.#events.begin({ name, payload, coalesce }, this.#budget, send);
  }

  #started(node: HookedNode, inside: ErrorReporter): void {
    if (this.#node !== undefined) {
      const rule = 'is of a serfGuest that another Memberlist has; make one for each';
      throw new ConfigError([{ field: 'delegate', value: this.delegate, rule }]);
    }
    this.#node = node;
    this.#inside = inside;
    this.#relay = new Relay({
      clock: node.config.clock,
      send: (to, message) => void node.sendToAddress(to, message).catch(() => undefined),
    });
    for (const { name } of node.members()) this.#roster.appeared(name);
    node.on('join', ({ name }) => this.#roster.appeared(name));
    node.on('leave', ({ name }) => this.#roster.vanished(name));
  }

  // A Serf agent says that it has joined when it has begun the join, and says nothing when others have. Then it
  // stays `leaving` for those who still hold a leave of an earlier life; so the first time we always say it.
  #joined(begun: 'by-us' | 'by-others'): void {
    const isFirst = !this.#hasJoined;
    this.#hasJoined = true;
    if (begun === 'by-us' || isFirst) this.#announce('join');
  }

  // What was said of our leave, or is still queued, is overtaken by a join of a later time.
  #cameBack(): void {
    this.#leaving = false;
    this.#announce('join');
  }

  // Resolves once the others have heard that we mean to go: who is gone without that has failed.
  #leave(): Promise<void> {
    this.#leaving = true;
    return new Promise((resolve) => this.#announce('leave', resolve));
  }

  #announce(kind: Intent['kind'], finished?: () => void): void {
    if (this.#node === undefined) return finished?.();
    const intent = { kind, ltime: this.#clock.stamp(), node: this.#node.localNode.name };
    this.#roster.heard(intent);
    // As Serf: where nobody is there to hear of the leave, it must not be heard by those who come later.
    const isUnheard = kind === 'leave' && this.#node.numMembers <= 1;
    if (isUnheard) return finished?.();
    const message = encodeIntent(intent);
    // It replaces what was said of us before.
    this.#outgoing.intent(intent.node, message, finished);
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

  #take(message: Buffer): void {
    switch (message[0]) {
      case SerfMessageType.join:
        return this.#takeIntent(decodeIntent('join', message), message);
      case SerfMessageType.leave:
        return this.#takeIntent(decodeIntent('leave', message), message);
      case SerfMessageType.userEvent:
        if (this.#events.take(decodeUserEvent(message))) this.#outgoing.other(message);
        return;
      case SerfMessageType.query: {
        const query = decodeQuery(message);
        this.#queryClock.witness(query.ltime);
        if (!this.#queries.isNew(query.ltime, query.id, this.#queryClock.time)) return;
        if (!query.isPrivate) this.#outgoing.other(message);
        const vote = this.#node && voteFor(query, this.#node);
        if (vote !== undefined) this.#relay?.answer(vote.to, vote.message);
        return;
      }
      case SerfMessageType.relay:
        this.#relay?.forward(message);
    }
  }

  #takeIntent(intent: Intent, message?: Buffer): void {
    // Such a name is no member's: its own alive message would not fit into a packet.
    if (intent.node.length > this.#budget) return;
    this.#clock.witness(intent.ltime);
    const isAboutUs = intent.node === this.#node?.localNode.name;
    if (isAboutUs && intent.kind === 'leave' && !this.#leaving) {
      // An earlier life of ours, or a mistake: we are here.
      if (intent.ltime > this.#roster.lastHeard(intent.node)) this.#announce('join');
      return;
    }
    if (!this.#roster.heard(intent) || message === undefined || isAboutUs) return;
    this.#outgoing.intent(intent.node, message);
  }

  /** Bytes of the longest message that can be gossiped. */
  get #budget(): number {
    return this.#node?.maxBroadcastBytes ?? 0;
  }

  #localState(): Buffer {
    return encodeState({
      ltime: this.#clock.time,
      ...this.#roster.state(),
      eventLtime: this.#events.clock.time,
      events: [...this.#events.recent],
      queryLtime: this.#queryClock.time,
    });
  }

  #mergeState(bytes: Buffer, join: boolean): void {
    const state = decodeState(bytes);
    // A time that was not given to anything yet.
    if (state.ltime > 0) this.#clock.witness(state.ltime - 1);
    if (state.eventLtime > 0) this.#events.clock.witness(state.eventLtime - 1);
    if (state.queryLtime > 0) this.#queryClock.witness(state.queryLtime - 1);
    const left = new Set(state.leftMembers);
    for (const node of left) this.#takeLeft(node, state.statusLtimes.get(node) ?? 0);
    for (const [node, ltime] of state.statusLtimes) {
      if (!left.has(node)) this.#takeIntent({ kind: 'join', ltime, node });
    }
    // What happened before we came is none of our business.
    const isOurFirst = join && this.#contacts > 0 && !this.#hasJoined;
    if (isOurFirst) this.#events.recent.ignoreBefore(state.eventLtime);
    for (const event of state.events) this.#events.take({ ...event, coalesce: false });
  }

  // The time that a state has for who left may be that of its join: as Serf does, the leave is taken for one
  // step later, or it would be no news. Where the leave is known already the times need not rise further.
  #takeLeft(node: string, ltime: number): void {
    const later = Math.min(ltime + 1, Number.MAX_SAFE_INTEGER);
    if (this.#roster.knowsThatItLeft(node, ltime)) this.#clock.witness(ltime);
    else this.#takeIntent({ kind: 'leave', ltime: later, node });
  }

  #guard(from: Address['addr'], work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#inside?.dropped(from, `Serf's: ${error.message}`);
    }
  }
}

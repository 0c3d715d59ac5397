/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A member of a Serf cluster: the intents by which agents show this node as a member with tags, and as `left` when it
// has left; user events; and what each member does for the others, which is passing messages on.
import {
  ConfigError,
  MessageTooLargeError,
  ShutdownError,
  type Delegate,
  type ExtensionContext,
  type ExtensionHooks,
  type JoinStarter,
} from '../index.js';
import { conflictVote } from './conflict-vote.js';
import { LamportClock } from './lamport-clock.js';
import { serfLimits } from './limits.js';
import { MalformedMessage } from './malformed-message.js';
import { MemberStatuses } from './member-status.js';
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
import type { Serf, SerfEvent, SerfOptions } from './serf.js';
import { encodeSerfTags, type SerfTags } from './tags.js';
import { UserEvents } from './user-events.js';

/** A leave is sent directly to so many members; the others receive it by gossip. */
const directLeaveNotices = 16;

/** The extension of one node. */
export class SerfExtension implements Serf {
  readonly name = 'serf';
  readonly version = 0;
  /** Serf's own protocol versions: 2 to 5; agents speak 4 by default. */
  readonly delegateProtocol = { min: 2, max: 5, current: 4 };
  readonly delegate: Delegate;

  readonly #clock = new LamportClock();
  readonly #queryClock = new LamportClock();
  readonly #statuses = new MemberStatuses({
    isKnown: (name) => this.#context?.member(name) !== undefined,
  });
  readonly #events = new UserEvents({
    listenerFailed: (error) => this.#context?.reportError("a listener of 'event'", error),
  });
  readonly #queries = new Recent<number>({
    keyOf: (id) => id,
    bytesOf: () => 0,
    mostBytes: serfLimits.queryBytes,
  });
  readonly #outgoing: Outgoing;
  #tags: SerfTags;
  #context: ExtensionContext | undefined;
  #relay: Relay | undefined;
  /** Joins that this node started and that are in progress. */
  #joins = 0;
  #hasJoined = false;
  #isLeaving = false;

  constructor({ tags = {}, retransmitMult = 4 }: SerfOptions) {
    encodeSerfTags(tags);
    this.#tags = { ...tags };
    this.#outgoing = new Outgoing({
      numNodes: () => this.#context?.numMembers ?? 1,
      retransmitMult,
      budget: () => this.#budget,
    });
    this.delegate = {
      nodeMeta: (limit) => encodeSerfTags(this.#tags, limit),
      notifyMsg: (message, from) => this.#guard(from.addr, () => this.#receive(message)),
      getBroadcasts: (overhead, limit) => this.#outgoing.getBroadcasts(overhead, limit),
      localState: () => this.#localState(),
      mergeRemoteState: (state, join) =>
        this.#guard('a push/pull', () => this.#mergeState(state, join)),
    };
  }

  /** @throws ConfigError when another node has this extension already */
  attach(context: ExtensionContext): ExtensionHooks {
    if (this.#context !== undefined) {
      const rule = 'has a serf() that another Memberlist uses; make one for each';
      throw new ConfigError([{ field: 'use', value: this.name, rule }]);
    }
    this.#context = context;
    this.#relay = new Relay({
      clock: context.clock,
      send: (to, message) => void context.raw.send(to, message).catch(() => undefined),
    });
    this.#statuses.memberJoined(context.self.name);
    context.on('join', ({ name }) => this.#statuses.memberJoined(name));
    context.on('leave', ({ name }) => this.#statuses.memberGone(name));
    return {
      delegate: this.delegate,
      joining: () => {
        this.#joins++;
      },
      joinFailed: () => {
        this.#joins--;
      },
      joined: (startedBy) => this.#joined(startedBy),
      leaving: () => this.#leave(),
      resumed: () => this.#resumed(),
    };
  }

  get tags(): SerfTags {
    return this.#tags;
  }

  async setTags(tags: SerfTags): Promise<void> {
    encodeSerfTags(tags);
    const before = this.#tags;
    this.#tags = { ...tags };
    const context = this.#context;
    if (context === undefined) return;
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
    if (this.#context === undefined) throw new ShutdownError('sendEvent', 'does not run yet');
    const { coalesce = true } = options;
    const send = (message: Buffer): void => this.#outgoing.other(message);
    this.#events.create({ name, payload, coalesce }, this.#budget, send);
  }

  // A Serf agent broadcasts a join intent when it has started the join, and none when a peer has. Members that still
  // hold the leave intent of an earlier run then keep it as `leaving`; so this node always broadcasts its first join.
  #joined(startedBy: JoinStarter): void {
    if (startedBy === 'self') this.#joins--;
    const isFirst = !this.#hasJoined;
    this.#hasJoined = true;
    if (startedBy === 'self' || isFirst) this.#announce('join');
  }

  // A join intent of a later time replaces the leave intent, queued or received.
  #resumed(): void {
    this.#isLeaving = false;
    this.#announce('join');
  }

  // Resolves once the members have received the intent: one that is gone without it has failed.
  #leave(): Promise<void> {
    this.#isLeaving = true;
    return new Promise((resolve) => this.#announce('leave', resolve));
  }

  #announce(kind: Intent['kind'], finished?: () => void): void {
    const context = this.#context;
    if (context === undefined) return finished?.();
    const intent = { kind, ltime: this.#clock.stamp(), node: context.self.name };
    this.#statuses.intentReceived(intent);
    // As in Serf: a leave intent that no member receives must not reach members that join later.
    if (kind === 'leave' && context.numMembers <= 1) return finished?.();
    const message = encodeIntent(intent);
    // It replaces a queued intent of this node.
    this.#outgoing.intent(intent.node, message, finished);
    if (kind === 'leave') this.#sendDirectly(context, message);
  }

  // Gossip may miss a member, which would then show this node as failed.
  #sendDirectly(context: ExtensionContext, message: Uint8Array): void {
    const others = context.members().filter(({ name }) => name !== context.self.name);
    for (const { address: addr, name } of others.slice(0, directLeaveNotices)) {
      context.raw.send({ addr, name }, message).catch(() => undefined);
    }
  }

  #receive(message: Buffer): void {
    switch (message[0]) {
      case SerfMessageType.join:
        return this.#receiveIntent(decodeIntent('join', message), message);
      case SerfMessageType.leave:
        return this.#receiveIntent(decodeIntent('leave', message), message);
      case SerfMessageType.userEvent:
        if (this.#events.receive(decodeUserEvent(message))) this.#outgoing.other(message);
        return;
      case SerfMessageType.query:
        return this.#receiveQuery(message);
      case SerfMessageType.relay:
        this.#relay?.forward(message);
    }
  }

  #receiveQuery(message: Buffer): void {
    const query = decodeQuery(message);
    this.#queryClock.witness(query.ltime);
    if (!this.#queries.isNew(query.ltime, query.id, this.#queryClock.time)) return;
    if (!query.isPrivate) this.#outgoing.other(message);
    const vote = this.#context && conflictVote(query, this.#context);
    if (vote !== undefined) this.#relay?.answer(vote.to, vote.message);
  }

  #receiveIntent(intent: Intent, message?: Buffer): void {
    // No member has such a name: its alive message would not fit into a packet.
    if (intent.node.length > this.#budget) return;
    this.#clock.witness(intent.ltime);
    const isAboutUs = intent.node === this.#context?.self.name;
    if (isAboutUs && intent.kind === 'leave' && !this.#isLeaving) {
      // It is about an earlier run of this node, or wrong.
      if (intent.ltime > this.#statuses.lastIntent(intent.node)) this.#announce('join');
      return;
    }
    if (!this.#statuses.intentReceived(intent) || message === undefined || isAboutUs) return;
    this.#outgoing.intent(intent.node, message);
  }

  /** Bytes of the longest message that can be gossiped. */
  get #budget(): number {
    return this.#context?.raw.packetBudget ?? 0;
  }

  #localState(): Buffer {
    return encodeState({
      ltime: this.#clock.time,
      ...this.#statuses.state(),
      eventLtime: this.#events.clock.time,
      events: [...this.#events.recent],
      queryLtime: this.#queryClock.time,
    });
  }

  #mergeState(bytes: Buffer, join: boolean): void {
    const state = decodeState(bytes);
    // The times in a state are those of the next message.
    if (state.ltime > 0) this.#clock.witness(state.ltime - 1);
    if (state.eventLtime > 0) this.#events.clock.witness(state.eventLtime - 1);
    if (state.queryLtime > 0) this.#queryClock.witness(state.queryLtime - 1);
    const left = new Set(state.leftMembers);
    for (const node of left) this.#mergeLeft(node, state.statusLtimes.get(node) ?? 0);
    for (const [node, ltime] of state.statusLtimes) {
      if (!left.has(node)) this.#receiveIntent({ kind: 'join', ltime, node });
    }
    // Events from before this node's first join are not delivered.
    const isOurFirst = join && this.#joins > 0 && !this.#hasJoined;
    if (isOurFirst) this.#events.recent.ignoreBefore(state.eventLtime);
    for (const event of state.events) this.#events.receive({ ...event, coalesce: false });
  }

  // The time that a state has for a member that left may be that of its join. As in Serf, the leave counts as one step
  // later; otherwise it would be ignored. Where the leave is known already, the times need not rise further.
  #mergeLeft(node: string, ltime: number): void {
    const later = Math.min(ltime + 1, Number.MAX_SAFE_INTEGER);
    if (this.#statuses.knowsLeave(node, ltime)) this.#clock.witness(ltime);
    else this.#receiveIntent({ kind: 'leave', ltime: later, node });
  }

  #guard(from: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error;
      this.#context?.drop(from, error.message);
    }
  }
}

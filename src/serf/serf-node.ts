/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The Serf extension on one node: its parts, connected to each other and to the node.
import { MessageTooLargeError, type Address, type ExtensionContext } from '../index.js';
import { Answers } from './answers.js';
import { Coordinates } from './coordinates.js';
import { Intents } from './intents.js';
import { InternalQueries } from './internal-queries.js';
import { KeyCommands } from './key-commands.js';
import { keyringFileOf } from './keyring-file.js';
import { LamportClock } from './lamport-clock.js';
import { serfLimits } from './limits.js';
import type { Listeners } from './listeners.js';
import { MalformedMessage } from './malformed-message.js';
import { MemberEvents } from './member-events.js';
import { Members, type MemberChange, type MemberEntry } from './members.js';
import { serfMetrics, type SerfMetrics } from './metrics.js';
import { NameConflict } from './name-conflict.js';
import type { ResolvedSerfOptions } from './options.js';
import { Outgoing } from './outgoing.js';
import { Queries } from './queries.js';
import { encodeQuery, type Query } from './query-messages.js';
import { Receiver } from './receiver.js';
import { RunningQueries, type RunningQuery } from './running-queries.js';
import type { SerfHandler, SerfMember } from './serf.js';
import { readSnapshot, SnapshotFile, type SnapshotState } from './snapshot.js';
import { decodeSerfTags, type SerfTags } from './tags.js';
import { UserEvents } from './user-events.js';

const REAP_MS = 15_000;
/** Serf keeps intents of nodes that are no members for so long (RecentIntentTimeout). */
const INTENT_MS = 5 * 60_000;
/** Serf's FlapTimeout. */
const FLAP_MS = 60_000;

/** What the application gave to the extension. */
export interface Application {
  readonly options: ResolvedSerfOptions;
  readonly listeners: Listeners;
  readonly handlers: ReadonlyMap<string, SerfHandler>;
  readonly tags: () => SerfTags;
}

/** A query before it has a time and an identifier. */
export type NewQuery = Pick<
  Query,
  'name' | 'payload' | 'filters' | 'wantsAck' | 'relayFactor' | 'timeoutMs'
>;

/** One node's Serf. */
export class SerfNode {
  readonly context: ExtensionContext;
  readonly clock = new LamportClock();
  readonly members: Members;
  readonly outgoing: Outgoing;
  readonly events: UserEvents;
  readonly queries: Queries;
  readonly running: RunningQueries;
  readonly intents: Intents;
  readonly answers: Answers;
  readonly receiver: Receiver;
  readonly coordinates: Coordinates | undefined;
  readonly saved: SnapshotState | undefined;
  readonly #application: Application;
  readonly #metrics: SerfMetrics;
  readonly #snapshot: SnapshotFile | undefined;
  readonly #memberEvents: MemberEvents;
  readonly #conflict: NameConflict;
  #mustReap = false;

  /** @throws ConfigError when a file cannot be read, or there are no keys to save */
  constructor(context: ExtensionContext, application: Application) {
    const { options, listeners, handlers, tags } = application;
    const { clock, random, signal } = context;
    this.context = context;
    this.#application = application;
    const metrics = (this.#metrics = serfMetrics(context.metrics, {
      members: () => this.members.size,
      queued: () => this.outgoing.size,
      coordinateResets: () => this.coordinates?.resets ?? 0,
    }));
    const { reconnectTimeout: failed, tombstoneTimeout: left } = options;
    const members = (this.members = new Members({
      clock,
      reapAfter: { failed, left, intents: INTENT_MS },
      changed: (change, member) => this.#memberChanged(change, member),
      givenUp: (name) => void context.forget(name),
    }));
    const outgoing = (this.outgoing = new Outgoing({
      numNodes: () => context.numMembers,
      retransmitMult: context.gossip.retransmitMult,
      budget: () => context.raw.packetBudget,
    }));
    this.events = new UserEvents({
      ...{ clock, coalesce: options.coalesce },
      deliver: (event) => {
        metrics.events.inc();
        listeners.emit('event', event);
      },
    });
    const running = (this.running = new RunningQueries({ clock, metrics, signal }));
    const isDown = (): boolean => signal.aborted;
    const answers = (this.answers = new Answers({
      ...{ clock, random, metrics, members },
      self: () => context.self,
      send: (to: Address, message: Buffer) => {
        context.raw.send(to, message).catch(() => undefined);
      },
      receive: (response) => running.receive(response),
    }));
    const { name: self } = context.self;
    const keys = new KeyCommands(context, keyringFileOf(context, options.keyringFile));
    const internal = new InternalQueries({ answers, members, keys, metrics, self, isDown });
    this.queries = new Queries({
      ...{ clock, metrics, answers, internal, handlers, isDown },
      self: () => ({ name: self, tags: tags() }),
      deliver: (query) => listeners.emit('query', query),
      failed: (what, error) => context.reportError(what, error),
    });
    this.intents = new Intents({ context, clock: this.clock, members, outgoing });
    this.receiver = new Receiver(this);
    const drop = (from: string, detail: string): void => context.drop(from, detail);
    this.coordinates = options.coordinates
      ? new Coordinates({ random, metrics, self, drop })
      : undefined;
    this.#memberEvents = new MemberEvents({
      ...{ clock, coalesce: options.coalesce },
      deliver: (event) => listeners.emit('member', event),
    });
    this.#conflict = new NameConflict({
      context,
      ask: (name, payload) => this.askInternally(name, payload),
    });
    if (options.snapshot !== undefined) {
      this.saved = readSnapshot(options.snapshot);
      this.#snapshot = this.#openSnapshot(options.snapshot, this.saved);
    }
    this.#listen();
  }

  /** Asks all members. @throws BusyError; MessageTooLargeError; ShutdownError */
  ask(query: NewQuery): RunningQuery {
    const { context, queries, running } = this;
    running.mustHaveRoom();
    const { name: from, address: addr } = context.self;
    // As in Serf, 31 bits.
    const id = Math.floor(context.random.next() * 2 ** 31);
    const ltime = queries.clock.time;
    const whole = { ...query, ltime, id, from, origin: { addr, name: from }, isPrivate: false };
    const message = encodeQuery(whole);
    const limit = Math.min(serfLimits.queryMessageBytes, context.raw.packetBudget);
    if (message.length > limit) throw new MessageTooLargeError('the query', message.length, limit);
    queries.clock.stamp();
    const { timeoutMs } = query;
    const answers = running.start({ ltime, id, timeoutMs, members: context.numMembers });
    queries.receive(whole);
    this.outgoing.query(message);
    this.changed();
    return answers;
  }

  /** Asks all members an internal query. @throws as `ask` */
  askInternally(name: string, payload: Buffer): RunningQuery {
    const nothing = { filters: [], wantsAck: false, relayFactor: 0 };
    return this.ask({ name, payload, ...nothing, timeoutMs: this.defaultTimeout });
  }

  /** Serf's: the time of 16 rounds of gossip for each power of ten of members. */
  get defaultTimeout(): number {
    const { gossip, numMembers } = this.context;
    const interval = gossip.interval > 0 ? gossip.interval : 200;
    return interval * 16 * Math.ceil(Math.log10(numMembers + 1));
  }

  /** A member as the application sees it. */
  memberOf({ name, status, node }: MemberEntry): SerfMember {
    const isSelf = name === this.context.self.name;
    const { address, meta, protocol, delegateProtocol } = isSelf ? this.context.self : node;
    const tags = decodeSerfTags(meta) ?? {};
    return { name, address, tags, status, protocol, delegateProtocol };
  }

  /** Something changed that the snapshot has, or that is to be reaped. */
  changed(): void {
    this.#snapshot?.changed();
    if (this.members.mustReap) this.#reapLater();
  }

  leaving(): Promise<void> {
    this.#snapshot?.setLeft(true);
    return this.intents.leave();
  }

  resumed(): void {
    this.#snapshot?.setLeft(false);
    this.intents.resumed();
  }

  /** The node is shut down. */
  stopped(): void {
    this.running.stop();
    this.#snapshot?.write();
  }

  /** Runs work on what a peer sent; a malformed message is counted, logged and dropped. */
  guard(from: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error;
      this.context.drop(from, error.message);
    }
  }

  #listen(): void {
    const { context, members } = this;
    members.joined(context.self);
    context.on('join', (node) => {
      const failedFor = members.joined(node);
      if (failedFor !== undefined && failedFor < FLAP_MS) this.#metrics.flaps.inc();
    });
    context.on('leave', ({ name }) => members.wentAway(name));
    context.on('update', (node) => members.updated(node));
    if (!this.#application.options.resolveNameConflicts) return;
    context.on('conflict', (existing, other) => {
      this.#conflict.noticed(existing, other).catch((error: unknown) => {
        if (!context.signal.aborted)
          context.reportError('the resolution of a name conflict', error);
      });
    });
  }

  #memberChanged(change: MemberChange, member: MemberEntry): void {
    if (change === 'reap') this.coordinates?.forget(member.name);
    // As memberlist's events: about other nodes.
    if (member.name === this.context.self.name) return;
    this.changed();
    this.#memberEvents.changed(change, this.memberOf(member));
  }

  // A quiet node does not wake up for this.
  #reapLater(): void {
    if (this.#mustReap) return;
    this.#mustReap = true;
    this.context.clock.setTimer(REAP_MS, () => {
      this.#mustReap = false;
      this.members.reap();
      if (this.members.mustReap) this.#reapLater();
    });
  }

  #openSnapshot(path: string, saved: SnapshotState): SnapshotFile {
    const { clock, events, queries, context } = this;
    clock.witness(saved.clock);
    events.clock.witness(saved.eventClock);
    queries.clock.witness(saved.queryClock);
    // Those of the earlier run were delivered then.
    events.recent.ignoreBefore(saved.eventClock + 1);
    queries.recent.ignoreBefore(saved.queryClock + 1);
    return new SnapshotFile(path, {
      clock: context.clock,
      state: () => this.#stateToSave(),
      failed: (error) => {
        const { message } = error as Error;
        context.log.error('the snapshot cannot be written', {
          code: 'serf-snapshot',
          path,
          message,
        });
      },
    });
  }

  #stateToSave(): SnapshotState {
    const alive = new Map<string, string>();
    for (const { name, status, node } of this.members) {
      if (status === 'alive' && name !== this.context.self.name) alive.set(name, node.address);
    }
    return {
      clock: this.clock.time - 1,
      eventClock: this.events.clock.time - 1,
      queryClock: this.queries.clock.time - 1,
      alive,
    };
  }
}

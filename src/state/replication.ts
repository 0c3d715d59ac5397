/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One node's part in the shared state, while the node runs: handles messages, members and time.
import type { ExtensionContext, Node, Peer } from '../index.js';
import { drawBoot, wallMs } from './boot.js';
import { Departures } from './departures.js';
import { ExpiryTimer } from './expiry-timer.js';
import type { Expiring } from './expiry.js';
import { Gaps } from './gaps.js';
import { Incoming } from './incoming.js';
import { MalformedState } from './malformed.js';
import { decodeMessage, type MapVersion, type StateMessage } from './messages.js';
import { Meters } from './meters.js';
import type { ResolvedStateOptions } from './options.js';
import { OwnBoot } from './own-boot.js';
import { Peers } from './peers.js';
import { Push } from './push.js';
import { Reconciliation } from './reconciliation.js';
import { Replica } from './replica.js';
import { isAhead, Store, type KeyChange, type Moment } from './store.js';

/** How often deleted keys are forgotten, in milliseconds, at most. */
const forgetEveryMs = 60_000;
/** Members that joined through this node a moment ago. */
const mostNewcomers = 64;

/** What the replication is created with. */
export interface ReplicationInit {
  readonly context: ExtensionContext;
  readonly options: ResolvedStateOptions;
  /** What was written before the node existed: its clock began at 0. */
  readonly early: Replica;
  readonly changed: (changes: readonly KeyChange[]) => void;
}

/** The maps of all nodes, kept equal with those of the peers. */
export class Replication {
  readonly store: Store;
  readonly meters: Meters;
  readonly #context: ExtensionContext;
  readonly #options: ResolvedStateOptions;
  readonly #changed: (changes: readonly KeyChange[]) => void;
  readonly #peers: Peers;
  readonly #push: Push;
  readonly #reconciliation: Reconciliation;
  readonly #departures: Departures;
  readonly #ownBoot: OwnBoot;
  readonly #incoming: Incoming;
  readonly #expiry: ExpiryTimer;
  /** Members that this node has learned of in this turn. */
  #newcomers: string[] = [];

  constructor({ context, options, early, changed }: ReplicationInit) {
    this.#context = context;
    this.#options = options;
    this.#changed = changed;
    const { clock, random } = context;
    this.store = new Store(this.#ownMap(early), {
      bytesPerNode: options.maxBytesPerNode,
      keysPerNode: options.maxKeysPerNode,
      bytes: options.maxBytes,
    });
    const { store } = this;
    this.meters = new Meters(context, {
      nodes: () => store.size,
      bytes: () => store.bytes,
      ownKeys: () => store.own.size - store.own.deleted,
    });
    const { meters } = this;
    const peers = new Peers(context, meters);
    this.#peers = peers;
    const packetBudget = (): number => context.packetBudget;
    this.#push = new Push({ store, peers, meters, clock, packetBudget });
    const moment = (): Moment => this.moment;
    this.#reconciliation = new Reconciliation(
      { context, store, peers, meters, moment },
      { intervalMs: options.syncInterval },
    );
    const drop = (name: string): void => this.#changed(store.drop(name));
    this.#departures = new Departures({ clock, drop }, { keepMs: options.keepAfterLeave });
    const ask = (name: string, from: string): void => this.#reconciliation.ask(name, from);
    const gaps = new Gaps({ clock, ask });
    const ownSeen = (boot: string, version: number): void => this.#ownSeen(boot, version);
    this.#incoming = new Incoming({ store, meters, gaps, moment, ownSeen, changed });
    const expired = (items: readonly Expiring[]): void => this.#expire(items);
    this.#expiry = new ExpiryTimer({ clock, queue: store.expiring }, { expired });
    this.#ownBoot = new OwnBoot({ clock, random, republish: (boot) => this.#republish(boot) });
  }

  /** Starts the timers, and follows the members. */
  start(): void {
    const { context } = this;
    context.on('join', (node) => this.#appeared(node, true));
    context.on('update', (node) => this.#appeared(node, false));
    context.on('leave', ({ name }) => this.#disappeared(name));
    this.#reconciliation.start();
    this.#forgetLater();
    this.#expiry.added();
  }

  get moment(): Moment {
    const { clock } = this.#context;
    return { now: clock.now(), wallNow: wallMs(clock) };
  }

  /** Writes to this node's map. */
  write(key: string, value: string | undefined, ttlMs: number | undefined): void {
    const { now } = this.moment;
    const change = this.store.write(key, value, ttlMs === undefined ? Infinity : now + ttlMs, now);
    this.#push.written();
    this.#reconciliation.changed();
    this.#expiry.added();
    if (change.before?.value !== change.after?.value) this.#changed([change]);
  }

  joined(startedBy: 'self' | 'peer'): void {
    if (startedBy === 'self') return this.#reconciliation.joined();
    for (const name of this.#newcomers.splice(0)) this.#reconciliation.greet(name);
  }

  receive(payload: Buffer, from: Peer): void {
    const sender = from.name;
    // Its messages are not answered, and its claims not believed.
    if (sender === undefined || !this.store.present.has(sender)) {
      this.meters.count('strangers');
      return;
    }
    try {
      this.#receive(payload, sender);
    } catch (error) {
      if (!(error instanceof MalformedState)) throw error;
      this.#context.drop(sender, error.message);
    }
  }

  get context(): ExtensionContext {
    return this.#context;
  }

  #ownMap(early: Replica): Replica {
    const { self, clock, random } = this.#context;
    const own = new Replica(self.name);
    own.boot = drawBoot(clock, random);
    const now = clock.now();
    for (const [key, entry] of early.entries()) {
      if (entry.value === undefined) continue;
      const expiresAt = entry.expiresAt + now;
      own.put(key, { ...entry, version: ++own.version, since: now, expiresAt });
    }
    return own;
  }

  #receive(payload: Buffer, sender: string): void {
    const message = decodeMessage(payload);
    switch (message.kind) {
      case 'hash':
        return this.#reconciliation.onHash(message.hash, sender);
      case 'digest':
        return this.#onDigest(message.versions, message.wantsAnswer, sender);
      case 'changes':
        return this.#onChanges(message, payload, sender);
    }
  }

  #onDigest(versions: readonly MapVersion[], wantsAnswer: boolean, sender: string): void {
    const { own } = this.store;
    const { wallNow } = this.moment;
    for (const { name, boot, version } of versions) {
      if (isAhead(boot, wallNow)) this.#incoming.ahead(name, sender);
      else if (name === own.name) this.#ownSeen(boot, version);
    }
    this.#reconciliation.onDigest(versions, wantsAnswer, sender);
  }

  #onChanges(
    { maps, mayForward }: Extract<StateMessage, { kind: 'changes' }>,
    payload: Buffer,
    sender: string,
  ): void {
    let isNew = false;
    try {
      isNew = this.#incoming.apply(maps, sender);
    } finally {
      // The maps before a malformed one are applied.
      this.#expiry.added();
    }
    if (!isNew) return;
    for (const { name } of maps) this.#reconciliation.received(name);
    this.#reconciliation.changed();
    if (mayForward) this.#push.forward(payload, sender);
  }

  // Nobody but this node gives its map versions.
  #ownSeen(boot: string, version: number): void {
    const { own } = this.store;
    if (boot < own.boot || (boot === own.boot && version <= own.version)) return;
    this.#ownBoot.claimed(boot);
  }

  #republish(boot: string): void {
    this.store.republish(boot, this.moment.now);
    this.#push.restarted();
    this.#reconciliation.changed();
    this.#expiry.added();
    this.meters.count('replaced');
    const message =
      'a peer has a later map of the name of this node, which has published its map again: did the clock go back, or ' +
      'do two nodes have this name?';
    this.meters.warn('state-boot-replaced', message, {});
  }

  #appeared(node: Node, isNew: boolean): void {
    const { name, extensions } = node;
    if (name === this.store.own.name || !Object.hasOwn(extensions, 'state')) return;
    this.#departures.returned(name);
    this.store.appear(name);
    if (!isNew) return;
    this.#reconciliation.changed();
    if (this.#newcomers.length === 0) {
      this.#context.clock.afterTurn(() => {
        this.#newcomers = [];
      });
    }
    if (this.#newcomers.length < mostNewcomers) this.#newcomers.push(name);
  }

  #disappeared(name: string): void {
    if (name === this.store.own.name) return;
    this.store.disappear(name);
    this.#peers.forget(name);
    this.#reconciliation.gone(name);
    this.#departures.gone(name);
  }

  #forgetLater(): void {
    const { keepDeleted } = this.#options;
    this.#context.clock.setTimer(Math.min(forgetEveryMs, keepDeleted), () => {
      this.#forgetLater();
      const before = this.#context.clock.now() - keepDeleted;
      for (const replica of this.store.all()) this.store.forgetDeleted(replica, before);
    });
  }

  #expire(items: readonly Expiring[]): void {
    const changes: KeyChange[] = [];
    for (const { name, key, entry } of items) {
      if (name === this.store.own.name) {
        this.write(key, undefined, undefined);
        continue;
      }
      entry.isExpired = true;
      changes.push({ name, key, before: entry, after: undefined });
    }
    this.#changed(changes);
  }
}

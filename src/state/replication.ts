/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One node's part in the shared state, while the node runs: handles messages, members and time.
import { printable, type ExtensionContext, type Node, type Peer, type Timer } from '../index.js';
import { drawBoot, wallMs } from './boot.js';
import { Departures } from './departures.js';
import { MalformedState } from './malformed.js';
import { decodeMessage, type MapChanges, type MapVersion, type StateMessage } from './messages.js';
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
/** Milliseconds between two passes over keys that have expired, at least. */
const expiryPauseMs = 5;
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
  /** Members that this node has learned of in this turn. */
  #newcomers: string[] = [];
  #expiryTimer: Timer | undefined;
  #expiryAt = Infinity;

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
    this.#watchExpiry();
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
    this.#watchExpiry();
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
    let message: StateMessage;
    try {
      message = decodeMessage(payload);
    } catch (error) {
      if (!(error instanceof MalformedState)) throw error;
      this.#context.drop(sender, error.message);
      return;
    }
    switch (message.kind) {
      case 'hash':
        return this.#reconciliation.onHash(message.hash, sender);
      case 'digest':
        return this.#onDigest(message.versions, message.wantsAnswer, sender);
      case 'changes':
        if (this.#apply(message.maps, sender) && message.mayForward) {
          this.#push.forward(payload, sender);
        }
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

  #onDigest(versions: readonly MapVersion[], wantsAnswer: boolean, sender: string): void {
    const { own } = this.store;
    const { wallNow } = this.moment;
    for (const { name, boot, version } of versions) {
      if (isAhead(boot, wallNow)) this.#ahead(name, sender);
      else if (name === own.name) this.#checkOwn(boot, version);
    }
    this.#reconciliation.onDigest(versions, wantsAnswer, sender);
  }

  /** Returns whether something was new. */
  #apply(maps: readonly MapChanges[], sender: string): boolean {
    const { store, meters } = this;
    const moment = this.moment;
    const changes: KeyChange[] = [];
    let isNew = false;
    for (const map of maps) {
      if (map.name === store.own.name) {
        if (!isAhead(map.boot, moment.wallNow)) this.#checkOwn(map.boot, map.to);
        continue;
      }
      if (!store.present.has(map.name)) {
        meters.count('strangers');
        continue;
      }
      switch (store.apply(map, moment, changes)) {
        case 'applied':
          meters.count('applied');
          isNew = true;
          break;
        case 'old':
        case 'refused':
          meters.count('old');
          break;
        case 'gap':
          meters.count('gaps');
          this.#reconciliation.ask(map.name, sender);
          break;
        case 'limit':
          this.#cutOff(map.name);
          break;
        case 'ahead':
          this.#ahead(map.name, sender);
      }
    }
    if (isNew) {
      this.#reconciliation.received();
      this.#reconciliation.changed();
      this.#watchExpiry();
    }
    this.#changed(changes);
    return isNew;
  }

  // Nobody but this node gives its map versions.
  #checkOwn(boot: string, version: number): void {
    const { own } = this.store;
    if (boot < own.boot || (boot === own.boot && version <= own.version)) return;
    this.#ownBoot.claimed(boot);
  }

  #republish(boot: string): void {
    this.store.republish(boot, this.moment.now);
    this.#push.restarted();
    this.#reconciliation.changed();
    this.#watchExpiry();
    this.meters.count('replaced');
    const message =
      'a peer has a later map of the name of this node, which has published its map again: did the clock go back, or ' +
      'do two nodes have this name?';
    this.meters.warn('state-boot-replaced', message, {});
  }

  #cutOff(name: string): void {
    this.meters.count('cutOff');
    const message = printable(`the map of ${name} exceeds a limit here, and is not shown`);
    this.meters.warn('state-cut-off', message, { peer: name });
  }

  #ahead(name: string, sender: string): void {
    this.meters.count('ahead');
    const message = printable(
      `${name} has started with a clock that is more than a day ahead, or ${sender} claims so: its map is not shown`,
    );
    this.meters.warn('state-boot-ahead', message, { peer: name });
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

  #watchExpiry(): void {
    const { nextAt } = this.store.expiring;
    if (nextAt >= this.#expiryAt) return;
    this.#expiryTimer?.cancel();
    this.#expiryAt = nextAt;
    const delayMs = Math.max(expiryPauseMs, nextAt - this.#context.clock.now());
    this.#expiryTimer = this.#context.clock.setTimer(delayMs, () => {
      this.#expiryAt = Infinity;
      this.#expire();
      this.#watchExpiry();
    });
  }

  #expire(): void {
    const { store } = this;
    const now = this.#context.clock.now();
    const changes: KeyChange[] = [];
    for (let item = store.expiring.take(now); item; item = store.expiring.take(now)) {
      const { name, key, entry } = item;
      if (name === store.own.name) {
        this.write(key, undefined, undefined);
        continue;
      }
      entry.isExpired = true;
      changes.push({ name, key, before: entry, after: undefined });
    }
    this.#changed(changes);
  }
}

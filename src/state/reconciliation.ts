/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Scuttlebutt reconciliation (van Renesse et al. 2008): in each round a node sends a hash of all versions to a random peer.
// If the peer has another one, it answers with its versions; each side then sends what the other one lacks.
import type { ExtensionContext, Timer } from '../index.js';
import { noBoot } from './boot.js';
import { stateLimits } from './limits.js';
import { encodeDigests, encodeHash, type MapVersion } from './messages.js';
import type { Meters } from './meters.js';
import type { Lacking, Peers } from './peers.js';
import type { Replica } from './replica.js';
import type { Moment, Store } from './store.js';

/** A node that joins asks so many peers for everything, one after the other, until one has answered. */
const joinAttempts = 5;
/** Milliseconds between these attempts. */
const joinPauseMs = 150;
/** When a node that helped another one to join sends it a hash, in milliseconds: soon, and again if that was lost. */
const greetingsMs = [10, 100] as const;

/** What reconciles. */
export interface ReconciliationParts {
  readonly context: ExtensionContext;
  readonly store: Store;
  readonly peers: Peers;
  readonly meters: Meters;
  readonly moment: () => Moment;
}

/** The rounds of one node, and its answers to those of others. */
export class Reconciliation {
  readonly #parts: ReconciliationParts;
  readonly #intervalMs: number;
  #timer: Timer | undefined;
  #isFast = false;
  #changedAt = -Infinity;
  /** How often this node still asks for everything. */
  #joinAttempts = 0;
  #joinTimer: Timer | undefined;

  constructor(parts: ReconciliationParts, init: { intervalMs: number }) {
    this.#parts = parts;
    this.#intervalMs = init.intervalMs;
  }

  start(): void {
    this.#schedule();
  }

  /** Something has changed: the next rounds follow each other quickly. */
  changed(): void {
    this.#changedAt = this.#parts.context.clock.now();
    if (this.#isFast) return;
    this.#timer?.cancel();
    this.#schedule();
  }

  /** This node has joined: asks a peer for everything. */
  joined(): void {
    this.#joinAttempts = joinAttempts;
    this.#askForAll();
    this.changed();
  }

  /** Another node has joined through this one, which is the first one that knows it. */
  greet(name: string): void {
    for (const ms of greetingsMs) {
      this.#parts.context.clock.setTimer(ms, () => this.#sendHash(name));
    }
  }

  /** A peer has sent changes: this node need not ask for everything again. */
  received(): void {
    this.#joinAttempts = 0;
    this.#joinTimer?.cancel();
  }

  onHash(hash: Buffer, from: string): void {
    const { store, meters, peers } = this.#parts;
    if (hash.equals(store.hash)) return;
    meters.count('digests');
    if (this.#joinAttempts > 0 && this.#streamDigest(from)) return;
    peers.answer(from, this.#digests(this.#versions(), true, stateLimits.digestPackets));
  }

  onDigest(versions: readonly MapVersion[], wantsAnswer: boolean, from: string): void {
    const { store, peers } = this.#parts;
    const moment = this.#parts.moment();
    const lacking: Lacking[] = [];
    const wanted: MapVersion[] = [];
    for (const version of versions) {
      if (!store.present.has(version.name)) continue;
      const replica = store.get(version.name);
      const there = replica && lackingOf(replica, version);
      if (there !== undefined) lacking.push(there);
      else if (wantsAnswer && store.isBehind(version.name, version.boot, version.version, moment)) {
        wanted.push(ownVersion(version.name, replica));
      }
    }
    peers.bring(from, lacking);
    peers.answer(from, this.#digests(wanted, false, stateLimits.digestPackets));
  }

  /** A peer has sent changes that follow others that this node lacks. */
  ask(name: string, from: string): void {
    const { store, peers, context } = this.#parts;
    const replica = store.get(name);
    const now = context.clock.now();
    if (replica !== undefined) {
      if (now - replica.askedAt < stateLimits.askAgainMs) return;
      replica.askedAt = now;
    }
    peers.answer(from, this.#digests([ownVersion(name, replica)], false, 1));
  }

  #schedule(): void {
    const { context } = this.#parts;
    this.#isFast = context.clock.now() - this.#changedAt < stateLimits.fastForMs;
    const intervalMs = this.#isFast
      ? Math.min(stateLimits.fastIntervalMs, this.#intervalMs)
      : this.#intervalMs;
    // Nodes that start or learn of a change together do not stay in step.
    const delayMs = intervalMs * (0.75 + context.random.next() / 2);
    this.#timer = context.clock.setTimer(delayMs, () => {
      this.#schedule();
      const [peer] = this.#parts.peers.random(1);
      if (peer !== undefined) this.#sendHash(peer.name);
    });
  }

  #sendHash(to: string): void {
    this.#parts.peers.send(to, encodeHash(this.#parts.store.hash));
  }

  #askForAll(): void {
    this.#joinTimer?.cancel();
    if (this.#joinAttempts <= 0) return;
    const [peer] = this.#parts.peers.random(1);
    if (peer !== undefined) this.#streamDigest(peer.name);
    this.#joinTimer = this.#parts.context.clock.setTimer(joinPauseMs, () => this.#askForAll());
  }

  #streamDigest(to: string): boolean {
    this.#joinAttempts--;
    const options = { wantsAnswer: true, budget: stateLimits.streamBytes, most: 1 };
    const [digest] = encodeDigests(this.#versions(), options);
    return digest !== undefined && this.#parts.peers.stream(to, digest);
  }

  #digests(versions: Iterable<MapVersion>, wantsAnswer: boolean, most: number): Buffer[] {
    const budget = this.#parts.context.packetBudget;
    return encodeDigests(versions, { wantsAnswer, budget, most });
  }

  /** All versions: first those that changed recently, then the others, from a random one on if they do not fit. */
  #versions(): MapVersion[] {
    const { store, context } = this.#parts;
    const recently = context.clock.now() - 2 * stateLimits.fastForMs;
    const recent: Replica[] = [];
    const others: MapVersion[] = [];
    for (const name of store.present) {
      const replica = store.get(name);
      if (replica !== undefined && replica.refusedUntil > context.clock.now()) continue;
      if (replica !== undefined && replica.changedAt >= recently) recent.push(replica);
      else others.push(ownVersion(name, replica));
    }
    recent.sort((a, b) => b.changedAt - a.changedAt);
    const start = Math.floor(context.random.next() * others.length);
    return [...recent, ...others.slice(start), ...others.slice(0, start)];
  }
}

function ownVersion(name: string, replica: Replica | undefined): MapVersion {
  return { name, boot: replica?.boot ?? noBoot, version: replica?.version ?? 0 };
}

/** What a peer that has this version lacks of a map; undefined if nothing. */
function lackingOf(replica: Replica, { boot, version }: MapVersion): Lacking | undefined {
  if (replica.refusedUntil !== 0 && replica.version === 0) return undefined;
  if (boot > replica.boot || (boot === replica.boot && version >= replica.version))
    return undefined;
  const isSameBoot = boot === replica.boot;
  const has = isSameBoot ? version : 0;
  const needsWhole = (!isSameBoot && version > 0) || has < replica.floor;
  return { replica, version: has, needsWhole };
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// All maps that this node has, its own included: applies changes, keeps the limits, and knows which maps take part in
// reconciliation (those of members that are alive or suspect).
import { bootMs, noBoot, type BootId } from './boot.js';
import { ExpiryQueue, type Expiring } from './expiry.js';
import { VersionHash } from './hash.js';
import { stateLimits } from './limits.js';
import { decodeEntries, type ReceivedMap, type SentEntry } from './messages.js';
import { Replica, shown, sizeOf, type Entry } from './replica.js';

/** A key whose value is another one now. Entries that are deleted or expired are left out. */
export interface KeyChange {
  readonly name: string;
  readonly key: string;
  readonly before: Entry | undefined;
  readonly after: Entry | undefined;
}

/**
 * What became of changes: `gap` if changes before them are missing here, `old` if this node has them, `limit` if the map is
 * too large from now on, `refused` if it was before, `ahead` if the boot id is too far in the future.
 */
export type Outcome = 'applied' | 'old' | 'gap' | 'limit' | 'refused' | 'ahead';

/** The limits of a store. */
export interface StoreLimits {
  readonly bytesPerNode: number;
  readonly keysPerNode: number;
  readonly bytes: number;
}

/** Now, by both clocks. */
export interface Moment {
  readonly now: number;
  readonly wallNow: number;
}

/** The maps of all nodes. */
export class Store {
  readonly own: Replica;
  readonly expiring: ExpiryQueue;
  readonly #limits: StoreLimits;
  readonly #replicas = new Map<string, Replica>();
  readonly #present = new Set<string>();
  readonly #hash = new VersionHash();
  #bytes = 0;

  /** @param own - this node's map, with its boot id */
  constructor(own: Replica, limits: StoreLimits) {
    this.own = own;
    this.#limits = limits;
    this.#bytes = own.bytes;
    this.#replicas.set(own.name, own);
    this.expiring = new ExpiryQueue({ isCurrent: (item) => this.#isCurrent(item) });
    for (const [key, entry] of own.entries()) this.#watch(own.name, key, entry);
    this.appear(own.name);
  }

  /** Bytes of all maps. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many maps there are. */
  get size(): number {
    return this.#replicas.size;
  }

  /** A hash of the versions of all present maps. */
  get hash(): Buffer {
    return this.#hash.bytes;
  }

  get(name: string): Replica | undefined {
    return this.#replicas.get(name);
  }

  all(): IterableIterator<Replica> {
    return this.#replicas.values();
  }

  /** Members whose maps take part in reconciliation, whether this node has the map or not. */
  get present(): ReadonlySet<string> {
    return this.#present;
  }

  /** A member is there: its map takes part in reconciliation. */
  appear(name: string): void {
    if (this.#present.has(name)) return;
    this.#present.add(name);
    const replica = this.#replicas.get(name);
    if (replica !== undefined) this.#toggle(replica);
  }

  /** A member left or failed: its map remains until it is dropped. */
  disappear(name: string): void {
    if (!this.#present.delete(name)) return;
    const replica = this.#replicas.get(name);
    if (replica !== undefined) this.#toggle(replica);
  }

  /** Forgets a map. Returns the keys that it had. */
  drop(name: string): KeyChange[] {
    const replica = this.#replicas.get(name);
    if (replica === undefined) return [];
    if (this.#present.has(name)) this.#toggle(replica);
    this.#replicas.delete(name);
    this.#bytes -= replica.bytes;
    return [...lost(replica)];
  }

  /** Whether a node at this version has changes that this node lacks and accepts. */
  isBehind(name: string, boot: BootId, version: number, { now, wallNow }: Moment): boolean {
    if (isAhead(boot, wallNow)) return false;
    const replica = this.#replicas.get(name);
    if (replica === undefined) return boot !== noBoot;
    if (boot !== replica.boot) return boot > replica.boot;
    return version > replica.version && now >= replica.refusedUntil;
  }

  /**
   * Applies changes of another node's map, and adds to `changes` which keys have changed.
   *
   * @throws MalformedState; nothing has changed then
   */
  apply(map: ReceivedMap, moment: Moment, changes: KeyChange[]): Outcome {
    if (isAhead(map.boot, moment.wallNow)) return 'ahead';
    const { now } = moment;
    const replica = this.#replicas.get(map.name) ?? new Replica(map.name);
    if (map.boot < replica.boot) return 'old';
    const isNewBoot = map.boot > replica.boot;
    const have = isNewBoot ? 0 : replica.version;
    if (!isNewBoot && now < replica.refusedUntil) return 'refused';
    if (map.to <= have && !(isNewBoot && map.from === 0)) return 'old';
    if (map.from > have) return 'gap';
    const replaces = isNewBoot || map.isWhole;
    const entries = decodeEntries(map);
    const news = replaces ? entries : entries.filter(({ version }) => version > have);
    const refusedMs = this.#excess(replica, news, replaces);
    this.#replicas.set(map.name, replica);
    this.#change(replica, now, () => {
      replica.boot = map.boot;
      replica.refusedUntil = refusedMs === undefined ? 0 : now + refusedMs;
      if (refusedMs !== undefined) return this.#empty(replica, changes);
      if (replaces) this.#replace(replica, news, now, changes);
      else
        for (const entry of news) this.#put(replica, entry, now, replica.get(entry.key), changes);
      replica.version = map.to;
      if (map.isWhole) replica.floor = map.to;
    });
    this.#forgetExcess(replica);
    return refusedMs === undefined ? 'applied' : 'limit';
  }

  /** Sets or deletes a key of this node's own map, and gives it the next version. */
  write(key: string, value: string | undefined, expiresAt: number, now: number): KeyChange {
    const { own } = this;
    const before = shown(own.get(key));
    const entry = newEntry({ version: own.version + 1, value, expiresAt, since: now });
    this.#change(own, now, () => {
      own.version++;
      own.put(key, entry);
    });
    this.#watch(own.name, key, entry);
    return { name: own.name, key, before, after: shown(entry) };
  }

  /** Gives this node's own map a new boot id, and its keys new versions. */
  republish(boot: BootId, now: number): void {
    const { own } = this;
    const entries = [...own.entries()].filter(([, { value }]) => value !== undefined);
    this.#change(own, now, () => {
      own.reset();
      own.boot = boot;
      for (const [key, entry] of entries) own.put(key, { ...entry, version: ++own.version });
    });
    for (const [key, entry] of own.entries()) this.#watch(own.name, key, entry);
  }

  /** Forgets that keys of a map were deleted, of those before a clock time. */
  forgetDeleted(replica: Replica, before: number): void {
    this.#bytes -= replica.bytes;
    replica.forgetDeleted(before);
    this.#bytes += replica.bytes;
  }

  #empty(replica: Replica, changes: KeyChange[]): void {
    for (const change of lost(replica)) changes.push(change);
    replica.reset();
  }

  #replace(replica: Replica, news: readonly SentEntry[], now: number, changes: KeyChange[]): void {
    const before = new Map(replica.entries());
    replica.reset();
    for (const entry of news) this.#put(replica, entry, now, before.get(entry.key), changes);
    for (const [key, entry] of before) {
      if (replica.get(key) === undefined && shown(entry) !== undefined) {
        changes.push({ name: replica.name, key, before: entry, after: undefined });
      }
    }
  }

  #put(
    replica: Replica,
    { key, version, value, ttlMs }: SentEntry,
    now: number,
    earlier: Entry | undefined,
    changes: KeyChange[],
  ): void {
    const before = shown(earlier);
    const expiresAt = ttlMs === undefined ? Infinity : now + ttlMs;
    const entry = newEntry({ version, value, expiresAt, since: now });
    replica.put(key, entry);
    this.#watch(replica.name, key, entry);
    const after = shown(entry);
    if (before?.value !== after?.value) changes.push({ name: replica.name, key, before, after });
  }

  // Deleted keys do not count: they can be forgotten. A node that replaces all its keys by others may have both sets here for
  // a moment, when only a part of the changes has arrived; therefore twice the limit.
  /** For how long the map is refused if it would be too large; undefined if it would not. */
  #excess(replica: Replica, news: readonly SentEntry[], replaces: boolean): number | undefined {
    let bytes = replaces ? 0 : replica.liveBytes;
    let keys = replaces ? 0 : replica.size - replica.deleted;
    for (const { key, value } of news) {
      const before = replaces ? undefined : replica.get(key)?.value;
      if (before !== undefined) {
        bytes -= sizeOf(key, before);
        keys--;
      }
      if (value === undefined) continue;
      bytes += sizeOf(key, value);
      keys++;
    }
    const { bytesPerNode, keysPerNode } = this.#limits;
    if (bytes > 2 * bytesPerNode || keys > 2 * keysPerNode) return Infinity;
    const isOver = this.#bytes - replica.bytes + bytes > this.#limits.bytes;
    return isOver ? stateLimits.refusedMs : undefined;
  }

  #forgetExcess(replica: Replica): void {
    const { bytesPerNode, keysPerNode, bytes } = this.#limits;
    const isLarge = replica.bytes > bytesPerNode || replica.size > keysPerNode;
    if (isLarge || this.#bytes > bytes) this.forgetDeleted(replica, Infinity);
  }

  #change(replica: Replica, now: number, change: () => void): void {
    const isPresent = this.#present.has(replica.name);
    if (isPresent) this.#toggle(replica);
    this.#bytes -= replica.bytes;
    change();
    this.#bytes += replica.bytes;
    replica.changedAt = now;
    if (isPresent) this.#toggle(replica);
  }

  #toggle({ name, boot, version }: Replica): void {
    if (boot !== noBoot) this.#hash.toggle(name, boot, version);
  }

  #watch(name: string, key: string, entry: Entry): void {
    if (entry.expiresAt === Infinity || entry.isExpired) return;
    this.expiring.add({ name, key, entry });
  }

  #isCurrent({ name, key, entry }: Expiring): boolean {
    return this.#replicas.get(name)?.get(key) === entry;
  }
}

/** Whether a boot id is too far in the future. */
export function isAhead(boot: BootId, wallNow: number): boolean {
  return bootMs(boot) > wallNow + stateLimits.bootAheadMs;
}

function newEntry(entry: Omit<Entry, 'isExpired' | 'isValid'>): Entry {
  return { ...entry, isExpired: entry.expiresAt <= entry.since, isValid: undefined };
}

function* lost(replica: Replica): Generator<KeyChange> {
  for (const [key, entry] of replica.entries()) {
    if (shown(entry) === undefined) continue;
    yield { name: replica.name, key, before: entry, after: undefined };
  }
}

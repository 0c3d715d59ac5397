/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The map of one node, as this node has it.
import { noBoot, type BootId } from './boot.js';
import { stateLimits } from './limits.js';
import type { SentEntry } from './messages.js';

/** One key of a map. */
export interface Entry {
  readonly version: number;
  /** The bytes of the value as Latin-1; undefined if the key is deleted. */
  readonly value: string | undefined;
  /** Clock time; Infinity if it does not expire. */
  readonly expiresAt: number;
  /** Clock time at which this node learned of it. */
  readonly since: number;
  /** The listeners were notified that it has expired. */
  isExpired: boolean;
  /** Whether the value has passed its codec and schema; undefined if it was not read. */
  isValid: boolean | undefined;
}

/** What an entry counts towards the limits, in bytes. */
export function sizeOf(key: string, value: string | undefined): number {
  return stateLimits.entryBytes + Buffer.byteLength(key) + (value?.length ?? 0);
}

/** An entry that readers see: neither deleted nor expired. */
export function shown(entry: Entry | undefined): Entry | undefined {
  return entry?.value === undefined || entry.isExpired ? undefined : entry;
}

/** A map with its version: all changes up to it are applied. */
export class Replica {
  readonly name: string;
  boot: BootId = noBoot;
  version = 0;
  /** Deletes up to this version may be forgotten: a node that has less needs the whole map. */
  floor = 0;
  /** Clock time of the last change. */
  changedAt = -Infinity;
  /** Clock time until which the map is refused because it is too large; 0 if it is not. */
  refusedUntil = 0;
  /** By increasing version. */
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;
  #deleted = 0;
  #deletedBytes = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** Bytes that count towards the limits. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Entries, deleted keys included. */
  get size(): number {
    return this.#entries.size;
  }

  /** Bytes without those of deleted keys. */
  get liveBytes(): number {
    return this.#bytes - this.#deletedBytes;
  }

  /** Deleted keys that are remembered. */
  get deleted(): number {
    return this.#deleted;
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  entries(): IterableIterator<[string, Entry]> {
    return this.#entries.entries();
  }

  /** Sets an entry, whose version is the largest so far. */
  put(key: string, entry: Entry): void {
    this.remove(key);
    this.#entries.set(key, entry);
    this.#count(key, entry, 1);
  }

  remove(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#count(key, entry, -1);
  }

  /** Forgets everything. */
  reset(): void {
    this.#entries.clear();
    this.#bytes = 0;
    this.#deleted = 0;
    this.#deletedBytes = 0;
    this.version = 0;
    this.floor = 0;
  }

  /**
   * Forgets deleted keys, the oldest first.
   *
   * @param before - those that were deleted before this clock time
   */
  forgetDeleted(before: number): void {
    if (this.#deleted === 0) return;
    for (const [key, entry] of this.#entries) {
      if (entry.value !== undefined) continue;
      if (entry.since >= before) return;
      this.remove(key);
      this.floor = Math.max(this.floor, entry.version);
    }
  }

  /** Entries after a version, by increasing version, as they are sent. */
  *after(version: number, now: number, options: { withDeleted: boolean }): Generator<SentEntry> {
    for (const [key, entry] of this.#entries) {
      if (entry.version <= version) continue;
      if (entry.value === undefined && !options.withDeleted) continue;
      yield sentEntry(key, entry, now);
    }
  }

  #count(key: string, { value }: Entry, sign: 1 | -1): void {
    const bytes = sign * sizeOf(key, value);
    this.#bytes += bytes;
    if (value !== undefined) return;
    this.#deleted += sign;
    this.#deletedBytes += bytes;
  }
}

/** An entry with the time that remains. */
export function sentEntry(key: string, entry: Entry, now: number): SentEntry {
  const { version, value, expiresAt } = entry;
  const ttlMs = expiresAt === Infinity ? undefined : Math.max(0, expiresAt - now);
  return { key, version, value, ttlMs };
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Packs changes of maps into messages of limited length. A map that does not fit is cut after any entry: as entries are in
// the order of their versions, each part is complete up to its last version.
import { encodeName } from '../index.js';
import type { Writer } from './bytes.js';
import {
  changesHeaderBytes,
  entryBytes,
  mapHeaderBytes,
  startChanges,
  writeMap,
  type MapChanges,
  type SentEntry,
} from './messages.js';
import type { Replica } from './replica.js';

/** What limits the messages. */
export interface PackingOptions {
  /** The most bytes of one message. */
  readonly budget: number;
  /** The most messages. */
  readonly most: number;
  /** Receivers forward the messages. */
  readonly mayForward: boolean;
  /** Clock time, for the time to live. */
  readonly now: number;
}

/** Messages of changes. */
export class Packing {
  readonly #options: PackingOptions;
  readonly #messages: Buffer[] = [];
  #writer: Writer | undefined;
  #isComplete = true;

  constructor(options: PackingOptions) {
    this.#options = options;
  }

  /** Whether everything has found room. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** The messages. Nothing can be added afterwards. */
  finish(): Buffer[] {
    this.#close();
    return this.#messages;
  }

  /** Adds the changes of a map after a version, in as many messages as it takes. */
  addAfter(replica: Replica, from: number): void {
    const part = new Part(replica, from);
    const entries = replica.after(from, this.#options.now, { withDeleted: true });
    for (const entry of entries) {
      const bytes = entryBytes(entry, part.to);
      if (!this.#fits(part, bytes)) {
        if (part.size > 0) this.#write(part.end(part.to));
        if (!this.#next() || !this.#fits(part, bytes)) {
          this.#isComplete = false;
          return;
        }
      }
      part.add(entry, bytes);
    }
    if (!this.#fits(part, 0) && !this.#next()) this.#isComplete = false;
    else this.#write(part.end(replica.version));
  }

  /** Adds a whole map in one message. */
  addWhole(replica: Replica): void {
    const part = new Part(replica, 0);
    for (const entry of replica.after(0, this.#options.now, { withDeleted: false })) {
      part.add(entry, entryBytes(entry, part.to));
    }
    if (!this.#fits(part, 0) && (!this.#next() || !this.#fits(part, 0))) this.#isComplete = false;
    else this.#write({ ...part.end(replica.version), isWhole: true });
  }

  #fits(part: Part, more: number): boolean {
    const used = this.#writer?.length ?? changesHeaderBytes;
    return used + part.bytes + more <= this.#options.budget;
  }

  /** Starts another message; false if there are enough. */
  #next(): boolean {
    if (this.#writer === undefined) return false;
    this.#close();
    return this.#messages.length < this.#options.most;
  }

  #write(map: MapChanges): void {
    // The first changes of a new boot can be none at all: its map is empty.
    if (map.entries.length === 0 && map.from === map.to && map.to !== 0) return;
    if (this.#messages.length >= this.#options.most) return;
    this.#writer ??= startChanges(this.#options.mayForward);
    writeMap(this.#writer, map);
  }

  #close(): void {
    if (this.#writer !== undefined) this.#messages.push(this.#writer.result);
    this.#writer = undefined;
  }
}

/** Consecutive changes of a map. */
class Part {
  readonly #replica: Replica;
  readonly #headerBytes: number;
  #from: number;
  #to: number;
  #bytes: number;
  #entries: SentEntry[] = [];

  constructor(replica: Replica, from: number) {
    this.#replica = replica;
    this.#headerBytes = mapHeaderBytes(encodeName(replica.name).length);
    this.#from = from;
    this.#to = from;
    this.#bytes = this.#headerBytes;
  }

  /** The version of the last entry. */
  get to(): number {
    return this.#to;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#entries.length;
  }

  add(entry: SentEntry, bytes: number): void {
    this.#entries.push(entry);
    this.#bytes += bytes;
    this.#to = entry.version;
  }

  /** The changes so far. Later ones belong to the next part. */
  end(to: number): MapChanges {
    const { name, boot } = this.#replica;
    const entryBytes = this.#bytes - this.#headerBytes;
    const range = { name, boot, from: this.#from, to, isWhole: false };
    const ended = { ...range, entries: this.#entries, entryBytes };
    this.#from = to;
    this.#to = to;
    this.#entries = [];
    this.#bytes = this.#headerBytes;
    return ended;
  }
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A push/pull in bytes: a header, a record for each member, the user's state (wire protocol, section 6).
// With thousands of members either way takes longer than a turn of the event loop should: both
// go in slices.
import { limits } from './limits.js';
import { unboundedMemory, type Memory } from './memory.js';
import { MessageType } from './message-type.js';
import { noBytes, type MemberRecord } from './messages.js';
import { RecordGlance, type IsKnown } from './record-glance.js';
import { memberRecordSchema, pushPullHeaderSchema } from './schemas.js';
import { isEndOfSlice, sliceSizes, wholly, type Sliced } from './sliced.js';
import { readStraight, readStruct, written, type Cursor } from './struct-codec.js';
import { StructWriter } from './struct-writer.js';
import { ValueWatch } from './value-watch.js';
import { WireError } from './wire-error.js';

/** The whole of one node's state: its member table and its user's state. */
export interface PushPull {
  readonly type: typeof MessageType.pushPull;
  readonly join: boolean;
  /** Without those that say nothing new, if whoever reads them told which these are. */
  readonly records: readonly MemberRecord[];
  /** How many of those there were; absent: none. */
  readonly leftOut?: number;
  /** Empty if it was not kept. */
  readonly userState: Buffer;
  /** Bytes of a user state over the limit that was read and not kept. */
  readonly discardedStateBytes?: number;
}

/** How a push/pull is read. */
export interface PushPullReading {
  /** Which records are left out; none by default. */
  readonly isKnown?: IsKnown | undefined;
  /** Whether a user state is kept, at the moment at which it begins; true by default. */
  readonly keepsState?: (() => boolean) | undefined;
  /** The records are reserved of it; without a bound by default. */
  readonly memory?: Memory | undefined;
}

/** A push/pull message, its type byte included. */
export function encodePushPull({ join, records, userState }: Omit<PushPull, 'type'>): Buffer {
  return wholly(encodePushPullSliced({ join, rows: records, write: writeRecord, userState }));
}

/** Writes a record as it is. */
export function writeRecord(writer: StructWriter, record: MemberRecord): void {
  memberRecordSchema.write(writer, record);
}

/** What a push/pull is made from: each row is written as a record in its turn, as it is then. */
export interface PushPullSource<Row> {
  readonly join: boolean;
  /** Must not change while it is being encoded; what a row says may. */
  readonly rows: readonly Row[];
  readonly write: (writer: StructWriter, row: Row) => void;
  readonly userState: Buffer;
}

/**
 * {@link encodePushPull}, in slices.
 *
 * @param memory - of it the message is reserved
 */
export function* encodePushPullSliced<Row>(
  source: PushPullSource<Row>,
  memory: Memory = unboundedMemory,
): Sliced<Buffer> {
  const { join, rows, write, userState } = source;
  const { length } = rows;
  const header = { join, nodes: length, userStateLen: userState.length };
  let next = 0;
  memory.reserve(userState.length);
  const writeSlice = (writer: StructWriter): void => {
    const until = Math.min(length, next + sliceSizes.records);
    for (; next < until; next++) write(writer, rows[next] as Row);
  };
  const first = written((writer) => {
    writer.byte(MessageType.pushPull);
    pushPullHeaderSchema.write(writer, header);
    writeSlice(writer);
    if (next === length) writer.raw(userState);
  });
  memory.reserve(first.length);
  if (next === length) {
    memory.release(userState.length);
    return first;
  }
  // Others write between the slices. The rest is about as long as the first.
  const writer = new StructWriter(
    Math.ceil((first.length / next) * length * 1.1) + userState.length,
    memory,
  );
  writer.raw(first);
  memory.release(userState.length + first.length);
  while (next < length) {
    yield;
    writeSlice(writer);
  }
  writer.raw(userState);
  return writer.end();
}

/** A record on the heap, beside the bytes that it came in. */
const RECORD_HEAP_BYTES = 320;
/** For so many of them memory is reserved at a time. */
const RECORDS_PER_RESERVATION = 64;

/** Stands for a record that was left out. */
const nothingNew = Symbol('nothing new');

// One will do: nobody can interrupt a look.
const glance = new RecordGlance();

/** Reads a push/pull as it comes: each record once, however the bytes are cut. */
export class PushPullReader {
  readonly #next = new ValueWatch();
  readonly #records: MemberRecord[] = [];
  readonly #reading: PushPullReading;
  readonly #memory: Memory;
  /** For so many records memory is reserved. */
  #reserved = 0;
  #pos: number;
  #header: { join: boolean; nodes: number; userStateLen: number } | undefined;
  #count = 0;
  /** Whether the user state is being read, and is not kept. */
  #isDiscarding = false;
  #discardedBytes = 0;

  /** @param start - where its body begins */
  constructor(start: number, reading: PushPullReading = {}) {
    this.#pos = start;
    this.#reading = reading;
    this.#memory = reading.memory ?? unboundedMemory;
  }

  /** Bytes of the user state that were read and not kept. */
  get discardedBytes(): number {
    return this.#discardedBytes;
  }

  /**
   * The push/pull without the rest of its user state, if it has come as far as that and the state is not kept.
   * Members precede the state, and a stream that breaks in the middle of the state has told all of them.
   */
  get withoutState(): PushPull | undefined {
    return this.#isDiscarding ? this.#whole(noBytes) : undefined;
  }

  /** Up to where the buffer is read. */
  get position(): number {
    return this.#pos;
  }

  /** The first so many bytes of the buffer have gone. */
  moved(bytes: number): void {
    this.#pos -= bytes;
    this.#next.moved(bytes);
  }

  /** Records that are held so far. */
  get records(): number {
    return this.#records.length;
  }

  /**
   * Reads on; undefined when it is not whole yet.
   *
   * @param wireBytes - what the sender sent for it so far, with all layers still on
   * @throws WireError when a rule or bound is broken; whatever the memory throws
   */
  *read(buf: Buffer, end: number, wireBytes: number): Sliced<PushPull | undefined> {
    const cursor = { buf, pos: this.#pos, end };
    if (this.#header === undefined) {
      if (!this.#next.isWhole(buf, cursor.pos, end)) return undefined;
      this.#header = readStruct(pushPullHeaderSchema, cursor);
      this.#pos = cursor.pos;
    }
    const { nodes, userStateLen } = this.#header;
    if (nodes > limits.pushPullNodes) {
      throw new WireError('too-large', `a push/pull of ${nodes} nodes`);
    }
    while (this.#count < nodes) {
      const record = this.#nextRecord(cursor);
      if (record === undefined) return undefined;
      if ((this.#count + 1) * limits.recordWireBytes > wireBytes) {
        // Compression makes a million of the same node out of next to nothing; no real cluster does.
        throw new WireError('too-large', `more nodes than ${wireBytes} bytes can tell of`);
      }
      if (cursor.pos - this.#pos < limits.recordBytes) {
        throw new WireError('malformed', `a node of ${cursor.pos - this.#pos} bytes`);
      }
      this.#pos = cursor.pos;
      if (record !== nothingNew) this.#keep(record);
      if (isEndOfSlice(++this.#count)) yield;
    }
    if (!this.#isDiscarding) {
      this.#isDiscarding =
        userStateLen > limits.stateBytes || this.#reading.keepsState?.() === false;
    }
    if (this.#isDiscarding) return this.#discard(end);
    if (this.#pos + userStateLen > end) return undefined;
    return this.#whole(buf.subarray(this.#pos, this.#pos + userStateLen));
  }

  // Nothing of it is held, however much it is.
  #discard(end: number): PushPull | undefined {
    const { userStateLen = 0 } = this.#header ?? {};
    const bytes = Math.min(end - this.#pos, userStateLen - this.#discardedBytes);
    this.#pos += bytes;
    this.#discardedBytes += bytes;
    return this.#discardedBytes < userStateLen ? undefined : this.#whole(noBytes);
  }

  #whole(userState: Buffer): PushPull {
    const { join = false, userStateLen = 0 } = this.#header ?? {};
    const records = this.#records;
    const leftOut = this.#count - records.length;
    const known = leftOut > 0 ? { leftOut } : {};
    const message = { type: MessageType.pushPull, join, records, ...known, userState };
    if (userStateLen <= limits.stateBytes) return message;
    return { ...message, discardedStateBytes: userStateLen };
  }

  #keep(record: MemberRecord): void {
    if (this.#records.length === this.#reserved) {
      this.#memory.reserve(RECORDS_PER_RESERVATION * RECORD_HEAP_BYTES);
      this.#reserved += RECORDS_PER_RESERVATION;
    }
    this.#records.push(record);
  }

  // Most are whole and look as Go writes them: they are not walked through first.
  #nextRecord(cursor: Cursor): MemberRecord | typeof nothingNew | undefined {
    if (!this.#next.isWorthALook(cursor.end)) return undefined;
    const behind = this.#endOfKnown(cursor);
    if (behind >= 0) {
      cursor.pos = behind;
      return nothingNew;
    }
    const record = readStraight(memberRecordSchema, cursor);
    if (record !== undefined) return record;
    if (!this.#next.isWhole(cursor.buf, cursor.pos, cursor.end)) return undefined;
    return readStruct(memberRecordSchema, cursor);
  }

  // Where the record at the cursor ends, if it is known; else -1.
  #endOfKnown({ buf, pos, end }: Cursor): number {
    const { isKnown: isKnownRecord } = this.#reading;
    if (isKnownRecord === undefined) return -1;
    const behind = glance.take(buf, pos, end);
    const isKnown = behind >= 0 && isKnownRecord(glance);
    glance.release();
    return isKnown ? behind : -1;
  }
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The encoding of a push/pull: a header, a record for each member, the user's state (wire protocol, section 6). With
// thousands of members encoding and decoding take longer than a turn of the event loop should: both work in slices.
import { limits } from './limits.js';
import { unboundedMemory, type Memory } from './memory.js';
import { MessageType } from './message-type.js';
import { noBytes, type MemberRecord } from './messages.js';
import { RecordPrecheck, type IsKnown } from './record-precheck.js';
import { memberRecordSchema, pushPullHeaderSchema } from './schemas.js';
import { isEndOfSlice, sliceSizes, runToCompletion, type Sliced } from './sliced.js';
import { readCanonical, readStruct, encodeWith, type Cursor } from './struct-codec.js';
import { StructWriter } from './struct-writer.js';
import { ValueScanner } from './value-scanner.js';
import { WireError } from './wire-error.js';

/** The full state of one node: its member table and its user state. */
export interface PushPull {
  readonly type: typeof MessageType.pushPull;
  readonly join: boolean;
  /** Without the records that contain no update, if the reader could tell which these are. */
  readonly records: readonly MemberRecord[];
  /** Number of records that were skipped because they contain no update; absent: none. */
  readonly skippedRecords?: number;
  /** Empty if it was not kept. */
  readonly userState: Buffer;
  /** Bytes of a user state over the limit that was read and not kept. */
  readonly discardedStateBytes?: number;
}

/** Options for reading a push/pull. */
export interface PushPullReading {
  /** Which records are skipped; none by default. */
  readonly isKnown?: IsKnown | undefined;
  /** Whether a user state is kept, evaluated when it begins; true by default. */
  readonly keepsState?: (() => boolean) | undefined;
  /** The records are reserved from it; unbounded by default. */
  readonly memory?: Memory | undefined;
}

/** A push/pull message, including its type byte. */
export function encodePushPull({ join, records, userState }: Omit<PushPull, 'type'>): Buffer {
  return runToCompletion(
    encodePushPullSliced({ join, rows: records, write: writeRecord, userState }),
  );
}

/** Writes a record unchanged. */
export function writeRecord(writer: StructWriter, record: MemberRecord): void {
  memberRecordSchema.write(writer, record);
}

/** The source of a push/pull: each row is written as a record in its turn, with its content at that time. */
export interface PushPullSource<Row> {
  readonly join: boolean;
  /** The list must not change during encoding; the rows themselves may. */
  readonly rows: readonly Row[];
  readonly write: (writer: StructWriter, row: Row) => void;
  readonly userState: Buffer;
}

/**
 * {@link encodePushPull}, in slices.
 *
 * @param memory - the message is reserved from it
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
  const first = encodeWith((writer) => {
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
  // Other code uses the shared writer between the slices. The remaining slices are about as long as the first.
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

/** A record on the heap, in addition to the received bytes. */
const RECORD_HEAP_BYTES = 320;
/** Memory is reserved for this many records at a time. */
const RECORDS_PER_RESERVATION = 64;

/** Represents a skipped record. */
const knownRecord = Symbol('known record');

// One instance is enough: a precheck cannot be interrupted.
const precheck = new RecordPrecheck();

/** Reads a push/pull incrementally: each record once, however the bytes are split. */
export class PushPullReader {
  readonly #next = new ValueScanner();
  readonly #records: MemberRecord[] = [];
  readonly #reading: PushPullReading;
  readonly #memory: Memory;
  /** Number of records for which memory is reserved. */
  #reserved = 0;
  #pos: number;
  #header: { join: boolean; nodes: number; userStateLen: number } | undefined;
  #count = 0;
  /** Whether the user state is being read and discarded. */
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
   * The push/pull without the rest of its user state, if reading has reached the state and it is not kept. Members
   * precede the state, so a stream that breaks within the state has delivered all of them.
   */
  get withoutState(): PushPull | undefined {
    return this.#isDiscarding ? this.#whole(noBytes) : undefined;
  }

  /** The position up to which the buffer was read. */
  get position(): number {
    return this.#pos;
  }

  /** The first bytes of the buffer, this many, were removed. */
  moved(bytes: number): void {
    this.#pos -= bytes;
    this.#next.moved(bytes);
  }

  /** Number of records read and kept so far. */
  get records(): number {
    return this.#records.length;
  }

  /**
   * Continues reading; undefined if the message is not complete yet.
   *
   * @param wireBytes - bytes that the sender sent for it so far, including all layers
   * @throws WireError when a rule or bound is violated; also any error of the memory
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
        // Compression turns almost nothing into a million copies of one node; no real cluster looks like that.
        throw new WireError('too-large', `more nodes than ${wireBytes} bytes can contain`);
      }
      if (cursor.pos - this.#pos < limits.recordBytes) {
        throw new WireError('malformed', `a node of ${cursor.pos - this.#pos} bytes`);
      }
      this.#pos = cursor.pos;
      if (record !== knownRecord) this.#keep(record);
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

  // Discards the state, regardless of its size.
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
    const skippedRecords = this.#count - records.length;
    const known = skippedRecords > 0 ? { skippedRecords } : {};
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

  // Most records are complete and canonical: they are not scanned first.
  #nextRecord(cursor: Cursor): MemberRecord | typeof knownRecord | undefined {
    if (!this.#next.mayBeWhole(cursor.end)) return undefined;
    const recordEnd = this.#endOfKnown(cursor);
    if (recordEnd >= 0) {
      cursor.pos = recordEnd;
      return knownRecord;
    }
    const record = readCanonical(memberRecordSchema, cursor);
    if (record !== undefined) return record;
    if (!this.#next.isWhole(cursor.buf, cursor.pos, cursor.end)) return undefined;
    return readStruct(memberRecordSchema, cursor);
  }

  // The end of the record at the cursor if it can be skipped; otherwise -1.
  #endOfKnown({ buf, pos, end }: Cursor): number {
    const { isKnown: isKnownRecord } = this.#reading;
    if (isKnownRecord === undefined) return -1;
    const recordEnd = precheck.read(buf, pos, end);
    const isKnown = recordEnd >= 0 && isKnownRecord(precheck);
    precheck.release();
    return isKnown ? recordEnd : -1;
  }
}

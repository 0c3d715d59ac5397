/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The layers of a stream message, from the outside in (wire protocol, section 6):
//
//     label header?  →  encryption?  →  compression?  →  type byte, body
//
// A peer keeps the connection open after its request, so the end of a message must be found in the bytes themselves.
// StreamReader receives chunks and detects when a message is complete.
import type { Cipher } from './cipher.js';
import { decompressContentSliced } from './compression.js';
import { limits } from './limits.js';
import { MemoryPart, unboundedMemory } from './memory.js';
import { decodeMessage } from './message-codec.js';
import { MessageType } from './message-type.js';
import { noBytes, type AckResp, type ErrResp, type Ping } from './messages.js';
import { INCOMPLETE } from './msgpack-scan.js';
import { PushPullReader, type PushPull, type PushPullReading } from './push-pull-codec.js';
import { userMessageHeaderSchema } from './schemas.js';
import { runToCompletion, type Sliced } from './sliced.js';
import { SEAL_HEADER_BYTES, type StreamLayers } from './stream-wrapping.js';
import { readStruct } from './struct-codec.js';
import { ValueScanner } from './value-scanner.js';
import { WireError } from './wire-error.js';

export { encodePushPull, type PushPull, type PushPullReading } from './push-pull-codec.js';
export {
  encodeUserMessage,
  SEAL_HEADER_BYTES,
  wrapForStream,
  wrapForStreamSliced,
  type StreamLayers,
} from './stream-wrapping.js';

/** A user message that was received over a stream. */
export interface UserMessage {
  readonly type: typeof MessageType.user;
  readonly payload: Buffer;
}

export type StreamMessage = Ping | AckResp | ErrResp | PushPull | UserMessage;

/** Reads the single message of one direction of a stream, chunk by chunk. */
export class StreamReader {
  readonly #layers: StreamLayers;
  readonly #first = new ValueScanner();
  #buf: Buffer = noBytes;
  /** Bytes in the buffer; those of a push/pull are removed after reading. */
  #length = 0;
  #receivedBytes = 0;
  /** The buffer, earlier buffers that records still refer to, and the records. */
  readonly #memory: MemoryPart;
  #wasOpened = false;
  /** Number of records when the buffer was allocated. */
  #recordsBefore = 0;
  #contentStart: number;
  readonly #reading: PushPullReading;
  #pushPull: PushPullReader | undefined;

  /**
   * @param init.expectLabel - true on the accepting side: responses carry no label
   * @param init.isKnown - which records of a push/pull are skipped
   * @param init.keepsState - whether the user state of a push/pull is kept
   * @param init.memory - everything that this message makes the reader allocate is reserved from it
   */
  constructor(layers: StreamLayers, init: { expectLabel: boolean } & PushPullReading) {
    this.#layers = layers;
    this.#memory = new MemoryPart(init.memory ?? unboundedMemory);
    this.#reading = { ...init, memory: this.#memory };
    this.#contentStart = init.expectLabel ? INCOMPLETE : 0;
  }

  /** Bytes received so far. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** Approximate bytes of memory that are held for this message. */
  get heldBytes(): number {
    return this.#memory.held;
  }

  /**
   * Whether an installed key opened the message: its sender has the key, or replays the bytes of a node that has it.
   */
  get wasOpened(): boolean {
    return this.#wasOpened;
  }

  /** Whether the message is known to be a push/pull; it may still be incomplete. */
  get isPushPull(): boolean {
    return this.#pushPull !== undefined;
  }

  /** The part of a push/pull before its user state, while the state is read and not kept. */
  get withoutState(): PushPull | undefined {
    return this.#pushPull?.withoutState;
  }

  /**
   * Processes the next bytes; returns the message once it is complete, undefined before.
   *
   * @throws WireError as soon as a rule or bound is violated; also any error of the memory
   */
  push(chunk: Buffer): StreamMessage | undefined {
    return runToCompletion(this.take(chunk));
  }

  /** {@link push}, in slices. It must have ended before the next call. */
  *take(chunk: Buffer): Sliced<StreamMessage | undefined> {
    this.#append(chunk);
    if (this.#pushPull !== undefined) {
      return yield* this.#pushPull.read(this.#buf, this.#length, this.#receivedBytes);
    }
    if (this.#contentStart === INCOMPLETE) {
      this.#contentStart = this.#layers.label.contentStart(this.#buf, this.#length);
      if (this.#contentStart === INCOMPLETE) return undefined;
    }
    return yield* this.#readSealed(this.#contentStart);
  }

  #append(chunk: Buffer): void {
    this.#receivedBytes += chunk.length;
    const most = limits.decompressedStreamBytes;
    if (this.#receivedBytes - (this.#pushPull?.discardedBytes ?? 0) > most) {
      throw new WireError('too-large', `a stream message of more than ${most} bytes`);
    }
    const length = this.#length + chunk.length;
    if (length > this.#buf.length) this.#makeRoom(chunk.length);
    this.#buf.set(chunk, this.#length);
    this.#length += chunk.length;
  }

  // A message that is read in one piece is kept completely. Of a push/pull, only the last record may be unread, and
  // the bytes before it are kept only if a kept record refers to them.
  #makeRoom(bytes: number): void {
    const { position = 0, records = 0 } = this.#pushPull ?? {};
    const buf = this.#buf;
    const unread = this.#length - position;
    const needed = unread + bytes;
    const isReferenced = records > this.#recordsBefore;
    if (isReferenced || needed > buf.length) {
      const doubled = Math.min(limits.decompressedStreamBytes, 2 * buf.length);
      const length = needed > buf.length ? Math.max(needed, doubled) : buf.length;
      this.#memory.reserve(length);
      this.#buf = Buffer.allocUnsafe(length);
      if (!isReferenced) this.#memory.release(buf.length);
      this.#recordsBefore = records;
    }
    buf.copy(this.#buf, 0, position, this.#length);
    this.#pushPull?.moved(position);
    this.#length = unread;
  }

  // No stack frame of these generators retains a buffer that was replaced by a layer's content.
  *#readSealed(start: number): Sliced<StreamMessage | undefined> {
    if (start >= this.#length) return undefined;
    const { cipher } = this.#layers;
    if (this.#buf[start] !== MessageType.encrypt) {
      if (cipher?.requiresSealed === true) {
        throw new WireError('undecryptable', 'a stream in plaintext; this cluster is encrypted');
      }
      return yield* this.#readCompressed(start);
    }
    if (cipher === undefined) {
      throw new WireError('undecryptable', 'an encrypted stream; this node has no key');
    }
    if (!this.#open(cipher, start)) return undefined;
    return requireWhole(yield* this.#readCompressed(0));
  }

  // Replaces the sealed bytes with their plaintext; false if they are incomplete.
  #open(cipher: Cipher, start: number): boolean {
    const buf = this.#buf;
    const sealedStart = start + SEAL_HEADER_BYTES;
    if (sealedStart > this.#length) return false;
    const sealedLength = buf.readUInt32BE(start + 1);
    if (sealedLength > limits.stateBytes) {
      throw new WireError('too-large', `an encrypted message of ${sealedLength} bytes`);
    }
    if (sealedStart + sealedLength > this.#length) return false;
    this.#memory.reserve(sealedLength);
    const additionalData = Buffer.concat([
      buf.subarray(start, sealedStart),
      this.#layers.label.bytes,
    ]);
    const plain = cipher.open(
      buf.subarray(sealedStart, sealedStart + sealedLength),
      additionalData,
    );
    if (plain === undefined) throw new WireError('undecryptable', 'no installed key opens it');
    this.#wasOpened = true;
    this.#replaceBuffer(plain);
    return true;
  }

  // The content of a layer is already reserved.
  #replaceBuffer(content: Buffer): void {
    this.#memory.release(this.#buf.length);
    this.#buf = content;
    this.#length = content.length;
  }

  *#readCompressed(start: number): Sliced<StreamMessage | undefined> {
    if (this.#buf[start] !== MessageType.compress) return yield* this.#readMessage(start);
    if (!this.#first.isWhole(this.#buf, start + 1, this.#length)) return undefined;
    this.#replaceBuffer(yield* this.#decompressed(start + 1));
    return requireWhole(yield* this.#readMessage(0));
  }

  #decompressed(start: number): Sliced<Buffer> {
    const cursor = { buf: this.#buf, pos: start, end: this.#length };
    return decompressContentSliced(cursor, limits.decompressedStreamBytes, this.#memory);
  }

  *#readMessage(start: number): Sliced<StreamMessage | undefined> {
    const end = this.#length;
    if (start >= end) return undefined;
    const type = this.#buf[start] as number;
    switch (type) {
      case MessageType.ping:
      case MessageType.ackResp:
      case MessageType.err:
        if (!this.#first.isWhole(this.#buf, start + 1, end)) return undefined;
        return decodeMessage(this.#buf, start, end) as Ping | AckResp | ErrResp;
      case MessageType.user:
        return this.#readUserMessage(this.#buf, start + 1, end);
      case MessageType.pushPull:
        this.#pushPull ??= new PushPullReader(start + 1, this.#reading);
        return yield* this.#pushPull.read(this.#buf, end, this.#receivedBytes);
      default:
        throw new WireError('unknown-type', `message type ${type} on a stream`);
    }
  }

  #readUserMessage(buf: Buffer, start: number, end: number): UserMessage | undefined {
    if (!this.#first.isWhole(buf, start, end)) return undefined;
    const cursor = { buf, pos: start, end };
    const { userMsgLen } = readStruct(userMessageHeaderSchema, cursor);
    if (userMsgLen > limits.userStreamBytes) {
      throw new WireError('too-large', `a user message of ${userMsgLen} bytes`);
    }
    if (cursor.pos + userMsgLen > end) return undefined;
    return { type: MessageType.user, payload: buf.subarray(cursor.pos, cursor.pos + userMsgLen) };
  }
}

function requireWhole(message: StreamMessage | undefined): StreamMessage {
  if (message === undefined) throw new WireError('truncated', 'a truncated message');
  return message;
}

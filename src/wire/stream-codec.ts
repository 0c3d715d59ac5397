/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What travels on a stream, from the outside in (wire protocol, section 6):
//
//     label header?  →  encryption?  →  compression?  →  type byte, body
//
// A peer keeps the connection open after its request, so the end of a message must be seen in the
// bytes themselves. StreamReader is fed chunk by chunk and says when a message is whole.
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
import { wholly, type Sliced } from './sliced.js';
import { SEAL_HEADER_BYTES, type StreamLayers } from './stream-wrapping.js';
import { readStruct } from './struct-codec.js';
import { ValueWatch } from './value-watch.js';
import { WireError } from './wire-error.js';

export { encodePushPull, type PushPull, type PushPullReading } from './push-pull-codec.js';
export {
  encodeUserMessage,
  SEAL_HEADER_BYTES,
  wrapForStream,
  wrapForStreamSliced,
  type StreamLayers,
} from './stream-wrapping.js';

/** A user message that came over a stream. */
export interface UserMessage {
  readonly type: typeof MessageType.user;
  readonly payload: Buffer;
}

export type StreamMessage = Ping | AckResp | ErrResp | PushPull | UserMessage;

/** Reads the one message of a stream's direction, as its bytes come in. */
export class StreamReader {
  readonly #layers: StreamLayers;
  readonly #first = new ValueWatch();
  #buf: Buffer = noBytes;
  /** Bytes in it; those of a push/pull go when they are read. */
  #length = 0;
  #receivedBytes = 0;
  /** The buffer, earlier buffers that records still look into, and the records. */
  readonly #memory: MemoryPart;
  #wasOpened = false;
  /** Records that were held when the buffer began. */
  #recordsBefore = 0;
  #contentStart: number;
  readonly #reading: PushPullReading;
  #pushPull: PushPullReader | undefined;

  /**
   * @param init.expectLabel - true at the end that was dialled: responses carry no label
   * @param init.isKnown - which records of a push/pull are left out
   * @param init.keepsState - whether the user state of a push/pull is kept
   * @param init.memory - of it everything is reserved that this message makes the reader allocate
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

  /** Bytes of memory that are held for this message, roughly. */
  get heldBytes(): number {
    return this.#memory.held;
  }

  /** Whether an installed key opened the message: its sender has the key, or repeats the bytes of one that has it. */
  get wasOpened(): boolean {
    return this.#wasOpened;
  }

  /** Whether what comes is known to be a push/pull; it need not be whole yet. */
  get isPushPull(): boolean {
    return this.#pushPull !== undefined;
  }

  /** What came of a push/pull before its user state, while that is read and not kept. */
  get withoutState(): PushPull | undefined {
    return this.#pushPull?.withoutState;
  }

  /**
   * Takes the next bytes; gives the message once it is whole, undefined before.
   *
   * @throws WireError as soon as a rule or bound is broken; whatever the memory throws
   */
  push(chunk: Buffer): StreamMessage | undefined {
    return wholly(this.take(chunk));
  }

  /** {@link push}, in slices. It must have come to its end before the next bytes. */
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
      throw new WireError('too-large', `a stream message over ${most} bytes`);
    }
    const length = this.#length + chunk.length;
    if (length > this.#buf.length) this.#makeRoom(chunk.length);
    this.#buf.set(chunk, this.#length);
    this.#length += chunk.length;
  }

  // What is read in one piece is kept whole. Of a push/pull that is read as it comes only the last record may be
  // unread, and nothing before it is kept unless a record that is held looks into it.
  #makeRoom(bytes: number): void {
    const { position = 0, records = 0 } = this.#pushPull ?? {};
    const buf = this.#buf;
    const unread = this.#length - position;
    const needed = unread + bytes;
    const isLookedInto = records > this.#recordsBefore;
    if (isLookedInto || needed > buf.length) {
      const doubled = Math.min(limits.decompressedStreamBytes, 2 * buf.length);
      const length = needed > buf.length ? Math.max(needed, doubled) : buf.length;
      this.#memory.reserve(length);
      this.#buf = Buffer.allocUnsafe(length);
      if (!isLookedInto) this.#memory.release(buf.length);
      this.#recordsBefore = records;
    }
    buf.copy(this.#buf, 0, position, this.#length);
    this.#pushPull?.moved(position);
    this.#length = unread;
  }

  // No frame of these generators keeps a buffer that a layer's content took the place of.
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
    return whole(yield* this.#readCompressed(0));
  }

  // Puts the plaintext in place of what is sealed; false when that is not whole yet.
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

  // What comes from a layer is reserved already.
  #replaceBuffer(content: Buffer): void {
    this.#memory.release(this.#buf.length);
    this.#buf = content;
    this.#length = content.length;
  }

  *#readCompressed(start: number): Sliced<StreamMessage | undefined> {
    if (this.#buf[start] !== MessageType.compress) return yield* this.#readMessage(start);
    if (!this.#first.isWhole(this.#buf, start + 1, this.#length)) return undefined;
    this.#replaceBuffer(yield* this.#decompressed(start + 1));
    return whole(yield* this.#readMessage(0));
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

function whole(message: StreamMessage | undefined): StreamMessage {
  if (message === undefined) throw new WireError('truncated', 'a message is cut short');
  return message;
}

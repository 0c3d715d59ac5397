/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Streams of the in-memory network: a Connection at each end, and a pipe for each direction.

import type { Random } from '../core/ports.js';
import { codedError } from '../transport/coded-error.js';
import type { Connection } from '../transport/transport.js';
import type { Gate } from './gate.js';
import type { Pipe } from './pipe.js';

/** The maximum result of one read, in bytes, so that readers receive split messages as with TCP. */
const largestRead = 64 * 1024;

/** A stream that breaks does so after fewer than 2 to the power of this many bytes. */
const maxLifetimeBits = 16;

/** How many bytes, in both directions together, a stream still carries before it breaks. */
export class Lifetime {
  #bytesLeft: number;

  /** @param bytes - infinite for a stream that does not break */
  constructor(bytes: number) {
    this.#bytesLeft = bytes;
  }

  /** Draws the lifetime of a new stream. @param breaks - the fraction of streams that break, 0 to 1 */
  static draw(breaks: number, random: Random): Lifetime {
    if (breaks === 0 || random.next() >= breaks) return new Lifetime(Infinity);
    const bits = Math.floor(random.next() * maxLifetimeBits);
    return new Lifetime(Math.floor((1 + random.next()) * 2 ** bits));
  }

  /** Consumes bytes. @returns how many of them are still delivered */
  spend(bytes: number): number {
    const passed = Math.max(0, Math.min(bytes, this.#bytesLeft));
    this.#bytesLeft -= bytes;
    return passed;
  }
}

/** The parts of one end of a stream. */
export interface MemoryConnectionInit {
  /** `'ip:port'` of the far end. */
  readonly remoteAddress: string;
  /** The direction to the far end. */
  readonly outward: Pipe;
  /** The gates that data passes when it enters and leaves this end. */
  readonly gates: { readonly inward: Gate; readonly outward: Gate };
  readonly lifetime: Lifetime;
  /** Called with everything that is written. */
  readonly onWrite: (data: Buffer) => void;
  /** Called once, when this end is closed or broken. */
  readonly onDone: (connection: MemoryConnection) => void;
}

interface PendingRead {
  readonly resolve: (chunk: Buffer | null) => void;
  readonly reject: (error: Error) => void;
}

/** One end of an in-memory stream. Behaves like TCP, except for back-pressure. */
export class MemoryConnection implements Connection {
  readonly remoteAddress: string;
  readonly #init: MemoryConnectionInit;
  readonly #inbox: Buffer[] = [];
  #peer: MemoryConnection | undefined;
  #pending: PendingRead | undefined;
  #ended = false;
  #closed = false;
  #failure: Error | undefined;

  constructor(init: MemoryConnectionInit) {
    this.remoteAddress = init.remoteAddress;
    this.#init = init;
  }

  /** Connects two ends to one stream. */
  static join(a: MemoryConnection, b: MemoryConnection): void {
    a.#peer = b;
    b.#peer = a;
  }

  read(): Promise<Buffer | null> {
    if (this.#closed) return Promise.resolve(null);
    if (this.#pending) return Promise.reject(new Error('another read is pending on this stream'));
    const chunk = this.#takeChunk();
    if (chunk) return Promise.resolve(chunk);
    if (this.#ended) return Promise.resolve(null);
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject };
    });
  }

  write(data: Buffer): Promise<void> {
    if (this.#closed) {
      const message = `the stream to ${this.remoteAddress} was closed here`;
      return Promise.reject(codedError(message, { code: 'EPIPE' }));
    }
    if (this.#failure) return Promise.reject(this.#failure);
    if (data.length === 0) return Promise.resolve();
    this.#init.onWrite(data);
    const passed = this.#init.lifetime.spend(data.length);
    if (passed > 0) {
      const copy = Buffer.from(data.subarray(0, passed));
      this.#send(passed, (peer) => peer.#receive(copy));
    }
    if (passed < data.length) this.breakBothEnds();
    return Promise.resolve();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#inbox.length = 0;
    this.#settle(null);
    if (this.#failure) return;
    this.#send(0, (peer) => peer.#end());
    this.#init.onDone(this);
  }

  reset(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#inbox.length = 0;
    this.#settle(null);
    if (this.#failure) return;
    this.#send(0, (peer) => peer.#reset());
    this.#init.onDone(this);
  }

  /** Breaks this end immediately with `reason`, and the far end when the reset arrives there. */
  break(reason: Error): void {
    if (this.#failure || this.#closed) return;
    this.#send(0, (peer) => peer.#reset());
    this.#fail(reason);
  }

  /** Breaks both ends, like a fault in between: each end receives a reset from the other side. */
  breakBothEnds(): void {
    this.#send(0, (peer) => {
      peer.#send(0, (self) => self.#reset());
      peer.#reset();
    });
  }

  /** Ends without notifying the far end, like a machine that loses power. */
  vanish(): void {
    this.#closed = true;
    this.#inbox.length = 0;
    this.#settle(null);
  }

  #send(bytes: number, deliver: (peer: MemoryConnection) => void): void {
    const { gates, outward } = this.#init;
    gates.outward.pass(() => outward.put(bytes, () => this.#enter(deliver)));
  }

  #enter(deliver: (peer: MemoryConnection) => void): void {
    const peer = this.#peer;
    if (peer) peer.#init.gates.inward.pass(() => deliver(peer));
  }

  #receive(chunk: Buffer): void {
    if (this.#closed || this.#failure) return;
    this.#inbox.push(chunk);
    if (this.#pending) this.#settle(this.#takeChunk());
  }

  #end(): void {
    this.#ended = true;
    this.#settle(null);
  }

  #reset(): void {
    if (this.#failure || this.#closed) return;
    const message = `the stream to ${this.remoteAddress} broke before its end`;
    this.#fail(codedError(message, { code: 'ECONNRESET' }));
  }

  #fail(error: Error): void {
    this.#failure = error;
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.reject(error);
    this.#init.onDone(this);
  }

  #takeChunk(): Buffer | null {
    const chunk = this.#inbox.shift();
    if (!chunk || chunk.length <= largestRead) return chunk ?? null;
    this.#inbox.unshift(chunk.subarray(largestRead));
    return chunk.subarray(0, largestRead);
  }

  #settle(chunk: Buffer | null): void {
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.resolve(chunk);
  }
}

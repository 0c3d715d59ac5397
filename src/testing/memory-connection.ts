/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Streams of the in-memory network: a Connection at each end and a pipe for each direction.

import { codedError } from '../transport/coded-error.js';
import type { Connection } from '../transport/transport.js';
import type { Gate } from './gate.js';
import type { Pipe } from './pipe.js';

/** The most that one read gives, in bytes, so that readers meet split messages as with TCP. */
const largestRead = 64 * 1024;

/** How many bytes, both ways together, a stream still carries before it breaks. */
export class Lifetime {
  #bytesLeft: number;

  /** @param bytes - infinite for a stream that does not break by itself */
  constructor(bytes: number) {
    this.#bytesLeft = bytes;
  }

  /** Takes bytes from it; returns how many of them still pass. */
  spend(bytes: number): number {
    const passed = Math.max(0, Math.min(bytes, this.#bytesLeft));
    this.#bytesLeft -= bytes;
    return passed;
  }
}

/** What one end of a stream is made of. */
export interface MemoryConnectionInit {
  /** `'ip:port'` of the far end. */
  readonly remoteAddress: string;
  /** Towards the far end. */
  readonly outward: Pipe;
  /** What comes in and goes out at this end passes these. */
  readonly gates: { readonly inward: Gate; readonly outward: Gate };
  readonly lifetime: Lifetime;
  /** Called with everything that is written. */
  readonly onWrite: (data: Buffer) => void;
  /** Called once, when this end was closed or broke. */
  readonly onDone: (connection: MemoryConnection) => void;
}

interface PendingRead {
  readonly resolve: (chunk: Buffer | null) => void;
  readonly reject: (error: Error) => void;
}

/** One end of an in-memory stream. Behaves as a TCP one does, but for back-pressure. */
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

  /** Makes the two the ends of one stream. */
  static join(a: MemoryConnection, b: MemoryConnection): void {
    a.#peer = b;
    b.#peer = a;
  }

  read(): Promise<Buffer | null> {
    if (this.#closed) return Promise.resolve(null);
    if (this.#pending) return Promise.reject(new Error('a read is pending on this stream already'));
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
      this.#tell(passed, (peer) => peer.#arrive(copy));
    }
    if (passed < data.length) this.breakOnTheWay();
    return Promise.resolve();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#inbox.length = 0;
    this.#settle(null);
    if (this.#failure) return;
    this.#tell(0, (peer) => peer.#end());
    this.#init.onDone(this);
  }

  reset(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#inbox.length = 0;
    this.#settle(null);
    if (this.#failure) return;
    this.#tell(0, (peer) => peer.#reset());
    this.#init.onDone(this);
  }

  /** Breaks this end at once with `reason`, and the far end once it hears of it. */
  break(reason: Error): void {
    if (this.#failure || this.#closed) return;
    this.#tell(0, (peer) => peer.#reset());
    this.#fail(reason);
  }

  /** Breaks both ends, as something between the two may do: each hears of it from the other's side. */
  breakOnTheWay(): void {
    this.#tell(0, (peer) => {
      peer.#tell(0, (self) => self.#reset());
      peer.#reset();
    });
  }

  /** Ends without a word to the far end, as when the machine loses its power. */
  vanish(): void {
    this.#closed = true;
    this.#inbox.length = 0;
    this.#settle(null);
  }

  #tell(bytes: number, deliver: (peer: MemoryConnection) => void): void {
    const { gates, outward } = this.#init;
    gates.outward.pass(() => outward.put(bytes, () => this.#reach(deliver)));
  }

  #reach(deliver: (peer: MemoryConnection) => void): void {
    const peer = this.#peer;
    if (peer) peer.#init.gates.inward.pass(() => deliver(peer));
  }

  #arrive(chunk: Buffer): void {
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

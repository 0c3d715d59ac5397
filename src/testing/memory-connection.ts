/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Streams of the in-memory network: a Connection at each end and a pipe for each direction.

import { codedError } from '../transport/tcp.js';
import type { Connection } from '../transport/transport.js';

/** The most that one read gives, in bytes, so that readers meet split messages as with TCP. */
const largestRead = 64 * 1024;

/** What a pipe needs from the network: when the next thing arrives, and whether it may. */
export interface PipeLink {
  /** Calls back once what is sent now has arrived, and no earlier than what was sent before it. */
  schedule(callback: () => void): void;
  /** Whether the link carries anything at present. */
  isUp(): boolean;
  /** Asks to be called back once the link may be up again. */
  whenMended(callback: () => void): void;
}

/**
 * One direction of a stream. What is put in happens at the far end, in order, as the link delivers
 * it; while the link is down it waits, as TCP sends again until it gets through.
 */
export class Pipe {
  readonly #link: PipeLink;
  readonly #queue: (() => void)[] = [];
  #ripe = 0;
  #waiting = false;

  constructor(link: PipeLink) {
    this.#link = link;
  }

  /** Makes `deliver` happen at the far end. */
  put(deliver: () => void): void {
    this.#queue.push(deliver);
    this.#link.schedule(() => {
      this.#ripe++;
      this.#flush();
    });
  }

  #flush(): void {
    while (this.#ripe > 0 && this.#link.isUp()) {
      this.#ripe--;
      this.#queue.shift()?.();
    }
    if (this.#ripe === 0 || this.#waiting) return;
    this.#waiting = true;
    this.#link.whenMended(() => {
      this.#waiting = false;
      this.#flush();
    });
  }
}

/** What one end of a stream is made of. */
export interface MemoryConnectionOptions {
  /** `'ip:port'` of the far end. */
  readonly remoteAddress: string;
  /** Towards the far end. */
  readonly outward: Pipe;
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
  readonly #outward: Pipe;
  readonly #onDone: (connection: MemoryConnection) => void;
  readonly #inbox: Buffer[] = [];
  #peer: MemoryConnection | undefined;
  #pending: PendingRead | undefined;
  #ended = false;
  #closed = false;
  #failure: Error | undefined;

  constructor({ remoteAddress, outward, onDone }: MemoryConnectionOptions) {
    this.remoteAddress = remoteAddress;
    this.#outward = outward;
    this.#onDone = onDone;
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
    const copy = Buffer.from(data);
    this.#tell((peer) => peer.#arrive(copy));
    return Promise.resolve();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#inbox.length = 0;
    this.#settle(null);
    if (this.#failure) return;
    this.#tell((peer) => peer.#end());
    this.#onDone(this);
  }

  /** Breaks this end at once with `reason`, and the far end once it hears of it. */
  break(reason: Error): void {
    if (this.#failure || this.#closed) return;
    this.#tell((peer) => peer.#reset());
    this.#fail(reason);
  }

  #tell(deliver: (peer: MemoryConnection) => void): void {
    this.#outward.put(() => {
      if (this.#peer) deliver(this.#peer);
    });
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
    this.#onDone(this);
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

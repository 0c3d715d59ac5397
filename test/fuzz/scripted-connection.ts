/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A stream without a socket: each read of the node gets one piece of a mutant. It measures the processor time
// from each piece until the node's next action.
import type { Connection } from '../../src/index.js';
import type { StreamMutant } from './stream-mutants.js';

/** The node's end of a stream whose data is known in advance. */
export class ScriptedConnection implements Connection {
  readonly remoteAddress: string;
  /** The data that the node wrote. */
  readonly written: Buffer[] = [];
  /** Resolves when the node closed it. */
  readonly closed: Promise<void>;
  /** The longest processor time of one action of the node, in milliseconds. */
  longestTurnMs = 0;
  readonly #pieces: Buffer[];
  readonly #end: StreamMutant['end'];
  #resolveClosed: () => void = () => undefined;
  #stuck: ((end: null) => void) | undefined;
  #givenAt: NodeJS.CpuUsage | undefined;

  constructor(remoteAddress: string, { pieces, end }: StreamMutant) {
    this.remoteAddress = remoteAddress;
    this.#pieces = [...pieces];
    this.#end = end;
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
  }

  /** Whether the node waits for bytes that do not arrive. */
  get isStuck(): boolean {
    return this.#stuck !== undefined;
  }

  read(): Promise<Buffer | null> {
    this.#lookAtClock();
    const piece = this.#pieces.shift();
    if (piece !== undefined) {
      this.#givenAt = process.cpuUsage();
      return Promise.resolve(piece);
    }
    if (this.#end === 'breaks') {
      return Promise.reject(Object.assign(new Error('the stream broke'), { code: 'ECONNRESET' }));
    }
    if (this.#end === 'ends') return Promise.resolve(null);
    return new Promise((resolve) => (this.#stuck = resolve));
  }

  write(data: Buffer): Promise<void> {
    this.#lookAtClock();
    this.#givenAt = process.cpuUsage();
    this.written.push(data);
    return Promise.resolve();
  }

  close(): void {
    this.#lookAtClock();
    this.#stuck?.(null);
    this.#stuck = undefined;
    this.#resolveClosed();
  }

  #lookAtClock(): void {
    if (this.#givenAt === undefined) return;
    const { user, system } = process.cpuUsage(this.#givenAt);
    this.longestTurnMs = Math.max(this.longestTurnMs, (user + system) / 1_000);
    this.#givenAt = undefined;
  }
}

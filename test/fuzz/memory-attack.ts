/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The fast attack: the node receives packets and streams without sockets, in virtual time. The time of each
// packet is exact, and a seed reproduces a run.
import { MessageType } from '../../src/wire/message-type.js';
import type { Attack } from './attack.js';
import type { Cluster } from './cluster.js';
import { Found } from './finding.js';
import type { Guard } from './guard.js';
import { ScriptedConnection } from './scripted-connection.js';
import type { StreamMutant } from './stream-mutants.js';
import type { Supply } from './supply.js';

const packetsPerTurn = 50;
const packetsPerLook = 10;
const sources = 200;
const mostTurns = 10_000;
// More virtual time than a stream may take.
const streamDeadlineMs = 10_500;
const answers = new Map<number | undefined, string>([
  [MessageType.ackResp, 'answered a ping over a stream'],
  [MessageType.pushPull, 'answered a push/pull'],
  [MessageType.err, 'answered with an error'],
]);

/** Attacks a cluster in memory. */
export class MemoryAttack implements Attack {
  slowestStreamMs = 0;
  readonly #cluster: Cluster;
  readonly #supply: Supply;
  readonly #guard: Guard;

  constructor(parts: { cluster: Cluster; supply: Supply; guard: Guard }) {
    this.#cluster = parts.cluster;
    this.#supply = parts.supply;
    this.#guard = parts.guard;
  }

  async packets(count: number): Promise<void> {
    for (let sent = 0; sent < count; sent++) {
      this.packet(this.#supply.packet());
      if (sent % packetsPerLook === 0) this.#guard.check(this.#supply.recent);
      if (sent % packetsPerTurn === 0) await new Promise(setImmediate);
    }
    this.#guard.check(this.#supply.recent);
  }

  async streams(count: number): Promise<void> {
    for (let sent = 0; sent < count; sent++) {
      await this.stream(this.#supply.stream());
      this.#guard.check(this.#supply.recent);
    }
  }

  /** One packet, and the node's work in the millisecond after it. */
  packet(packet: Buffer): void {
    const from = { addr: this.#drawSource() };
    const handle = (): number => {
      const { clock, taps } = this.#cluster;
      const startedAt = performance.now();
      taps[0].inject(packet, from, clock?.now() ?? 0);
      clock?.advance(1);
      return performance.now() - startedAt;
    };
    try {
      this.#guard.timed(handle(), handle, packet);
    } catch (error) {
      if (error instanceof Found) throw error;
      const detail = error instanceof Error ? String(error.stack) : String(error);
      this.#guard.found('a throw', detail, this.#supply.recent);
    }
  }

  /** One stream, until the node has closed it. */
  async stream(mutant: StreamMutant): Promise<void> {
    const connection = new ScriptedConnection(this.#drawSource(), mutant);
    let closed = false;
    void connection.closed.then(() => (closed = true));
    const isClosed = (): boolean => closed;
    this.#cluster.taps[0].open(connection);
    for (let turns = 0; !isClosed(); turns++) {
      if (turns > mostTurns) {
        this.#guard.found('a stream without end', 'it was never closed', this.#supply.recent);
      }
      await new Promise(setImmediate);
      this.#cluster.clock?.advance(connection.isStuck ? streamDeadlineMs : 1);
    }
    await new Promise(setImmediate);
    this.#cluster.clock?.advance(1);
    this.slowestStreamMs = Math.max(this.slowestStreamMs, connection.longestTurnMs);
    const answer = answers.get(this.#supply.answer(connection.written));
    if (answer !== undefined) this.#cluster.take(answer);
  }

  async settle(): Promise<void> {
    for (let seconds = 0; seconds < 60; seconds++) {
      this.#cluster.clock?.advance(1_000);
      await new Promise(setImmediate);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.settle();
  }

  #drawSource(): string {
    return `10.9.9.${1 + this.#supply.dice.below(sources)}:7946`;
  }
}

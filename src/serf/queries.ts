/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Queries that this node receives: each is passed on once, and acknowledged, answered and passed to the application when
// its filters match this node.
import { MessageTooLargeError, ProtocolError, ShutdownError, type Clock } from '../index.js';
import type { Answers } from './answers.js';
import { isForNode, isUndecidable } from './filters.js';
import type { InternalQueries } from './internal-queries.js';
import { LamportClock } from './lamport-clock.js';
import { serfLimits } from './limits.js';
import { kept } from './messages.js';
import type { SerfMetrics } from './metrics.js';
import type { Query } from './query-messages.js';
import { Recent } from './recent.js';
import type { SerfHandler, SerfQuery } from './serf.js';
import type { SerfTags } from './tags.js';

/** Names of queries that the application neither receives nor sends. */
export const INTERNAL_PREFIX = '_serf_';

/** What queries need of the node. */
export interface QueryComponents {
  readonly clock: Clock;
  readonly metrics: SerfMetrics;
  readonly answers: Answers;
  readonly internal: InternalQueries;
  readonly handlers: ReadonlyMap<string, SerfHandler>;
  readonly self: () => { readonly name: string; readonly tags: SerfTags };
  readonly isDown: () => boolean;
  /** Tells the application. */
  readonly deliver: (query: SerfQuery) => void;
  /** Counts and logs what a handler threw. */
  readonly failed: (what: string, error: unknown) => void;
}

/** The queries that one node receives. */
export class Queries {
  readonly clock = new LamportClock();
  readonly recent = new Recent<number>({
    keyOf: (id) => id,
    bytesOf: () => 0,
    mostBytes: serfLimits.queryBytes,
  });
  readonly #node: QueryComponents;
  /** Handlers that have not settled. */
  #pending = 0;

  constructor(components: QueryComponents) {
    this.#node = components;
  }

  /** Receives a query; true when it is new, and to be passed on. */
  receive(query: Query): boolean {
    const { metrics } = this.#node;
    this.clock.witness(query.ltime);
    const heard = this.recent.hear(query.ltime, query.id, this.clock.time);
    if (heard === 'dropped') metrics.queriesDropped.inc();
    if (heard !== 'new') return false;
    metrics.queries.inc();
    if (this.#isForUs(query)) this.#answer(query);
    return !query.isPrivate;
  }

  #isForUs({ filters }: Query): boolean {
    try {
      return isForNode(filters, this.#node.self());
    } catch (error) {
      if (!isUndecidable(error)) throw error;
      this.#node.metrics.filtersRefused.inc();
      return false;
    }
  }

  #answer(query: Query): void {
    const { answers, internal } = this.#node;
    if (query.wantsAck) answers.ack(query);
    if (query.name.startsWith(INTERNAL_PREFIX)) internal.answer(query);
    else this.#tell(query);
  }

  #tell(query: Query): void {
    const { handlers, deliver, failed, metrics } = this.#node;
    const handler = handlers.get(query.name);
    const received = new ReceivedQuery(query, this.#node);
    deliver(received);
    if (handler === undefined) return;
    if (this.#pending >= serfLimits.pendingAnswers) {
      metrics.queriesDropped.inc();
      return;
    }
    this.#pending++;
    const ended = (): void => {
      this.#pending--;
    };
    // An async function, as a handler may throw or reject.
    const answer = async (): Promise<void> => {
      const response = await handler(received);
      if (response !== undefined && !this.#node.isDown()) received.respond(response);
    };
    const failure = (error: unknown): void =>
      failed(`the handler of the query '${query.name}'`, error);
    answer().catch(failure).finally(ended).catch(failure);
  }
}

class ReceivedQuery implements SerfQuery {
  readonly name: string;
  readonly payload: Buffer;
  readonly from: string;
  readonly ltime: number;
  readonly #query: Query;
  readonly #node: QueryComponents;
  readonly #deadline: number;
  #hasResponded = false;

  constructor(query: Query, node: QueryComponents) {
    this.name = query.name;
    this.payload = kept(query.payload);
    this.from = query.from;
    this.ltime = query.ltime;
    this.#query = query;
    this.#node = node;
    this.#deadline = node.clock.now() + query.timeoutMs;
  }

  get timeLeft(): number {
    return this.#deadline - this.#node.clock.now();
  }

  respond(payload: Uint8Array | string): void {
    if (this.#node.isDown()) throw new ShutdownError('respond');
    if (this.#hasResponded) throw new ProtocolError(`the query '${this.name}' has a response`);
    if (this.timeLeft < 0) {
      this.#node.metrics.answersDropped.inc();
      throw new ProtocolError(`the time for the query '${this.name}' is over`);
    }
    const size = this.#node.answers.respond(this.#query, Buffer.from(payload));
    if (size !== undefined) {
      throw new MessageTooLargeError('the response', size, serfLimits.queryMessageBytes);
    }
    this.#hasResponded = true;
  }
}

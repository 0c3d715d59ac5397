/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Uses the bus of one life of one node: publishes, waits for confirmations, asks and answers.

import { type Bus, createBus } from '../../../src/bus/index.js';
import { type ExtensionContext, MemberlistError, ShutdownError } from '../../../src/index.js';
import { SeededRandom } from '../../../src/testing/index.js';
import type { BusLedger, BusLife } from './bus-ledger.js';
import type { BusPlan } from './bus-plan.js';
import { Violation } from './violation.js';

/** What a driver needs. */
export interface BusDriverInit {
  readonly key: string;
  /** Counts the lives of all nodes. */
  readonly index: number;
  readonly seed: number;
  readonly plan: BusPlan;
  readonly ledger: BusLedger;
  now(): number;
  fail(error: Error): void;
}

const topics = ['prices', 'orders'] as const;
const question = 'stock';

/** The user of one bus. */
export class BusDriver {
  readonly bus: Bus;
  readonly key: string;
  /** Operations that have not ended. */
  open = 0;
  readonly #init: BusDriverInit;
  readonly #random: SeededRandom;
  /** Questions that were asked here. */
  readonly #asked = new Set<string>();
  #context: ExtensionContext | undefined;
  #life: BusLife | undefined;
  #isActive = true;
  #isLeaving = false;
  #isStopped = false;
  #questions = 0;

  constructor(init: BusDriverInit) {
    const { plan, index, seed } = init;
    this.#init = init;
    this.key = init.key;
    this.#random = new SeededRandom(`bus of life ${index}, seed ${seed}`);
    const { directPeers, retention, grace, largeBytes } = plan;
    const maxMessageBytes = largeBytes + 1_000;
    this.bus = createBus({ directPeers, maxMessageBytes, retention, grace });
    for (const topic of topics) {
      this.bus.subscribe(topic, (message) => {
        this.#enter('a subscriber');
        if (this.#life !== undefined) init.ledger.delivered(this.#life, message);
      });
    }
    this.bus.on('gap', (gap) => {
      this.#enter("a listener of 'gap'");
      if (this.#life !== undefined) init.ledger.gap(this.#life, gap);
    });
    this.bus.respond(question, (payload) => this.#answer(payload));
  }

  attached(context: ExtensionContext): void {
    this.#context = context;
    this.#life = this.#init.ledger.started(this.key, {
      name: context.self.name,
      address: context.self.address,
      bootId: this.bus.bootId,
    });
    this.#schedule();
  }

  leaving(isLeaving: boolean): void {
    this.#isLeaving = isLeaving;
  }

  stopped(): void {
    this.#isStopped = true;
    this.#init.ledger.ended(this.key);
  }

  /** Begins nothing new. */
  rest(): void {
    this.#isActive = false;
  }

  /** Has operations that are not finished. */
  wake(): void {
    this.publish({ confirm: true, timeout: 3_600_000 });
    this.publish({ length: this.#init.plan.largeBytes });
    this.#ask(3_600_000);
  }

  /** Publishes a message. @returns its number; undefined if the node cannot publish now */
  publish(
    options: { confirm?: boolean; timeout?: number; length?: number } = {},
  ): number | undefined {
    const {
      confirm = false,
      timeout,
      length = Math.floor(300 * this.#random.next() ** 2),
    } = options;
    const life = this.#life;
    if (life === undefined || this.#isStopped) return undefined;
    const topic = topics[Math.floor(2 * this.#random.next())] as string;
    const head = `${this.#init.index} ${life.published.length} `;
    const payload = Buffer.alloc(head.length + length, head);
    if (this.#isLeaving) {
      this.#mustReject(this.bus.publish(topic, payload));
      return undefined;
    }
    const { seq } = this.#init.ledger.published(life, topic, payload);
    const sent = Buffer.from(payload);
    if (confirm) this.#confirmed(life, seq, this.bus.publish(topic, sent, { confirm, timeout }));
    else this.#published(life, seq, this.bus.publish(topic, sent));
    // It was copied.
    sent.fill(0);
    return seq;
  }

  #schedule(): void {
    const { intervalMs } = this.#init.plan;
    this.#context?.clock.setTimer(intervalMs * (0.5 + this.#random.next()), () => {
      if (!this.#isActive) return;
      this.#act();
      this.#schedule();
    });
  }

  #act(): void {
    const { largeBytes, intervalMs } = this.#init.plan;
    const draw = this.#random.next();
    const timeout = intervalMs * (0.1 + 3 * this.#random.next());
    if (draw < 0.2) this.publish({ confirm: true, timeout });
    else if (draw < 0.3) this.publish({ length: Math.floor(largeBytes * this.#random.next()) });
    else if (draw < 0.45) this.#ask(timeout);
    else for (let left = 1 + Math.floor(4 * draw); left > 0; left--) this.publish();
  }

  #published(life: BusLife, seq: number, publishing: Promise<{ id: string }>): void {
    this.#during(
      publishing.then(({ id }) => {
        if (id === `${life.bootId}:${seq}`) return;
        this.#fail('a message arrives as it was published', `${seq} has the id ${id}`);
      }),
    );
  }

  #confirmed(
    life: BusLife,
    seq: number,
    publishing: ReturnType<BusDriver['bus']['publish']>,
  ): void {
    const { ledger } = this.#init;
    this.#during(
      publishing.then((result) => {
        const { confirmed, missing, peers } = result as typeof result &
          Record<'confirmed' | 'missing', string[]>;
        if (new Set([...confirmed, ...missing]).size !== peers) {
          const names = `${confirmed.join(' ')} and ${missing.join(' ')}`;
          this.#fail('a confirmation names each member', `${names} of ${peers}`);
        }
        for (const name of confirmed) {
          if (ledger.isTwin(name) || ledger.hasDelivered(name, life, seq)) continue;
          this.#fail('a member that confirms has delivered the message', `${name}, ${seq}`);
        }
      }),
    );
  }

  #ask(timeout: number): void {
    if (this.#isStopped || this.#isLeaving || this.#life === undefined) return;
    const text = `${this.#init.index} asks ${this.#questions++}`;
    this.#during(this.#collect(text, timeout));
  }

  async #collect(text: string, timeout: number): Promise<void> {
    const answered = new Set<string>();
    for await (const { from, payload } of this.bus.request(question, Buffer.from(text), {
      timeout,
    })) {
      this.#enter('an answer');
      const [name = '', asked] = payload.toString().split('|');
      const isFrom = name === from || this.#init.ledger.shareAddress(name, from);
      if (!isFrom || asked !== text) {
        this.#fail('an answer arrives as it was given', `${payload.toString()} from ${from}`);
      }
      if (answered.has(from)) this.#fail('each member answers a request once', `${from}, ${text}`);
      answered.add(from);
    }
  }

  #answer(payload: Buffer): Buffer | Promise<Buffer> {
    this.#enter('a handler');
    const text = payload.toString();
    if (this.#asked.has(text)) this.#fail('a request is handled once', text);
    this.#asked.add(text);
    const length = this.#random.next() < 0.2 ? this.#init.plan.largeBytes / 2 : 0;
    const answer = Buffer.from(`${this.#life?.name}|${text}|${'.'.repeat(length)}`);
    if (this.#random.next() < 0.7) return answer;
    return new Promise((resolve) => {
      this.#context?.clock.setTimer(200 * this.#random.next(), () => resolve(answer));
    });
  }

  #during(operation: Promise<unknown>): void {
    this.open++;
    operation
      .catch((error: unknown) => {
        const isTold = error instanceof MemberlistError && this.#isStopped;
        const isLeft = error instanceof ShutdownError && this.#isLeaving;
        if (!isTold && !isLeft) this.#init.fail(error as Error);
      })
      .finally(() => this.open--)
      .catch((error: unknown) => this.#init.fail(error as Error));
  }

  #mustReject(publishing: Promise<unknown>): void {
    publishing.then(
      () => this.#fail('a node that leaves cannot publish', ''),
      (error: unknown) => {
        if (!(error instanceof ShutdownError)) this.#init.fail(error as Error);
      },
    );
  }

  // A subscriber, listener or handler is called.
  #enter(what: string): void {
    if (this.#isStopped) this.#fail('the bus calls nothing after its stop', what);
  }

  #fail(rule: string, detail: string): void {
    const where = `${this.key} at ${this.#init.now()}: ${detail}`;
    this.#init.fail(new Violation(rule, where));
  }
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The extension that the campaign runs on a part of the nodes: it uses everything that an extension can use, and throws
// now and then.

import {
  type Extension,
  type ExtensionContext,
  type ExtensionHooks,
  MemberlistError,
  MessageTooLargeError,
  type Node,
  ProtocolError,
  ShutdownError,
} from '../../../src/index.js';
import { extensionVersions } from './extension-plan.js';
import type { ExtensionWatch, Sent } from './extension-watch.js';
import { Violation } from './violation.js';

const mostTimers = 4;
const longestStream = 20_000;
const nodeEvents = ['join', 'leave', 'update', 'suspect', 'refute'] as const;

/** A membership event about a node. */
export interface NodeEvent {
  readonly type: string;
  readonly node: Node;
}

interface Cancelable {
  cancel(): void;
}

/** One extension in one life of one node. */
export class CampaignExtension implements Extension {
  readonly name: string;
  readonly version: number;
  /** The key of its node. */
  readonly key: string;
  /** Events that it was notified of and that were not compared yet. */
  heard: NodeEvent[] = [];
  /** Events of its node that were not compared yet. */
  emitted: NodeEvent[] = [];
  /** How often `stopped` was called. */
  stops = 0;
  /** Exceptions and rejections on purpose, and how many of them the node reported. */
  thrown = 0;
  reported = 0;
  readonly #watch: ExtensionWatch;
  readonly #init: {
    readonly intervalMs: number;
    readonly throws: number;
    readonly isCalm: boolean;
  };
  readonly #timers = new Set<Cancelable>();
  /** How often `finished` was called for each broadcast that has one. */
  readonly #finished: number[] = [];
  #context!: ExtensionContext;
  #isActive = true;
  /** The timer of the next action. */
  #next: Cancelable | undefined;
  #streams = 0;

  /** @param init.isCalm - nothing may change the node's metadata or delay its leave for long */
  constructor(
    watch: ExtensionWatch,
    init: {
      readonly name: string;
      readonly key: string;
      readonly intervalMs: number;
      readonly throws: number;
      readonly isCalm: boolean;
    },
  ) {
    this.name = init.name;
    this.version = extensionVersions[init.name] ?? 0;
    this.key = init.key;
    this.#watch = watch;
    this.#init = init;
  }

  get context(): ExtensionContext {
    return this.#context;
  }

  /** Timers that it holds. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Where and when something happens, for messages. */
  get where(): string {
    return `${this.name} on ${this.key} at ${this.#watch.now()}`;
  }

  attach(context: ExtensionContext): ExtensionHooks {
    this.#context = context;
    for (const type of nodeEvents) {
      context.on(type, (...[node]: readonly [Node, ...unknown[]]) => {
        this.#enter(`a listener of '${type}'`);
        this.heard.push({ type, node });
        this.#throwNowAndThen();
      });
    }
    this.#schedule();
    return {
      message: (payload, from) => {
        this.#enter('message');
        this.#watch.received(this, payload, from);
        return this.#throwOrReject();
      },
      joined: () => {
        this.#enter('joined');
        return this.#throwOrReject();
      },
      leaving: (signal) => this.#leaving(signal),
      stopped: () => this.#stopped(),
    };
  }

  /** Does nothing any more by itself, and holds no timer. */
  rest(): void {
    this.#isActive = false;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  /** Is busy again, with timers and messages under way. */
  wake(): void {
    this.#isActive = true;
    this.#schedule();
    this.#setTimer(3_600_000, () => undefined);
    this.broadcast(false);
    const [peer] = this.#context.peers();
    if (peer !== undefined) this.#sendReliable(peer);
  }

  /** The broadcasts whose `finished` was not called. */
  get unfinished(): number {
    return this.#finished.filter((count) => count === 0).length;
  }

  // A hook, a listener or a timer of it runs.
  #enter(hook: string): void {
    if (this.stops === 0 && !this.#context.signal.aborted) return;
    const rule = new Violation(
      'nothing of an extension runs after its stop',
      `${hook} of ${this.where}`,
    );
    this.#watch.fail(rule);
  }

  #throwNowAndThen(): void {
    if (this.#init.throws === 0 || this.#context.random.next() >= this.#init.throws) return;
    this.thrown++;
    throw new Error('on purpose');
  }

  #throwOrReject(): unknown {
    if (this.#init.throws === 0) return undefined;
    if (this.#context.random.next() < 0.5) {
      return new Promise<void>((resolve) => {
        this.#throwNowAndThen();
        resolve();
      });
    }
    this.#throwNowAndThen();
    return undefined;
  }

  #setTimer(delayMs: number, callback: () => void): Cancelable {
    return this.#track(callback, (fire) => this.#context.clock.setTimer(delayMs, fire));
  }

  #track(callback: () => void, start: (fire: () => void) => Cancelable): Cancelable {
    const timer = start(() => {
      this.#enter('a timer');
      if (!this.#timers.delete(timer)) {
        this.#watch.fail(new Violation('a canceled timer does not fire', this.where));
      }
      callback();
      this.#throwNowAndThen();
    });
    this.#timers.add(timer);
    return timer;
  }

  #schedule(): void {
    const { random } = this.#context;
    this.#next = this.#setTimer(this.#init.intervalMs * (0.5 + random.next()), () => {
      if (!this.#isActive) return;
      this.#schedule();
      this.#act();
    });
  }

  #act(): void {
    const { random } = this.#context;
    const draw = random.next();
    const peer = this.#pick(this.#context.peers());
    if (draw < 0.3) {
      if (peer !== undefined) this.#send(peer);
    } else if (draw < 0.5) {
      if (peer !== undefined && this.#streams === 0) this.#sendReliable(peer);
    } else if (draw < 0.75) this.broadcast(random.next() < 0.7);
    else if (draw < 0.85) this.#sendToOther();
    else if (draw < 0.9) this.#sendTooMuch();
    else if (draw < 0.94) {
      if (!this.#init.isCalm) this.#context.updateMeta();
    } else this.#useTimers();
  }

  #send(to: Node): void {
    const { payload } = this.#message('packet', this.#packetLength(), to);
    this.#settle(this.#context.send(to, payload));
  }

  #sendReliable(to: Node): void {
    const { random } = this.#context;
    const sent = this.#message('stream', Math.floor(longestStream * random.next() ** 4), to);
    this.#streams++;
    const sending = this.#context.sendReliable(to.name, sent.payload);
    this.#settle(
      sending.then(() => this.#watch.acknowledged(sent)),
      () => this.#streams--,
    );
  }

  /** Broadcasts a message, with a callback for its end or without. */
  broadcast(isObserved: boolean): void {
    const { random } = this.#context;
    const sent = this.#message('gossip', this.#packetLength(), undefined);
    const draw = random.next();
    const name = draw < 0.3 ? { name: `name ${Math.floor(draw * 10)}` } : {};
    const index = this.#finished.length;
    if (isObserved) this.#finished.push(0);
    const finished = (): void => {
      this.#enter('finished');
      const count = (this.#finished[index] ?? 0) + 1;
      this.#finished[index] = count;
      if (count > 1) this.#watch.fail(new Violation('a broadcast ends once', this.where));
      this.#throwNowAndThen();
    };
    this.#context.broadcast(sent.payload, { ...name, ...(isObserved && { finished }) });
  }

  // To a member that is gone, or does not have the extension: nothing may be sent.
  #sendToOther(): void {
    const { random, self } = this.#context;
    const isOther = (node: Node): boolean =>
      node.name !== self.name &&
      (node.state === 'dead' || node.state === 'left' || node.extensions[this.name] === undefined);
    const others = this.#watch.known(this.key).filter(isOther);
    const to = this.#pick(others);
    if (to === undefined) return;
    const { payload } = this.#message('packet', this.#packetLength(), undefined);
    const isReliable = random.next() < 0.5;
    const sending = isReliable
      ? this.#context.sendReliable(to, payload)
      : this.#context.send(to.name, payload);
    this.#mustReject(sending, ProtocolError, `a message to ${to.name}`);
  }

  #sendTooMuch(): void {
    const { payload } = this.#message('packet', this.#context.packetBudget + 1, undefined);
    const peer = this.#pick(this.#context.peers());
    if (peer !== undefined) {
      this.#mustReject(this.#context.send(peer, payload), MessageTooLargeError, 'a long message');
    } else this.#mustThrow(MessageTooLargeError, () => this.#context.broadcast(payload));
  }

  #useTimers(): void {
    const { random, clock } = this.#context;
    const idle = [...this.#timers].find((timer) => timer !== this.#next);
    if (this.#timers.size < mostTimers) {
      this.#setTimer(this.#init.intervalMs * 3 * random.next(), () => undefined);
      this.#track(
        () => undefined,
        (fire) => clock.afterTurn(fire),
      );
    } else if (idle !== undefined) {
      idle.cancel();
      this.#timers.delete(idle);
    }
  }

  #leaving(signal: AbortSignal): Promise<void> | undefined {
    this.#enter('leaving');
    const draw = this.#context.random.next();
    const { throws, isCalm } = this.#init;
    if (throws > 0 && draw < 0.2) return this.#throwOrReject() as Promise<void> | undefined;
    if (draw < 0.5) {
      this.#leavesNow();
      return undefined;
    }
    return new Promise((resolve) => {
      let isOver = false;
      const end = (): void => {
        if (!isOver) this.#leavesNow();
        isOver = true;
        resolve();
      };
      signal.addEventListener('abort', end, { once: true });
      // Otherwise the node waits until its timeout.
      if (isCalm || draw < 0.9) this.#setTimer(50 * draw, end);
    });
  }

  // The incarnation in which the node leaves is the one of this moment.
  #leavesNow(): void {
    const { name, incarnation } = this.#context.self;
    this.#watch.leaves(name, incarnation);
  }

  #stopped(): void {
    this.stops++;
    const { context } = this;
    if (this.stops > 1) this.#watch.fail(new Violation('an extension is stopped once', this.where));
    this.#timers.clear();
    // After its stop, the methods of its context must have no effect.
    const { payload } = this.#message('gossip', 10, undefined);
    this.#mustThrow(ShutdownError, () => context.broadcast(payload));
    this.#mustReject(context.send(this.key, payload), ShutdownError, 'send');
    this.#mustReject(context.sendReliable(this.key, payload), ShutdownError, 'sendReliable');
    context.clock.setTimer(0, () => this.#enter('a timer'));
    context.clock.afterTurn(() => this.#enter('a timer'));
    context.on('join', () => this.#enter('a listener'));
    context.updateMeta();
    this.#throwNowAndThen();
  }

  #message(how: Sent['how'], length: number, to: Node | undefined): Sent {
    return this.#watch.message(this, { how, length, to: to?.address });
  }

  /** Mostly short, sometimes as long as a packet allows. */
  #packetLength(): number {
    const { random, packetBudget } = this.#context;
    return Math.floor(packetBudget * random.next() ** 4);
  }

  #pick<T>(list: readonly T[]): T | undefined {
    return list[Math.floor(list.length * this.#context.random.next())];
  }

  // It may fail, in the ways that are documented.
  #settle(sending: Promise<void>, settled: () => void = () => undefined): void {
    sending
      .catch((error: unknown) => {
        if (!(error instanceof MemberlistError)) this.#watch.fail(error as Error);
      })
      .finally(settled)
      .catch((error: unknown) => this.#watch.fail(error as Error));
  }

  #mustReject(sending: Promise<void>, kind: new (...args: never[]) => Error, what: string): void {
    sending.then(
      () => this.#refused(what),
      (error: unknown) => {
        if (!(error instanceof kind)) this.#watch.fail(error as Error);
      },
    );
  }

  #mustThrow(kind: new (...args: never[]) => Error, call: () => void): void {
    try {
      call();
    } catch (error) {
      if (error instanceof kind) return;
      this.#watch.fail(error as Error);
      return;
    }
    this.#refused('a broadcast');
  }

  #refused(what: string): void {
    this.#watch.fail(
      new Violation('what an extension must not send is refused', `${what} of ${this.where}`),
    );
  }
}

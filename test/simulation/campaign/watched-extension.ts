/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// An extension of the product under watch: the campaign counts its timers and what it sends, reads its gauges, and
// notes when its node leaves.

import type {
  Clock,
  Extension,
  ExtensionContext,
  ExtensionHooks,
  Timer,
} from '../../../src/index.js';

/** What is done with a watched extension. */
export interface Attendant {
  /** The extension is attached: what uses it begins, with the clock of the extension. */
  attached?(context: ExtensionContext): void;
  /** The node begins to leave, or joins again during or after a leave. */
  leaving?(isLeaving: boolean): void;
  /** The node is shut down. */
  stopped?(): void;
  /** The node leaves at this moment, in this incarnation. */
  leaves(name: string, incarnation: number): void;
}

/** One extension in one life of one node. */
export class WatchedExtension implements Extension {
  readonly name: string;
  readonly version: number;
  /** Packets and streams that it sent. */
  sent = 0;
  readonly gauges = new Map<string, () => number>();
  readonly #inner: Extension;
  readonly #attendant: Attendant;
  readonly #timers = new Set<Timer>();

  constructor(inner: Extension, attendant: Attendant) {
    this.name = inner.name;
    this.version = inner.version ?? 0;
    this.#inner = inner;
    this.#attendant = attendant;
  }

  /** Timers that it holds, and those of what uses it. */
  get timers(): number {
    return this.#timers.size;
  }

  attach(context: ExtensionContext): ExtensionHooks | undefined {
    const watched = this.#watched(context);
    const hooks = this.#inner.attach(watched);
    this.#attendant.attached?.(watched);
    if (hooks === undefined) return undefined;
    const leaves = (): void => this.#attendant.leaves(context.self.name, context.self.incarnation);
    return {
      ...hooks,
      leaving: (signal) => {
        this.#attendant.leaving?.(true);
        leaves();
        signal.addEventListener('abort', leaves, { once: true });
        return hooks.leaving?.(signal)?.then(leaves);
      },
      resumed: () => {
        this.#attendant.leaving?.(false);
        hooks.resumed?.();
      },
      stopped: () => {
        this.#timers.clear();
        hooks.stopped?.();
        this.#attendant.stopped?.();
      },
    };
  }

  #watched(context: ExtensionContext): ExtensionContext {
    const clock = this.#watchedClock(context.clock);
    const count = <Args extends unknown[], Result>(send: (...args: Args) => Result) => {
      return (...args: Args): Result => {
        this.sent++;
        return send(...args);
      };
    };
    const replaced: Partial<ExtensionContext> = {
      clock,
      send: count(context.send.bind(context)),
      sendToAll: count(context.sendToAll.bind(context)),
      sendReliable: count(context.sendReliable.bind(context)),
      broadcast: count(context.broadcast.bind(context)),
      metrics: {
        counter: (name, help) => context.metrics.counter(name, help),
        gauge: (name, help, read) => {
          this.gauges.set(name, read);
          context.metrics.gauge(name, help, read);
        },
      },
    };
    return new Proxy(context, {
      get: (target, property) => {
        const own = replaced[property as keyof ExtensionContext];
        if (own !== undefined) return own;
        const value: unknown = Reflect.get(target, property, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
  }

  #watchedClock(clock: Clock): Clock {
    return {
      now: () => clock.now(),
      wallNow: () => clock.wallNow?.() ?? clock.now(),
      setTimer: (delayMs, callback) =>
        this.#track(callback, (fire) => clock.setTimer(delayMs, fire)),
      afterTurn: (callback) => this.#track(callback, (fire) => clock.afterTurn(fire)),
    };
  }

  #track(callback: () => void, start: (fire: () => void) => Timer): Timer {
    const inner = start(() => {
      this.#timers.delete(timer);
      callback();
    });
    const timer: Timer = {
      cancel: () => {
        this.#timers.delete(timer);
        inner.cancel();
      },
    };
    this.#timers.add(timer);
    return timer;
  }
}

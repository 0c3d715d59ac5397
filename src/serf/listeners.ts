/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The application's listeners. What one throws or rejects with is reported, and the others are called.
import { EventEmitter } from 'node:events';
import type { SerfEvents } from './serf.js';

type Listener<Name extends keyof SerfEvents> = (event: SerfEvents[Name]) => unknown;

/** Calls listeners. */
export class Listeners {
  readonly #emitter = new EventEmitter().setMaxListeners(0);
  readonly #failed: (what: string, error: unknown) => void;

  /** @param failed - called with what a listener threw */
  constructor(failed: (what: string, error: unknown) => void) {
    this.#failed = failed;
  }

  on<Name extends keyof SerfEvents>(event: Name, listener: Listener<Name>): void {
    this.#emitter.on(event, listener);
  }

  off<Name extends keyof SerfEvents>(event: Name, listener: Listener<Name>): void {
    this.#emitter.off(event, listener);
  }

  emit<Name extends keyof SerfEvents>(name: Name, event: SerfEvents[Name]): void {
    const failed = (error: unknown): void => this.#failed(`a listener of '${name}'`, error);
    for (const listener of this.#emitter.listeners(name)) {
      callSafely(() => (listener as Listener<Name>)(event), failed);
    }
  }
}

/** Calls back; what is thrown, and what a promise of any implementation rejects with, goes to `failed`. */
export function callSafely(call: () => unknown, failed: (error: unknown) => void): void {
  try {
    const result = call() as Partial<PromiseLike<unknown>> | null | undefined;
    if (typeof result?.then === 'function') result.then(undefined, failed);
  } catch (error) {
    failed(error);
  }
}

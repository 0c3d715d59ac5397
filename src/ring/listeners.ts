/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Typed listeners. What one throws is reported and reaches neither the others nor the caller.

/** Listeners of the events of one object, given as `{ event: argument }`. */
export class Listeners<Events extends object> {
  readonly #failed: (what: string, error: unknown) => void;
  readonly #all = new Map<keyof Events, Set<(event: never) => unknown>>();

  /** @param failed - called with what a listener throws, or rejects with */
  constructor(failed: (what: string, error: unknown) => void) {
    this.#failed = failed;
  }

  add<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => unknown): void {
    const known = this.#all.get(name) ?? new Set();
    this.#all.set(name, known.add(listener));
  }

  remove<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => unknown): void {
    this.#all.get(name)?.delete(listener);
  }

  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    const what = `a listener of '${String(name)}'`;
    for (const listener of [...(this.#all.get(name) ?? [])]) {
      try {
        const result = (listener as (event: Events[Name]) => unknown)(event);
        if (result instanceof Promise) result.catch((error: unknown) => this.#failed(what, error));
      } catch (error) {
        this.#failed(what, error);
      }
    }
  }

  clear(): void {
    this.#all.clear();
  }
}

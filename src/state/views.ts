/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The values that readers see, and the listeners.
import { printable } from '../index.js';
import type { Meters } from './meters.js';
import { shown, type Entry, type Replica } from './replica.js';
import type { KeyChange } from './store.js';
import { invalid, type Values } from './values.js';

/** A change with its values. */
export interface ShownChange {
  readonly name: string;
  readonly key: string;
  readonly value: unknown;
  readonly previous: unknown;
}

/** Values of maps, and their changes. A key that has expired is visible until the listeners are notified. */
export class Views {
  readonly #values: Values;
  readonly #listeners = new Set<(change: ShownChange) => void>();
  meters: Meters | undefined;
  /** Reports what a listener has thrown. */
  listenerFailed: (error: unknown) => void = () => undefined;

  constructor(values: Values) {
    this.#values = values;
  }

  on(listener: (change: ShownChange) => void): void {
    this.#listeners.add(listener);
  }

  off(listener: (change: ShownChange) => void): void {
    this.#listeners.delete(listener);
  }

  /** The value of a key; undefined if there is none. */
  value(replica: Replica | undefined, key: string): unknown {
    const entry = shown(replica?.get(key));
    if (replica === undefined || entry === undefined) return undefined;
    return this.#decode(replica.name, key, entry);
  }

  /** A copy of a map. */
  copy(replica: Replica | undefined): Record<string, unknown> {
    const values: [string, unknown][] = [];
    for (const [key] of replica?.entries() ?? []) {
      const value = this.value(replica, key);
      if (value !== undefined) values.push([key, value]);
    }
    // It gives the key __proto__ no meaning.
    return Object.fromEntries(values);
  }

  /** Calls the listeners for all changes. */
  tell(changes: readonly KeyChange[]): void {
    if (this.#listeners.size === 0) return;
    for (const { name, key, before, after } of changes) {
      const previous = before && this.#decode(name, key, before);
      const value = after && this.#decode(name, key, after);
      if (previous === undefined && value === undefined) continue;
      for (const listener of [...this.#listeners])
        this.#call(listener, { name, key, value, previous });
    }
  }

  #call(listener: (change: ShownChange) => unknown, change: ShownChange): void {
    try {
      const result = listener(change);
      if (result instanceof Promise) result.catch((error: unknown) => this.listenerFailed(error));
    } catch (error) {
      this.listenerFailed(error);
    }
  }

  #decode(name: string, key: string, entry: Entry): unknown {
    if (entry.value === undefined || entry.isValid === false) return undefined;
    const value = this.#values.decode(key, entry.value);
    if (value !== invalid) return value;
    entry.isValid = false;
    this.meters?.count('invalid');
    const message = printable(`the value of '${key}' of ${name} is invalid and not shown`);
    this.meters?.warn('state-value-invalid', message, { peer: name });
    return undefined;
  }
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Results, one JSON object per line, appended immediately: an interrupted experiment can be continued.

import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** A file of results with keys. */
export class Store<T extends { readonly key: string }> {
  readonly #path: string;
  readonly #results = new Map<string, T>();

  constructor(path: string) {
    this.#path = path;
    if (!existsSync(path)) return;
    const text = readFileSync(path, 'utf8');
    // The last line may be incomplete, if the process ended while writing it.
    if (text !== '' && !text.endsWith('\n')) appendFileSync(path, '\n');
    for (const line of text.split('\n')) {
      const result = parse(line) as T | undefined;
      if (typeof result?.key === 'string') this.#results.set(result.key, result);
    }
  }

  has(key: string): boolean {
    return this.#results.has(key);
  }

  get(key: string): T | undefined {
    return this.#results.get(key);
  }

  all(): T[] {
    return [...this.#results.values()];
  }

  add(result: T): void {
    mkdirSync(dirname(this.#path), { recursive: true });
    appendFileSync(this.#path, `${JSON.stringify(result)}\n`);
    this.#results.set(result.key, result);
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

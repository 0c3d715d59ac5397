/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A message bus and a shared state for the page, with what a test wants.
import type { BusStats } from '../../src/bus/index.js';
import type { ShownToolkit } from '../../src/cli/page/toolkit-views.js';
import type { StateSizes } from '../../src/state/index.js';

const HOSTILE = '<img src=x onerror=window.pwned=3>';

/** How much of everything there is. */
export interface ToolkitSpec {
  readonly topics: number;
  readonly publishers: number;
  readonly nodes: number;
  /** Keys of each node. */
  readonly keys: number;
}

/** A fake bus and a fake state. */
export class FakeToolkit implements ShownToolkit {
  readonly #topics = new Map<string, number>();
  readonly #gaps = new Map<string, number>();
  readonly #publishers: number;
  readonly #nodes = new Map<string, Map<string, unknown>>();

  constructor({ topics, publishers, nodes, keys }: ToolkitSpec) {
    for (let i = 0; i < topics; i++) {
      const name = i === 1 ? `topic-${'x'.repeat(250)}` : `topic-${pad(i)}`;
      this.#topics.set(name, i < 2 ? 1 : 1 + (i % 60) * 37);
    }
    this.#publishers = publishers;
    if (publishers > 1) {
      this.#gaps.set(`node-${pad(40)}`, 3);
      this.#gaps.set(`node-${pad(41)}`, 2);
    }
    for (let i = 0; i < nodes; i++) {
      const values = Array.from({ length: keys }, (_, key) => [`key-${pad(key)}`, valueOf(key)]);
      this.#nodes.set(`node-${pad(i)}`, new Map(values as [string, unknown][]));
    }
  }

  readonly bus = { stats: (): BusStats => this.stats() };

  get state(): NonNullable<ShownToolkit['state']> {
    return {
      names: () => this.#nodes.keys(),
      keys: (name) => (this.#nodes.get(name) ?? new Map<string, unknown>()).keys(),
      get: (name, key) => this.#nodes.get(name)?.get(key),
      sizes: this.#sizes(),
    };
  }

  stats(): BusStats {
    return {
      topics: Array.from(this.#topics, ([topic, messages]) => {
        return { topic, messages, bytes: messages * 40, lastPublisher: 'node-000', lastAgo: 5_000 };
      }),
      otherMessages: 0,
      publishers: Array.from({ length: this.#publishers }, (_, i) => {
        const bootId = i.toString(16).padStart(16, '0');
        const name = `node-${pad(i)}`;
        return { publisher: name, bootId, seq: 100 + i, retained: i, isGone: i % 7 === 3 };
      }),
      gaps: Array.from(this.#gaps, ([publisher, missed]) => ({ publisher, gaps: 1, missed })),
      retainedBytes: 70_000,
    };
  }

  publish(topic: string): void {
    this.#topics.set(topic, (this.#topics.get(topic) ?? 0) + 1);
  }

  gap(publisher: string): void {
    this.#gaps.set(publisher, 2);
  }

  set(node: string, key: string, value: unknown): void {
    this.#nodes.get(node)?.set(key, value);
  }

  #sizes(): StateSizes {
    let keys = 0;
    for (const values of this.#nodes.values()) keys += values.size;
    return { nodes: this.#nodes.size, keys, bytes: keys * 80, ownBytes: 240 };
  }
}

function valueOf(key: number): unknown {
  if (key === 0) return 0.25;
  if (key === 1) return HOSTILE;
  return key === 2 ? { text: 'long '.repeat(100) } : ['a', key];
}

const pad = (i: number): string => String(i).padStart(3, '0');

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The metrics of one extension: counters and gauges that are read at each scrape.
import { ConfigError } from '../errors.js';
import type { ExtensionCounter, ExtensionMetrics } from './extension.js';

/** One metric of an extension. */
export interface ExtensionMeter {
  readonly kind: 'counter' | 'gauge';
  /** Without the prefix. */
  readonly name: string;
  readonly help: string;
  readonly read: () => number;
}

const metricName = /^[a-z][a-z0-9_]*$/;

/** All metrics of one extension. */
export class ExtensionMeters implements ExtensionMetrics {
  readonly #extension: string;
  readonly #meters = new Map<string, ExtensionMeter>();
  #publish: ((meter: ExtensionMeter) => void) | undefined;

  constructor(extension: string) {
    this.#extension = extension;
  }

  counter(name: string, help: string): ExtensionCounter {
    let count = 0;
    this.#add({ kind: 'counter', name, help, read: () => count });
    return {
      inc: (by = 1) => {
        if (by >= 0) count += by;
      },
    };
  }

  gauge(name: string, help: string, read: () => number): void {
    this.#add({ kind: 'gauge', name, help, read });
  }

  /** Calls back with every metric: existing ones, and later ones when they are defined. */
  publishTo(publish: (meter: ExtensionMeter) => void): void {
    this.#publish = publish;
    for (const meter of this.#meters.values()) publish(meter);
  }

  #add({ name, ...meter }: ExtensionMeter): void {
    const field = `metrics of ${this.#extension}`;
    if (!metricName.test(name)) {
      const rule = 'must be a name for Prometheus, such as messages_total';
      throw new ConfigError([{ field, value: name, rule }]);
    }
    if (this.#meters.has(name)) {
      throw new ConfigError([{ field, value: name, rule: 'is defined already' }]);
    }
    const prefixed = { ...meter, name: `${this.#extension.replaceAll('-', '_')}_${name}` };
    this.#meters.set(name, prefixed);
    this.#publish?.(prefixed);
  }
}

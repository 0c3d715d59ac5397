/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The metrics of a node's services. Services of one kind, such as two rings, share their metrics.
import type { ExtensionCounter, ExtensionMetrics } from '../extensions/extension.js';
import { ExtensionMeters, type ExtensionMeter } from '../extensions/extension-meters.js';

/** The metrics of one service. */
export interface OwnMetrics {
  readonly metrics: ExtensionMetrics;
  /** The service has ended: its gauges are not read any more. */
  readonly end: () => void;
}

interface Kind {
  readonly meters: ExtensionMeters;
  readonly counters: Map<string, ExtensionCounter>;
  /** What each gauge adds up. */
  readonly gauges: Map<string, Set<() => number>>;
}

/** The metrics of all services of one node. */
export class ServiceMeters {
  readonly #kinds = new Map<string, Kind>();
  #publish: ((meter: ExtensionMeter) => void) | undefined;

  /** Calls back with every metric: existing ones, and later ones when they are defined. */
  publishTo(publish: (meter: ExtensionMeter) => void): void {
    this.#publish = publish;
    for (const { meters } of this.#kinds.values()) meters.publishTo(publish);
  }

  /** Publishes no further metric. */
  stop(): void {
    this.publishTo(() => undefined);
  }

  /** @param name - of the kind of service */
  for(name: string): OwnMetrics {
    const { meters, counters, gauges } = this.#kindOf(name.replaceAll(/\W/g, '_'));
    const own: (() => void)[] = [];
    return {
      metrics: {
        counter: (counterName, help) => {
          const counter = counters.get(counterName) ?? meters.counter(counterName, help);
          counters.set(counterName, counter);
          return counter;
        },
        gauge: (gaugeName, help, read) => {
          const known = gauges.get(gaugeName);
          const readers = known ?? new Set();
          if (known === undefined) meters.gauge(gaugeName, help, () => sumOf(readers));
          gauges.set(gaugeName, readers.add(read));
          own.push(() => readers.delete(read));
        },
      },
      end: () => own.splice(0).forEach((remove) => remove()),
    };
  }

  #kindOf(name: string): Kind {
    const known = this.#kinds.get(name);
    if (known !== undefined) return known;
    const kind = { meters: new ExtensionMeters(name), counters: new Map(), gauges: new Map() };
    this.#kinds.set(name, kind);
    if (this.#publish !== undefined) kind.meters.publishTo(this.#publish);
    return kind;
  }
}

function sumOf(readers: Iterable<() => number>): number {
  let sum = 0;
  for (const read of readers) sum += read();
  return sum;
}

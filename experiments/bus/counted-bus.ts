/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A bus whose counters can be read: how many copies of messages a node receives.

import type { Extension, ExtensionContext, ExtensionHooks } from '../../src/index.js';
import { type Bus, type BusOptions, createBus } from '../../src/bus/index.js';

/** The sums of the counters of all nodes, by name. */
export type Counts = Map<string, number>;

/** A bus, and the extension that counts for it. */
export interface CountedBus {
  readonly bus: Bus;
  readonly extension: Extension;
  /** The bytes that it retains. */
  retained(): number;
}

/**
 * Creates a bus.
 *
 * @param counts - what its counters add to; `sends` are calls that send something
 * @param attached - called when the node has it
 */
export function countedBus(
  options: BusOptions,
  counts: Counts,
  attached: (context: ExtensionContext) => void = () => undefined,
): CountedBus {
  const bus = createBus(options);
  const add = (name: string, by: number): void =>
    void counts.set(name, (counts.get(name) ?? 0) + by);
  let read = (): number => 0;
  const sending = ['send', 'sendToAll', 'sendReliable', 'broadcast'];
  const metrics: ExtensionContext['metrics'] = {
    counter: (name) => ({ inc: (by = 1) => add(name, by) }),
    gauge: (name, _help, gauge) => {
      if (name === 'retained_bytes') read = gauge;
    },
  };
  const attach = (context: ExtensionContext): ExtensionHooks | undefined => {
    const methods = new Map<PropertyKey, unknown>([['metrics', metrics]]);
    const counted = new Proxy(context, {
      get(target, property) {
        if (methods.has(property)) return methods.get(property);
        const value: unknown = Reflect.get(target, property, target);
        if (typeof value !== 'function') return value;
        const method = value.bind(target) as (...words: unknown[]) => unknown;
        const isSending = sending.includes(String(property));
        const own = (...words: unknown[]): unknown => {
          add('sends', 1);
          return method(...words);
        };
        methods.set(property, isSending ? own : method);
        return methods.get(property);
      },
    });
    const hooks = bus.attach(counted);
    attached(context);
    return hooks;
  };
  const extension = { name: bus.name, version: bus.version ?? 0, attach };
  return { bus, extension, retained: () => read() };
}

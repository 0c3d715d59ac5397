/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The types of the bus, the state and the ring, checked by the compiler alone: this file never runs.

/* eslint-disable @typescript-eslint/no-unnecessary-type-parameters, @typescript-eslint/no-unused-vars --
   types are all that is looked at */
/* eslint-disable @typescript-eslint/no-meaningless-void-operator -- values are used for their types */

import { type Extension, type Memberlist, type MemberlistConfig } from '../../src/index.js';
import { type Bus, type BusStats, type Confirmed, createBus, json } from '../../src/bus/index.js';
import { createRing, type Lease, runSingleton, share } from '../../src/ring/index.js';
import { createState, type State } from '../../src/state/index.js';

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
declare function holds<T extends true>(): T;
declare const list: Memberlist;
declare const lease: Lease;

interface Topics {
  prices: { sku: string; cents: number };
  stale: string;
}

interface Values {
  http: number;
  version: string;
}

export async function ofTheBus(): Promise<void> {
  const bytes = createBus();
  holds<Equal<typeof bytes, Bus>>();
  const config: MemberlistConfig = { use: [bytes, createState(), createBus({ name: 'other' })] };
  void config;
  await bytes.publish('any', new Uint8Array(1));
  bytes.subscribe('any', ({ payload }) => void holds<Equal<typeof payload, Buffer>>());
  // @ts-expect-error without a codec a payload is bytes
  await bytes.publish('any', 'text');

  const bus = createBus<Topics>({ codec: json });
  const published = await bus.publish('stale', 'user:7');
  // @ts-expect-error only with `confirm`
  void published.confirmed;
  const confirmed = await bus.publish('prices', { sku: 'x', cents: 1 }, { confirm: true });
  holds<Equal<typeof confirmed, Confirmed>>();
  bus.subscribe('prices', ({ payload, topic }) => {
    holds<Equal<typeof payload, { sku: string; cents: number }>>();
    holds<Equal<typeof topic, 'prices'>>();
  });
  for await (const { payload, missed } of bus.messages('stale')) {
    holds<Equal<typeof payload, string>>();
    holds<Equal<typeof missed, number>>();
  }
  for await (const { from, payload } of bus.request<'stale', number>('stale', 'x')) {
    holds<Equal<typeof from, string>>();
    holds<Equal<typeof payload, number>>();
  }
  // @ts-expect-error a topic that is misspelt
  bus.subscribe('price', () => undefined);
  // @ts-expect-error a payload of another topic
  await bus.publish('stale', { sku: 'x', cents: 1 });
  // @ts-expect-error there is one event
  bus.on('message', () => undefined);
  // @ts-expect-error an option that is misspelt
  createBus({ codecs: json });
  holds<Equal<ReturnType<typeof bus.stats>, BusStats>>();
}

export function ofTheState(): void {
  const state = createState<Values>();
  holds<Equal<typeof state, State<Values>>>();
  const extension: Extension = state;
  void extension;
  state.set('http', 8080, { ttl: 5_000 });
  holds<Equal<ReturnType<typeof state.get<'http'>>, number | undefined>>();
  holds<Equal<ReturnType<typeof state.keys>, IterableIterator<'http' | 'version'>>>();
  for (const [name, values] of state.entries()) {
    holds<Equal<typeof name, string>>();
    holds<Equal<typeof values, Partial<Values>>>();
  }
  state.on('change', (change) => {
    if (change.key === 'http') holds<Equal<typeof change.value, number | undefined>>();
  });
  // @ts-expect-error a value of another type
  state.set('http', '8080');
  // @ts-expect-error a key that is misspelt
  state.set('htpp', 8080);
  // @ts-expect-error an event that is misspelt
  state.on('changed', () => undefined);
  createState().set('anything', [1, 'two']);
}

export async function ofTheRing(): Promise<void> {
  const ring = createRing(list, { replicas: 2, filter: ({ name }) => name !== 'a' });
  holds<Equal<ReturnType<typeof ring.owner>, string | undefined>>();
  holds<Equal<ReturnType<typeof ring.owners>, string[]>>();
  ring.owner(Buffer.from('key'));
  // @ts-expect-error a key is text or bytes
  ring.owner(7);
  const limit = share(list, { total: 100 });
  limit.on('change', ({ value }) => void holds<Equal<typeof value, number>>());
  // @ts-expect-error a total is needed
  share(list, {});
  const task = async (signal: AbortSignal): Promise<void> => Promise.resolve(void signal.aborted);
  await runSingleton(list, 'mailer', task, { lease, stopInMinority: false }).stop();
}

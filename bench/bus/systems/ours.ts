/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Our bus: every process is a member of a cluster, with the LAN defaults.

import { setTimeout as wait } from 'node:timers/promises';
import { Memberlist, type Extension } from '../../../src/index.js';
import type { ConnectTask } from '../tasks.js';
import { hostAndPort, topic, type BusClient, type Handler } from './client.js';

/** The part of the bus that is measured. */
interface Bus extends Extension {
  subscribe(topic: string, handler: (message: { readonly payload: Uint8Array }) => void): unknown;
  publish(topic: string, payload: Uint8Array): Promise<unknown>;
  on(event: 'gap', listener: (gap: { readonly missed?: number }) => void): unknown;
}

interface BusModule {
  readonly createBus: () => Bus;
}

const readyMs = 30_000;
const pollMs = 20;

export async function connectOurs(
  { role, address, all }: ConnectTask,
  handler: Handler,
): Promise<BusClient> {
  const url = new URL('../../../src/bus/index.js', import.meta.url);
  const { createBus } = (await import(url.href)) as BusModule;
  const bus = createBus();
  const { host, port } = hostAndPort(address);
  const list = await Memberlist.create({
    name: address,
    bindAddr: host,
    bindPort: port,
    use: [bus],
  });
  if (role === 'subscriber') bus.subscribe(topic, ({ payload }) => handler(payload));
  let problem: string | undefined;
  bus.on('gap', ({ missed }) => {
    problem ??= `a gap of ${missed ?? 'unknown'} messages: a process fell behind by more than the retention`;
  });
  const [seed = ''] = all;
  if (address !== seed) await list.join([seed]);
  return {
    ready: async () => {
      const endAt = performance.now() + readyMs;
      while (
        list.members().filter(({ extensions }) => bus.name in extensions).length < all.length
      ) {
        if (performance.now() > endAt) throw new Error(`only ${list.numMembers} members`);
        await wait(pollMs);
      }
    },
    publish: (payload) => bus.publish(topic, payload),
    problem: () => problem,
    isFull: (error) => (error as { code?: unknown }).code === 'BUSY',
  };
}

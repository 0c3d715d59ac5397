/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A process of test/sockets/bus.test.ts: publishes numbered messages and records what it delivers.
import { localConfig, Memberlist } from '../../src/index.js';
import { createBus, type BusGap } from '../../src/bus/index.js';

/** What the test tells a process. */
export type Order =
  | { readonly type: 'publish'; readonly count: number; readonly everyMs: number }
  | { readonly type: 'report' }
  | { readonly type: 'end' };

/** What a process reports. */
export interface Report {
  readonly name: string;
  readonly bootId: string;
  readonly published: number;
  /** Sequence numbers in the order of their delivery, by boot id. */
  readonly delivered: Record<string, number[]>;
  readonly gaps: BusGap[];
}

const [name = '', port, seed] = process.argv.slice(2);
const bus = createBus({ grace: 3_000 });
const delivered: Record<string, number[]> = {};
const gaps: BusGap[] = [];
bus.subscribe('t', ({ bootId, seq }) => (delivered[bootId] ??= []).push(seq));
bus.on('gap', (gap) => gaps.push(gap));
let published = 0;

const list = await Memberlist.create({
  ...localConfig(),
  ...{ name, bindAddr: '127.0.0.1', bindPort: Number(port), logger: false, use: [bus] },
});
if (seed !== undefined) await list.join([seed]);

process.on('message', (order: Order) => {
  if (order.type === 'publish') publish(order.count, order.everyMs);
  else if (order.type === 'report') {
    const report: Report = { name, bootId: bus.bootId, published, delivered, gaps };
    process.send?.(report);
  } else process.exit(0);
});
process.on('disconnect', () => process.exit(0));
process.send?.({ address: list.localNode.address });

/** Five messages at a time: they share a packet. */
function publish(count: number, everyMs: number): void {
  let left = count;
  const timer = setInterval(() => {
    for (let i = 0; i < 5 && left > 0; i++, left--) {
      published++;
      bus.publish('t', Buffer.from(`${name} ${published}`)).catch(() => undefined);
    }
    if (left === 0) clearInterval(timer);
  }, everyMs);
}

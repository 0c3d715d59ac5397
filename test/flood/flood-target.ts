/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The node under flood, as a separate process. It reports its counters on request.
import { Registry } from 'prom-client';
import { lanConfig, Memberlist } from '../../src/index.js';

/** A message to the parent. */
export type Telling =
  | { readonly is: 'ready'; readonly address: string }
  | { readonly is: 'accused'; readonly who: string }
  | {
      readonly is: 'counts';
      readonly members: number;
      readonly packets: number;
      readonly alives: number;
      /** By reason; reasons without drops are omitted. */
      readonly drops: Readonly<Record<string, number>>;
    };

const tell = (telling: Telling): void => void process.send?.(telling);
const [bindAddr, name] = process.argv.slice(2);
const registry = new Registry();
const list = await Memberlist.create({
  ...lanConfig(),
  name,
  bindAddr,
  bindPort: 0,
  metrics: { registry },
});
list.on('suspect', ({ name: who }) => tell({ is: 'accused', who }));

async function counts(): Promise<Telling> {
  const samples = async (metric: string) =>
    (await registry.getSingleMetric(`memberlist_${metric}`)?.get())?.values ?? [];
  const sum = async (metric: string, label?: string): Promise<number> =>
    (await samples(metric))
      .filter(({ labels }) => label === undefined || labels.type === label)
      .reduce((total, { value }) => total + value, 0);
  const drops: Record<string, number> = {};
  for (const { labels, value } of await samples('drops_total')) {
    if (value > 0) drops[String(labels.reason)] = value;
  }
  const packets = await sum('packets_received_total');
  const alives = await sum('messages_received_total', 'alive');
  return { is: 'counts', members: list.numMembers, packets, alives, drops };
}

process.on('message', () => void counts().then(tell));
// A lost connection to the parent is ignored.
process.on('disconnect', () => void list.shutdown());
tell({ is: 'ready', address: list.localNode.address });

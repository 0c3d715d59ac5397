/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A node in a process of its own, which others mean harm by streams. It tells its memory, counts and log.
import { closeSync, openSync } from 'node:fs';
import { Registry } from 'prom-client';
import { lanConfig, Memberlist } from '../../src/index.js';

/** From the parent. */
export type Command = 'tell' | 'use-up-descriptors' | 'give-descriptors-back' | 'stop';

/** To the parent. */
export interface Telling {
  readonly address: string;
  readonly members: number;
  /** The most so far, in bytes. */
  readonly peakRss: number;
  /** The longest that the event loop did not turn, in milliseconds. */
  readonly longestTurn: number;
  readonly drops: Readonly<Record<string, number>>;
  readonly openStreams: number;
  readonly warnings: readonly string[];
}

const warnings: string[] = [];
const quiet = (): void => undefined;
const warn = (line: string): void => void warnings.push(line);
const registry = new Registry();
const list = await Memberlist.create({
  ...lanConfig(),
  name: 'target',
  bindAddr: process.argv[2] as string,
  bindPort: 0,
  // What others say of members must not be found wrong while the test runs.
  probeInterval: 600_000,
  tcpTimeout: 5_000,
  metrics: { registry },
  logger: { debug: quiet, info: quiet, warn, error: warn },
});

let peakRss = 0;
let longestTurn = 0;
let lookedAt = performance.now();
setInterval(() => {
  peakRss = Math.max(peakRss, process.memoryUsage.rss());
  const now = performance.now();
  longestTurn = Math.max(longestTurn, now - lookedAt);
  lookedAt = now;
}, 10);

async function telling(): Promise<Telling> {
  const samples = async (metric: string) =>
    (await registry.getSingleMetric(`memberlist_${metric}`)?.get())?.values ?? [];
  const drops: Record<string, number> = {};
  for (const { labels, value } of await samples('drops_total')) {
    if (value > 0) drops[String(labels.reason)] = value;
  }
  const open = await samples('streams_open');
  const openStreams = open.find(({ labels }) => labels.direction === 'inbound')?.value ?? 0;
  const { address } = list.localNode;
  return { address, members: list.numMembers, peakRss, longestTurn, drops, openStreams, warnings };
}

const used: number[] = [];
function useUpDescriptors(): void {
  try {
    for (;;) used.push(openSync('/dev/null', 'r'));
  } catch {
    // Some work must still be possible: what is closed here is among the last of all.
    for (const descriptor of used.splice(-4)) closeSync(descriptor);
  }
}

process.on('message', (command: Command) => {
  if (command === 'stop') {
    void list.shutdown().then(() => process.exit());
    return;
  }
  if (command === 'use-up-descriptors') useUpDescriptors();
  if (command === 'give-descriptors-back') for (const each of used.splice(0)) closeSync(each);
  void telling().then((told) => process.send?.(told));
});
// A parent that is gone stops nobody.
process.on('disconnect', () => process.exit());
process.send?.(await telling());

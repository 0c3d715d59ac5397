/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A node in a separate process under attack by streams. It reports its memory, counters and log.
import { closeSync, openSync } from 'node:fs';
import { Registry } from 'prom-client';
import { lanConfig, Memberlist } from '../../src/index.js';

/** A message from the parent. */
export type Command = 'report' | 'use-up-descriptors' | 'give-descriptors-back' | 'stop';

/** A message to the parent. */
export interface Report {
  readonly address: string;
  readonly members: number;
  /** Peak, in bytes. */
  readonly peakRss: number;
  /** The longest turn of the event loop, in milliseconds. */
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
  // Forged members must not be declared dead while the test runs.
  probeInterval: 600_000,
  tcpTimeout: 5_000,
  metrics: { registry },
  logger: { debug: quiet, info: quiet, warn, error: warn },
});

let peakRss = 0;
let longestTurn = 0;
let checkedAt = performance.now();
setInterval(() => {
  peakRss = Math.max(peakRss, process.memoryUsage.rss());
  const now = performance.now();
  longestTurn = Math.max(longestTurn, now - checkedAt);
  checkedAt = now;
}, 10);

async function report(): Promise<Report> {
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
    // Some operations must still be possible: release the last few.
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
  void report().then((current) => process.send?.(current));
});
// A lost connection to the parent is ignored.
process.on('disconnect', () => process.exit());
process.send?.(await report());

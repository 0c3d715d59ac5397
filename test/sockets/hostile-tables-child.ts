/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A node in a process of its own that gets large tables of forged members. It reports its memory, and which real
// members it takes for alive.
import { localConfig, Memberlist } from '../../src/index.js';

/** To the parent, for each question. */
export interface Status {
  readonly address: string;
  readonly members: number;
  /** The most so far, in bytes. */
  readonly peakRss: number;
  /** Members that are alive or suspect and do not have a forged name, without the node itself. */
  readonly living: readonly string[];
}

/** Forged names begin with this. */
export const FORGED = 'forged-';

let peakRss = 0;

async function main(host: string): Promise<void> {
  const list = await Memberlist.create({
    ...localConfig(),
    name: 'target',
    bindAddr: host,
    bindPort: 0,
    probeInterval: 200,
    probeTimeout: 100,
    tcpTimeout: 30_000,
    metrics: false,
  });
  const living = new Set<string>();
  const lives = (name: string, isAlive: boolean): void => {
    if (name.startsWith(FORGED)) return;
    if (isAlive) living.add(name);
    else living.delete(name);
  };
  list.on('join', ({ name }) => lives(name, true));
  list.on('leave', ({ name }) => lives(name, false));
  setInterval(() => (peakRss = Math.max(peakRss, process.memoryUsage.rss())), 20);
  const status = (): Status => {
    const { address } = list.localNode;
    return { address, members: list.numMembers, peakRss, living: [...living] };
  };
  process.on('message', () => process.send?.(status()));
  // A parent that is gone stops nobody.
  process.on('disconnect', () => process.exit());
  process.send?.(status());
}

const [, , host] = process.argv;
if (process.send !== undefined && host !== undefined) await main(host);

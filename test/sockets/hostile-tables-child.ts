/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A node in a separate process that receives large tables of forged members. It reports its memory, and the
// real members that it lists as alive.
import { localConfig, Memberlist } from '../../src/index.js';

/** A message to the parent, for each request. */
export interface Status {
  readonly address: string;
  readonly members: number;
  /** Peak, in bytes. */
  readonly peakRss: number;
  /** Members that are alive or suspect and have no forged name, without the node itself. */
  readonly living: readonly string[];
}

/** The prefix of forged names. */
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
  const setAlive = (name: string, isAlive: boolean): void => {
    if (name.startsWith(FORGED)) return;
    if (isAlive) living.add(name);
    else living.delete(name);
  };
  list.on('join', ({ name }) => setAlive(name, true));
  list.on('leave', ({ name }) => setAlive(name, false));
  setInterval(() => (peakRss = Math.max(peakRss, process.memoryUsage.rss())), 20);
  const status = (): Status => {
    const { address } = list.localNode;
    return { address, members: list.numMembers, peakRss, living: [...living] };
  };
  process.on('message', () => process.send?.(status()));
  // A lost connection to the parent is ignored.
  process.on('disconnect', () => process.exit());
  process.send?.(status());
}

const [, , host] = process.argv;
if (process.send !== undefined && host !== undefined) await main(host);

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A Memberlist without background activity: no probes, no gossip rounds, no push/pull. It only handles the packets and
// streams that the benchmark delivers.

import { readFileSync } from 'node:fs';
import { Memberlist } from '../../src/index.js';
import { targetName } from '../members.js';
import type { Layers } from '../protocol.js';
import { HandTransport } from './hand-transport.js';

export interface Target extends AsyncDisposable {
  readonly list: Memberlist;
  readonly transport: HandTransport;
  /** Alive messages that were handled. */
  readonly alivesSeen: number;
  /** Resolves after `more` additional alive messages. */
  expectAlives(more: number): Promise<void>;
}

/** What is observed of a node. */
export interface Watch {
  /** Receives every packet that it sends. */
  readonly onSend?: (packet: Buffer) => void;
  /** Counts alive messages with a delegate; most users have none. */
  readonly countsAlives?: boolean;
}

/** Starts a node. */
export async function startTarget(
  { compress, key }: Layers,
  { onSend = () => undefined, countsAlives = false }: Watch = {},
): Promise<Target> {
  const transport = new HandTransport(onSend);
  let seen = 0;
  let target = 0;
  let reached = (): void => undefined;
  const list = await Memberlist.create({
    name: targetName,
    transport,
    probeInterval: 0,
    gossipInterval: 0,
    pushPullInterval: 0,
    queueCheckInterval: 0,
    enableCompression: compress,
    ...(key !== '' && { secretKey: key }),
    alive: countsAlives
      ? {
          notifyAlive: () => {
            if (++seen === target) reached();
          },
        }
      : undefined,
  });
  return {
    list,
    transport,
    get alivesSeen() {
      return seen;
    },
    expectAlives: (more) => {
      target = seen + more;
      return new Promise((resolve) => {
        reached = resolve;
      });
    },
    [Symbol.asyncDispose]: () => list.shutdown(),
  };
}

/** Starts a node that knows the members of the request in this file. */
export async function startLoadedTarget(
  layers: Layers,
  load: string,
  watch?: Watch,
): Promise<Target> {
  const target = await startTarget(layers, watch);
  await target.transport.exchange(readFileSync(load));
  return target;
}

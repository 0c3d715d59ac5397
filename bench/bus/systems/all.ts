/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// All systems. A process loads only the one that it takes part in.

import type { ConnectTask } from '../tasks.js';
import type { BusClient, Handler } from './client.js';

/** Connects this process with a system; a subscriber's messages go to the handler. */
export async function connectTo(task: ConnectTask, handler: Handler): Promise<BusClient> {
  switch (task.system) {
    case 'ours':
      return (await import('./ours.js')).connectOurs(task, handler);
    case 'Redis':
      return (await import('./redis.js')).connectRedis(task, handler);
    case 'NATS':
      return (await import('./nats.js')).connectNats(task, handler);
    case 'floor':
      return (await import('./bare.js')).connectBare(task, handler);
  }
}

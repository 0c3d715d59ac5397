/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Redis pub/sub, with the client `redis`.

import { createClient } from 'redis';
import type { ConnectTask } from '../tasks.js';
import { hostAndPort, topic, type BusClient, type Handler } from './client.js';

export async function connectRedis(
  { role, server }: ConnectTask,
  handler: Handler,
): Promise<BusClient> {
  const client = createClient({ socket: hostAndPort(server) });
  client.on('error', (error: Error) => {
    throw error;
  });
  await client.connect();
  if (role === 'subscriber') await client.subscribe(topic, handler, true);
  return {
    // The server has confirmed the subscription.
    ready: () => Promise.resolve(),
    publish: (payload) => client.publish(topic, payload),
  };
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// NATS, with the client `nats`.

import { connect } from 'nats';
import type { ConnectTask } from '../tasks.js';
import { topic, type BusClient, type Handler } from './client.js';

export async function connectNats(
  { role, server }: ConnectTask,
  handler: Handler,
): Promise<BusClient> {
  const connection = await connect({ servers: server ?? '' });
  if (role === 'subscriber') {
    connection.subscribe(topic, {
      callback: (error, { data }) => {
        if (error !== null) throw error;
        handler(data);
      },
    });
  }
  return {
    // The server answers after it has read the subscription.
    ready: () => connection.flush(),
    publish: (payload) => {
      connection.publish(topic, payload);
      return undefined;
    },
  };
}

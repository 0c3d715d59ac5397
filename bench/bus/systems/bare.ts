/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The floor: bare sockets, a packet per message and subscriber, without a protocol. Packets may be lost.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { ConnectTask } from '../tasks.js';
import { hostAndPort, type BusClient, type Handler } from './client.js';

export async function connectBare(
  { address, all }: ConnectTask,
  handler: Handler,
): Promise<BusClient> {
  const socket = createSocket({ type: 'udp4', lookup: answerIp });
  socket.on('message', handler);
  const listening = once(socket, 'listening');
  const { host, port } = hostAndPort(address);
  socket.bind({ address: host, port, exclusive: true });
  await listening;
  const subscribers = all.slice(1).map(hostAndPort);
  return {
    ready: () => Promise.resolve(),
    publish: (payload) => {
      for (const to of subscribers) socket.send(payload, to.port, to.host);
      return undefined;
    },
  };
}

/** Replaces `dns.lookup`, which dgram would otherwise call for every packet. */
function answerIp(
  hostname: string,
  _options: unknown,
  callback: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
): void {
  callback(null, hostname, 4);
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The cost of Node itself: bare sockets that send as many packets of the same size as nodes do, without a protocol. Each
// socket sends to another one at a steady rate and answers received packets, like pings and acks.

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { FloorTask, Usage } from '../protocol.js';
import { Traffic } from './counting-transport.js';

let traffic = new Traffic();
let sockets: Socket[] = [];
let timers: NodeJS.Timeout[] = [];

/** Starts the sockets; half of the packets of each are answers. */
export async function startFloor(task: FloorTask): Promise<object> {
  const { addresses, packetsPerSecond, packetBytes } = task;
  const counted = (traffic = new Traffic());
  const question = Buffer.alloc(packetBytes, 1);
  const answer = Buffer.alloc(packetBytes, 2);
  const targets = addresses.map((address) => {
    const [host = '', port] = address.split(':');
    return { host, port: Number(port) };
  });
  sockets = await Promise.all(
    targets.map(async ({ host, port }) => {
      const socket = createSocket({ type: 'udp4', lookup: answerIp });
      socket.on('message', (packet, from) => {
        if (packet[0] === 1) send(counted, socket, answer, from.port, from.address);
      });
      // It may be listening before `bind` returns.
      const listening = once(socket, 'listening');
      socket.bind({ address: host, port, exclusive: true });
      await listening;
      return socket;
    }),
  );
  const everyMs = 2000 / packetsPerSecond;
  timers = sockets.map((socket, index) => {
    let next = index;
    const ask = (): void => {
      next = (next + 1) % targets.length;
      const target = targets[next === index ? (next + 1) % targets.length : next];
      if (target !== undefined) send(counted, socket, question, target.port, target.host);
    };
    // Spread out, like nodes: sending all at once would be cheaper than any protocol can be.
    return setTimeout(() => {
      timers[index] = setInterval(ask, everyMs);
    }, Math.random() * everyMs);
  });
  return {};
}

export function floorUsage(): Usage {
  const { packets, packetBytes, streamBytes } = traffic;
  const { user, system } = process.cpuUsage();
  const atNs = performance.now() * 1e6;
  return { cpuNs: (user + system) * 1000, atNs, packets, packetBytes, streamBytes };
}

export async function stopFloor(): Promise<object> {
  for (const timer of timers) clearTimeout(timer);
  await Promise.all(
    sockets.map((socket) => {
      const closed = once(socket, 'close');
      socket.close();
      return closed;
    }),
  );
  sockets = [];
  return {};
}

function send(counted: Traffic, socket: Socket, packet: Buffer, port: number, host: string): void {
  counted.packets++;
  counted.packetBytes += packet.length;
  socket.send(packet, port, host);
}

/** Replaces `dns.lookup`, which dgram would otherwise call for every packet. */
function answerIp(
  hostname: string,
  _options: unknown,
  callback: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
): void {
  callback(null, hostname, 4);
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Which TCP connections this process opened. On the loopback interface most of them come from 127.0.0.1, whatever
// process they are of.
import diagnostics from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

const channel = 'net.client.socket';

/** The connections that this process opened between `start` and `stop`. */
export class OwnConnections {
  readonly #all = new Set<string>();
  readonly #opened = (message: unknown): void => {
    const { socket } = message as { readonly socket: Socket };
    socket.once('connect', () => {
      const { localAddress, localPort, remoteAddress, remotePort } = socket;
      this.#all.add(`${localAddress}:${localPort} ${remoteAddress}:${remotePort}`);
    });
  };

  start(): void {
    diagnostics.subscribe(channel, this.#opened);
  }

  stop(): void {
    diagnostics.unsubscribe(channel, this.#opened);
  }

  /** Whether a connection is one of them. Both addresses are `'ip:port'`. */
  has(client: string, server: string): boolean {
    return this.#all.has(`${client} ${server}`);
  }
}

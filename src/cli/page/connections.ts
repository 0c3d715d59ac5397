/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The connections of the page, limited in number. At the limit, the source with the most connections loses
// one, its oldest that is not a viewer first. A new connection is always accepted, so idle connections cannot
// lock out a health check.
import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../core/ports.js';
import { sourceOf } from '../../wire/source.js';
import { pageLimits } from './limits.js';
import { OneRequest } from './one-request.js';

/** Accepts connections, within the limits. */
export class Connections {
  readonly server: Server;
  readonly #open = new Set<OneRequest>();
  readonly #viewers = new Set<OneRequest>();

  /** @param init.onConnection - receives each connection */
  constructor(
    components: { clock: Clock },
    init: { onConnection: (connection: OneRequest) => void },
  ) {
    const { clock } = components;
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      const connection = new OneRequest({ socket, clock }, { source: sourceOfSocket(socket) });
      connection.on('close', () => {
        this.#open.delete(connection);
        this.#viewers.delete(connection);
      });
      this.#open.add(connection);
      if (this.#open.size > pageLimits.connections) this.#connectionToClose()?.destroy();
      init.onConnection(connection);
    });
  }

  /** The number of open connections. */
  get size(): number {
    return this.#open.size;
  }

  /** Makes a connection a viewer, without a deadline. @returns false if there are too many viewers */
  addViewer(connection: OneRequest): boolean {
    if (connection.destroyed || this.#viewers.size >= pageLimits.viewers) return false;
    this.#viewers.add(connection);
    connection.endless();
    return true;
  }

  /** Closes all connections. */
  destroyAll(): void {
    for (const connection of this.#open) connection.destroy();
  }

  #connectionToClose(): OneRequest | undefined {
    const counts = new Map<string, number>();
    for (const { source } of this.#open) counts.set(source, (counts.get(source) ?? 0) + 1);
    let max = 0;
    for (const count of counts.values()) max = Math.max(max, count);
    let viewer: OneRequest | undefined;
    for (const connection of this.#open) {
      if (connection.destroyed || counts.get(connection.source) !== max) continue;
      if (!this.#viewers.has(connection)) return connection;
      viewer ??= connection;
    }
    return viewer;
  }
}

function sourceOfSocket({ remoteAddress = '', remoteFamily }: Socket): string {
  return sourceOf(remoteFamily === 'IPv6' ? `[${remoteAddress}]:0` : `${remoteAddress}:0`);
}

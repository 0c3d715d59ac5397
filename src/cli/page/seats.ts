/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The connections of the page: as many as there are seats, whoever comes. When all are taken, the source that
// has most gives one up, its oldest that is not a viewer first: a newcomer is always let in, so nobody keeps
// a health check out by connections that say nothing.
import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../core/ports.js';
import { sourceOf } from '../../wire/source.js';
import { pageLimits } from './limits.js';
import { OneRequest } from './one-request.js';

/** Accepts connections, within the bounds. */
export class Seats {
  readonly server: Server;
  readonly #taken = new Set<OneRequest>();
  readonly #viewers = new Set<OneRequest>();

  /** @param init.seated - takes each connection */
  constructor(components: { clock: Clock }, init: { seated: (connection: OneRequest) => void }) {
    const { clock } = components;
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      const connection = new OneRequest({ socket, clock }, { source: sourceOfSocket(socket) });
      connection.on('close', () => {
        this.#taken.delete(connection);
        this.#viewers.delete(connection);
      });
      this.#taken.add(connection);
      if (this.#taken.size > pageLimits.connections) this.#victim()?.destroy();
      init.seated(connection);
    });
  }

  /** How many there are. */
  get size(): number {
    return this.#taken.size;
  }

  /** Whether one more may watch; it has no deadline then. */
  watches(connection: OneRequest): boolean {
    if (connection.destroyed || this.#viewers.size >= pageLimits.viewers) return false;
    this.#viewers.add(connection);
    connection.endless();
    return true;
  }

  /** Ends all. */
  destroyAll(): void {
    for (const connection of this.#taken) connection.destroy();
  }

  #victim(): OneRequest | undefined {
    const counts = new Map<string, number>();
    for (const { source } of this.#taken) counts.set(source, (counts.get(source) ?? 0) + 1);
    let most = 0;
    for (const count of counts.values()) most = Math.max(most, count);
    let viewer: OneRequest | undefined;
    for (const connection of this.#taken) {
      if (connection.destroyed || counts.get(connection.source) !== most) continue;
      if (!this.#viewers.has(connection)) return connection;
      viewer ??= connection;
    }
    return viewer;
  }
}

function sourceOfSocket({ remoteAddress = '', remoteFamily }: Socket): string {
  return sourceOf(remoteFamily === 'IPv6' ? `[${remoteAddress}]:0` : `${remoteAddress}:0`);
}

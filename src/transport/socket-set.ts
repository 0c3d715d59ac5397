/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import type { Socket } from 'node:net';

/** All open TCP sockets of one transport. */
export class SocketSet {
  readonly #sockets = new Set<Socket>();
  /** Sockets that are closed on this side and wait for the far end, the oldest first. */
  readonly #lingering = new Set<Socket>();
  /** Maximum number of lingering sockets; beyond it, the oldest is destroyed. */
  maxLingering = Infinity;

  #keepsAlive = true;

  /** Sets whether these sockets, and later ones, keep the process alive. */
  keepAlive(isEnabled: boolean): void {
    this.#keepsAlive = isEnabled;
    for (const socket of this.#sockets) {
      if (isEnabled) socket.ref();
      else socket.unref();
    }
  }

  /** Adds a socket until it is closed. From now on, its errors are never unhandled. */
  add(socket: Socket): void {
    this.#sockets.add(socket);
    if (!this.#keepsAlive) socket.unref();
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      this.#lingering.delete(socket);
    });
  }

  /** Marks a socket whose last bytes the system has, and which only waits for the far end to close. */
  linger(socket: Socket): void {
    this.#lingering.add(socket);
    if (this.#lingering.size <= this.maxLingering) return;
    const [oldest] = this.#lingering;
    if (oldest !== undefined) this.#lingering.delete(oldest);
    oldest?.destroy();
  }

  /**
   * Destroys all sockets; resolves when the last one is closed. A socket on which this side has written nothing is
   * reset, because the far end must not interpret the end of the stream as a sign that its request was read.
   */
  async destroyAll(reason: Error): Promise<void> {
    const closed = Array.from(this.#sockets, (socket) => {
      const done = new Promise<void>((resolve) => socket.once('close', () => resolve()));
      if (socket.connecting || socket.bytesWritten > 0) socket.destroy(reason);
      else {
        // A reset has no reason. This passes the reason to a pending read.
        socket.emit('error', reason);
        socket.resetAndDestroy();
      }
      return done;
    });
    await Promise.all(closed);
  }
}

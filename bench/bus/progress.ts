/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The subscribers report their progress to the publisher, which bounds the backlog when it publishes as fast as it can.
// These packets are the same with every system.

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

/** A subscriber reports after so many messages, and when time has passed. */
const reportEvery = 50;
const reportEveryMs = 10;

/** A subscriber's reports. */
export class ProgressReports {
  readonly #socket = createSocket('udp4');
  readonly #timer: NodeJS.Timeout;
  #next = 0;
  #reported = 0;

  private constructor() {
    this.#timer = setInterval(() => {
      // Repeated in case the last one was lost.
      this.#report();
    }, reportEveryMs);
  }

  static async to(address: string): Promise<ProgressReports> {
    const reports = new ProgressReports();
    const [host = '', port] = address.split(':');
    const connected = once(reports.#socket, 'connect');
    reports.#socket.connect(Number(port), host);
    await connected;
    return reports;
  }

  /** @param next - the number after the highest one received */
  update(next: number): void {
    this.#next = next;
    if (next - this.#reported >= reportEvery) this.#report();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#socket.close();
  }

  #report(): void {
    this.#reported = this.#next;
    const report = Buffer.allocUnsafe(4);
    report.writeUInt32LE(this.#next);
    this.#socket.send(report);
  }
}

/** The progress of all subscribers, as the publisher knows it. */
export class Progress {
  readonly #socket: Socket;
  readonly #bySender = new Map<number, number>();
  #least = 0;
  #subscribers = 0;
  #changed: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (report, { port }) => {
      this.#take(port, report.readUInt32LE());
    });
  }

  static async open(host: string): Promise<Progress> {
    const socket = createSocket('udp4');
    const listening = once(socket, 'listening');
    socket.bind(0, host);
    await listening;
    return new Progress(socket);
  }

  get address(): string {
    const { address, port } = this.#socket.address();
    return `${address}:${port}`;
  }

  /** How many messages every subscriber has passed. */
  get least(): number {
    return this.#bySender.size < this.#subscribers ? 0 : this.#least;
  }

  /** Starts at 0 with this many subscribers. */
  reset(subscribers: number): void {
    this.#subscribers = subscribers;
    this.#bySender.clear();
    this.#least = 0;
  }

  /** Resolves with true at the next progress of the slowest subscriber, or with false after `ms` milliseconds. */
  change(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#changed = undefined;
        resolve(false);
      }, ms);
      this.#changed = () => {
        clearTimeout(timer);
        this.#changed = undefined;
        resolve(true);
      };
    });
  }

  close(): void {
    this.#socket.close();
  }

  #take(sender: number, next: number): void {
    if (next <= (this.#bySender.get(sender) ?? -1)) return;
    this.#bySender.set(sender, next);
    const least = Math.min(...this.#bySender.values());
    if (least <= this.#least || this.#bySender.size < this.#subscribers) return;
    this.#least = least;
    this.#changed?.();
  }
}

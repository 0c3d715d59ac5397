/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What the systems that are compared have in common.

/** The topic of all messages. */
export const topic = 'prices';

/** A process's part in a system. */
export interface BusClient {
  /** Resolves when this process is connected with all others. */
  ready(): Promise<void>;
  /**
   * Publishes a message, whose bytes do not change any more. Undefined if the system does not say when the message was
   * handed to the network.
   */
  publish(payload: Buffer): Promise<unknown> | undefined;
  /** What the system itself reports about lost messages; undefined if none are. */
  problem?(): string | undefined;
  /** Whether `publish` rejected because its queue is full: the message is published again later. */
  isFull?(error: unknown): boolean;
}

/** Receives a subscriber's messages. */
export type Handler = (payload: Uint8Array) => void;

/** The parts of `'ip:port'`. */
export function hostAndPort(address: string | undefined): { host: string; port: number } {
  const [host = '', port] = address?.split(':') ?? [];
  return { host, port: Number(port) };
}

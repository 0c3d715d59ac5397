/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The addresses of the nodes: each on its own loopback address and all on the same port, as on separate
// machines. They are checked before anything is started.
import { isIPv4 } from 'node:net';
import { NetTransport } from 'node-memberlist';

/** The address that one node binds. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

/** The addresses of all nodes. */
export interface Places {
  readonly places: readonly Place[];
  /** What the user should know about the choice. */
  readonly note: string | undefined;
}

/** An address that cannot be bound; the message is for the user. */
export class AddressError extends Error {
  override readonly name = 'AddressError';
}

/**
 * 127.0.0.1, 127.0.0.2, … on one port; or, where only the first address exists (macOS), 127.0.0.1 with one
 * port each.
 *
 * @throws AddressError if a port is in use
 */
export async function chooseAddresses(count: number, port: number): Promise<Places> {
  const addresses = range(count).map((index) => ({ host: `127.0.0.${index + 1}`, port }));
  const missing = await firstMissing(addresses);
  if (missing === undefined) return { places: addresses, note: undefined };

  const ports = range(count).map((index) => ({ host: '127.0.0.1', port: port + index }));
  const stillMissing = await firstMissing(ports);
  if (stillMissing !== undefined) throw new AddressError(`${stillMissing.host} cannot be bound`);
  const note = `no ${missing.host} here: 127.0.0.1 and ports ${port}–${port + count - 1}`;
  return { places: ports, note };
}

/** `'127.0.0.1–5:7946'`, for people. */
export function describeAddresses(places: readonly Place[]): string {
  const [first, last] = [places[0], places.at(-1)];
  if (first === undefined || last === undefined || !isIPv4(first.host)) return 'nowhere';
  return first.host === last.host
    ? `${first.host}:${first.port}–${last.port}`
    : `${first.host}–${last.host.slice(last.host.lastIndexOf('.') + 1)}:${first.port}`;
}

async function firstMissing(places: readonly Place[]): Promise<Place | undefined> {
  for (const place of places) {
    if (!(await exists(place))) return place;
  }
  return undefined;
}

// Binds UDP and TCP like the node will, and closes both again.
async function exists({ host, port }: Place): Promise<boolean> {
  const transport = new NetTransport({ bindAddr: host, bindPort: port });
  try {
    await transport.start({ packet: () => undefined, stream: (stream) => stream.close() });
    return true;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EADDRNOTAVAIL') return false;
    if (code !== 'EADDRINUSE') throw new AddressError(message, { cause: error });
    const advice = 'stop the process that uses it, or choose another port with --port';
    throw new AddressError(`port ${port} on ${host} is in use; ${advice}`, { cause: error });
  } finally {
    await transport.shutdown();
  }
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

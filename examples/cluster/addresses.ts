/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Where the nodes live: each on a loopback address of its own and all on the same port, as they
// would on machines of their own. Tried before anything is started.
import { isIPv4 } from 'node:net';
import { NetTransport } from 'node-memberlist';

/** What one node binds. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

/** Places for all nodes. */
export interface Places {
  readonly places: readonly Place[];
  /** What the user should know about the choice. */
  readonly note: string | undefined;
}

/** A place that cannot be bound, in words for the user. */
export class PlaceError extends Error {
  override readonly name = 'PlaceError';
}

/**
 * 127.0.0.1, 127.0.0.2, … on one port; or where only the first of them exists (macOS), 127.0.0.1
 * with one port each.
 *
 * @throws PlaceError when a port is taken
 */
export async function choosePlaces(count: number, port: number): Promise<Places> {
  const addresses = range(count).map((index) => ({ host: `127.0.0.${index + 1}`, port }));
  const missing = await firstMissing(addresses);
  if (missing === undefined) return { places: addresses, note: undefined };

  const ports = range(count).map((index) => ({ host: '127.0.0.1', port: port + index }));
  const stillMissing = await firstMissing(ports);
  if (stillMissing !== undefined) throw new PlaceError(`${stillMissing.host} cannot be bound`);
  const note = `no ${missing.host} here: 127.0.0.1 and ports ${port}–${port + count - 1}`;
  return { places: ports, note };
}

/** `'127.0.0.1–5:7946'`, for people. */
export function describePlaces(places: readonly Place[]): string {
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

// Binds UDP and TCP as the node will, and lets go again.
async function exists({ host, port }: Place): Promise<boolean> {
  const transport = new NetTransport({ bindAddr: host, bindPort: port });
  try {
    await transport.start({ packet: () => undefined, stream: (stream) => stream.close() });
    return true;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EADDRNOTAVAIL') return false;
    if (code !== 'EADDRINUSE') throw new PlaceError(message, { cause: error });
    const advice = 'stop what uses it, or choose another with --port';
    throw new PlaceError(`port ${port} on ${host} is taken; ${advice}`, { cause: error });
  } finally {
    await transport.shutdown();
  }
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

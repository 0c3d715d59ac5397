/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Finds the interfaces of the default routes. Linux lists its routes in /proc. On other systems, a UDP socket is
// connected to a remote address and then has the address of the route's interface; connecting it sends nothing.
import { createSocket } from 'node:dgram';
import { readFile } from 'node:fs/promises';

/** The default routes, the best first: names of interfaces, or local addresses of interfaces. */
export type DefaultRoutes = readonly string[];

/** Addresses for documentation (RFC 5737, RFC 3849): no host has them, so only the default route matches. */
const DOCUMENTATION_ADDRESS = { udp4: '192.0.2.1', udp6: '2001:db8::1' } as const;
/** The discard service. Nothing is sent to it. */
const DISCARD_PORT = 9;
const RTF_UP = 0x1;
const RTF_REJECT = 0x200;

/** The default routes of this machine, IPv4 before IPv6; empty if there are none. Never rejects. */
export async function findDefaultRoutes(): Promise<DefaultRoutes> {
  try {
    const routes = ipv4DefaultRoutes(await readFile('/proc/net/route', 'latin1'));
    const ipv6 = await readFile('/proc/net/ipv6_route', 'latin1').catch(() => '');
    return [...routes, ...ipv6DefaultRoutes(ipv6)];
  } catch {
    const found = await Promise.all([localAddressFor('udp4'), localAddressFor('udp6')]);
    return found.filter((address) => address !== undefined);
  }
}

/** The interfaces of the default routes in `/proc/net/route`, by ascending metric. */
export function ipv4DefaultRoutes(table: string): string[] {
  const routes = rowsOf(table).map(([name, to, , flags, , , metric, mask]) => ({
    name,
    isDefault: Number.parseInt(`${to}${mask}`, 16) === 0,
    flags: Number.parseInt(flags ?? '', 16),
    metric: Number.parseInt(metric ?? '', 10),
  }));
  return namesOf(routes);
}

/** The interfaces of the default routes in `/proc/net/ipv6_route`, by ascending metric. */
export function ipv6DefaultRoutes(table: string): string[] {
  const routes = rowsOf(table).map(([to, length, , , , metric, , , flags, name]) => ({
    name,
    isDefault: Number.parseInt(`${to}${length}`, 16) === 0,
    flags: Number.parseInt(flags ?? '', 16),
    metric: Number.parseInt(metric ?? '', 16),
  }));
  return namesOf(routes);
}

interface Route {
  readonly name: string | undefined;
  readonly isDefault: boolean;
  readonly flags: number;
  readonly metric: number;
}

function rowsOf(table: string): string[][] {
  return table.split('\n').map((line) => line.trim().split(/\s+/));
}

function namesOf(routes: readonly Route[]): string[] {
  const usable = routes.filter(
    ({ isDefault, flags }) => isDefault && (flags & RTF_UP) !== 0 && (flags & RTF_REJECT) === 0,
  );
  const names = usable.sort((a, b) => a.metric - b.metric).map(({ name }) => name);
  return [...new Set(names.filter((name) => name !== undefined && name !== 'lo'))] as string[];
}

/** The local address of the default route; undefined when there is none. */
export function localAddressFor(
  type: keyof typeof DOCUMENTATION_ADDRESS,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(type);
    const end = (address?: string): void => {
      socket.removeAllListeners();
      socket.close();
      resolve(address);
    };
    socket.once('error', () => end());
    socket.once('connect', () => end(socket.address().address));
    socket.connect(DISCARD_PORT, DOCUMENTATION_ADDRESS[type]);
  });
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Sends packets by their destination: parses each `'ip:port'` once and chooses the UDP socket for it.
import { ipFromBytes, ipToBytes, splitHostPort } from '../wire/address.js';
import { codedError } from './coded-error.js';
import { SocketPicker, type NetworkContext } from './pick-socket.js';
import type { UdpSocket } from './udp.js';

/** Maximum number of cached destinations; with more peers, some are parsed again. */
const maxRoutes = 4096;

interface Route {
  readonly socket: UdpSocket;
  readonly ip: string;
  readonly port: number;
}

/** The destinations of one transport. */
export class UdpRoutes {
  readonly #sockets: readonly UdpSocket[];
  readonly #picker: SocketPicker<UdpSocket>;
  readonly #routes = new Map<string, Route>();

  /** @param sockets - all bound sockets of the transport */
  constructor(sockets: readonly UdpSocket[], network: NetworkContext) {
    this.#sockets = sockets;
    this.#picker = new SocketPicker(sockets, network);
  }

  /**
   * Sends one datagram to an `'ip:port'`.
   *
   * @returns a promise that rejects with the system's error
   * @throws Error with the code EINVAL for an invalid address, EAFNOSUPPORT or EADDRNOTAVAIL when no socket reaches it
   */
  send(packet: Buffer, addr: string): Promise<void> {
    const { socket, ip, port } = this.#routeTo(addr);
    return socket.send(packet, ip, port);
  }

  #routeTo(addr: string): Route {
    const known = this.#routes.get(addr);
    if (known) return known;
    const target = parseTarget(addr);
    const route = { ...target, socket: this.#socketFor(target.ip) };
    if (this.#routes.size >= maxRoutes) this.#routes.clear();
    this.#routes.set(addr, route);
    return route;
  }

  #socketFor(ip: string): UdpSocket {
    const socket = this.#picker.pick(ip);
    if (socket) return socket;
    const isIpv6 = ip.includes(':');
    const family = isIpv6 ? 'IPv6' : 'IPv4';
    if (this.#sockets.some((each) => each.isIpv6 === isIpv6)) {
      const message = `cannot send to ${ip}: only loopback addresses are bound for ${family}`;
      throw codedError(message, { code: 'EADDRNOTAVAIL' });
    }
    const message = `cannot send to ${ip}: no ${family} address is bound`;
    throw codedError(message, { code: 'EAFNOSUPPORT' });
  }
}

/**
 * Parses an `'ip:port'`. A link-local IPv6 address may have a zone, as sockets report it.
 *
 * @throws Error with the code EINVAL for any other text
 */
export function parseTarget(addr: string): { ip: string; port: number } {
  const zone = /%[^\]]+(?=\]:)/.exec(addr)?.[0] ?? '';
  const parts = splitHostPort(addr.replace(zone, ''));
  const bytes = parts && ipToBytes(parts.host);
  const ip = bytes && ipFromBytes(bytes);
  if (ip === undefined || parts === undefined || parts.port === 0) {
    throw codedError(`"${addr}" is not an 'ip:port'`, { code: 'EINVAL' });
  }
  return { ip: ip + zone, port: parts.port };
}

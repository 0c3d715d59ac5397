/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Chooses one of several bound UDP sockets for a packet. The system takes the source address from the socket. A packet
// with an unsuitable source, such as loopback to another host, is not sent or never answered.
import { BlockList } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';
import { isLoopbackIp } from './advertise.js';
import type { DefaultRoutes } from './default-route.js';

/** The properties of a socket that the choice depends on. */
export interface BoundSocket {
  /** The bound IP. */
  readonly address: string;
  readonly isIpv6: boolean;
  /** Whether IPv4 can be reached through this IPv6 socket. */
  readonly isDualStack: boolean;
}

/** The network interfaces and routes of the host. */
export interface NetworkContext {
  /** The result of `os.networkInterfaces()`. */
  readonly interfaces: NodeJS.Dict<readonly NetworkInterfaceInfo[]>;
  readonly defaultRoutes: DefaultRoutes;
}

/** Chooses one of the sockets of a transport for each destination. */
export class SocketPicker<S extends BoundSocket> {
  readonly #sockets: readonly S[];
  /** The network of each socket's address. */
  readonly #networks = new Map<S, BlockList>();
  /** The sockets whose interface has a default route. */
  readonly #routed = new Set<S>();

  constructor(sockets: readonly S[], { interfaces, defaultRoutes }: NetworkContext) {
    this.#sockets = sockets;
    for (const [name, infos] of Object.entries(interfaces)) {
      const isRouted =
        defaultRoutes.includes(name) ||
        infos?.some(({ address }) => defaultRoutes.includes(address));
      for (const { address, cidr, family } of infos ?? []) {
        const socket = sockets.find((each) => each.address.replace(/%.*$/, '') === address);
        const length = Number(cidr?.split('/')[1] ?? NaN);
        if (socket === undefined || Number.isNaN(length)) continue;
        if (isRouted === true) this.#routed.add(socket);
        const network = new BlockList();
        network.addSubnet(address, length, family === 'IPv4' ? 'ipv4' : 'ipv6');
        this.#networks.set(socket, network);
      }
    }
  }

  /**
   * The socket for a destination: of the same family, and not bound to loopback if the destination is another host.
   * Among these: a socket in the same network, otherwise a socket bound to all addresses, otherwise a socket whose
   * interface has a default route, otherwise the first one.
   *
   * @returns undefined when no socket can reach the destination
   */
  pick(ip: string): S | undefined {
    const isIpv6 = ip.includes(':');
    const plainIp = ip.replace(/%.*$/, '');
    const isLoopback = isLoopbackIp(plainIp);
    const ofFamily = this.#sockets.filter((socket) => socket.isIpv6 === isIpv6);
    const candidates =
      isIpv6 || ofFamily.length > 0 ? ofFamily : this.#sockets.filter((s) => s.isDualStack);
    // With a single socket there is no choice; the system reports an error if it does not fit.
    if (this.#sockets.length === 1) return candidates[0];
    const usable = candidates.filter((socket) => isLoopback || !isLoopbackIp(socket.address));
    const family = isIpv6 ? 'ipv6' : 'ipv4';
    return (
      usable.find((socket) => this.#networks.get(socket)?.check(plainIp, family) === true) ??
      usable.find((socket) => socket.address === '0.0.0.0' || socket.address === '::') ??
      usable.find((socket) => this.#routed.has(socket)) ??
      usable[0]
    );
  }
}

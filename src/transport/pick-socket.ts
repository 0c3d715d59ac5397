/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Which of several bound UDP sockets a packet leaves by. The system takes the source address from the socket,
// and a packet with a source that does not fit, such as loopback on its way to another host, is not sent at
// all or never answered.
import { BlockList } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';
import { isLoopbackIp } from './advertise.js';
import type { DefaultRoutes } from './default-route.js';

/** What the choice sees of a socket. */
export interface BoundSocket {
  /** The bound IP. */
  readonly address: string;
  readonly isIpv6: boolean;
  /** Whether IPv4 can be reached through this IPv6 socket. */
  readonly isDualStack: boolean;
}

/** What the sockets are chosen by. */
export interface Surroundings {
  /** As `os.networkInterfaces()` gives them. */
  readonly interfaces: NodeJS.Dict<readonly NetworkInterfaceInfo[]>;
  readonly defaultRoutes: DefaultRoutes;
}

/** Chooses among the sockets of one transport. */
export class SocketPicker<S extends BoundSocket> {
  readonly #sockets: readonly S[];
  /** The networks that each socket's address is in. */
  readonly #networks = new Map<S, BlockList>();
  /** Those whose interface has a default route. */
  readonly #routed = new Set<S>();

  constructor(sockets: readonly S[], { interfaces, defaultRoutes }: Surroundings) {
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
   * The socket for a destination: of its family, and never a loopback one for another host. Among these, one
   * in the same network, else one that is bound to all addresses, else one whose interface has a default
   * route, else the first.
   *
   * @returns undefined when none can reach it
   */
  pick(ip: string): S | undefined {
    const isIpv6 = ip.includes(':');
    const plainIp = ip.replace(/%.*$/, '');
    const isLoopback = isLoopbackIp(plainIp);
    const ofFamily = this.#sockets.filter((socket) => socket.isIpv6 === isIpv6);
    const able =
      isIpv6 || ofFamily.length > 0 ? ofFamily : this.#sockets.filter((s) => s.isDualStack);
    // With a single address the user has no other choice to offer; the system says what it thinks of it.
    if (this.#sockets.length === 1) return able[0];
    const usable = able.filter((socket) => isLoopback || !isLoopbackIp(socket.address));
    const family = isIpv6 ? 'ipv6' : 'ipv4';
    return (
      usable.find((socket) => this.#networks.get(socket)?.check(plainIp, family) === true) ??
      usable.find((socket) => socket.address === '0.0.0.0' || socket.address === '::') ??
      usable.find((socket) => this.#routed.has(socket)) ??
      usable[0]
    );
  }
}

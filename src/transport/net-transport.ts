/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The default transport: UDP for packets and TCP for streams, both on the same port of every bound address.
import { type Socket, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../core/ports.js';
import { ConfigError, ShutdownError } from '../errors.js';
import { systemClock } from '../runtime/system-clock.js';
import { type Address, joinHostPort, splitHostPort } from '../wire/address.js';
import { chooseAdvertiseAddr, isLoopbackIp } from './advertise.js';
import { findDefaultRoutes, type DefaultRoutes } from './default-route.js';
import {
  descriptorLimit,
  descriptorOf,
  isReservedDescriptor,
  maxInboundStreams,
} from './descriptors.js';
import { plainIp } from './plain-ip.js';
import { SocketSet } from './socket-set.js';
import { TcpListener, dialTcp } from './tcp.js';
import { TcpConnection } from './tcp-connection.js';
import type { Connection, Transport, TransportHandlers } from './transport.js';
import { UdpSocket } from './udp.js';
import { UdpRoutes, parseTarget } from './udp-routes.js';

const defaultBindAddr = '0.0.0.0';
const defaultBindPort = 7946;
/** For port 0: the number of attempts to pick a port that is free for UDP and TCP on every address. */
const portTries = 10;
/** Maximum number of closed streams that wait for the far end to close; fewer where descriptors are scarce. */
const maxLingering = 128;

/** The addresses and the clock of a {@link NetTransport}. */
export interface NetTransportOptions {
  /**
   * One IP or several; the default is `0.0.0.0`. `::` alone, or with other IPv6 addresses only, is dual-stack: it also
   * sends to and receives from IPv4 peers, with plain IPv4 addresses.
   */
  readonly bindAddr?: string | readonly string[] | undefined;
  /** The port for UDP and TCP on every address: 0 to 65535, where 0 picks a free one. The default is 7946. */
  readonly bindPort?: number | undefined;
  /** The clock for `receivedAt`; pass the clock of the Memberlist. The default is the system clock. */
  readonly clock?: Clock | undefined;
}

/** Sends packets over UDP and streams over TCP. Its sockets keep the process alive until `shutdown` or `unref`. */
export class NetTransport implements Transport {
  readonly #bindAddrs: readonly string[];
  readonly #bindPort: number;
  readonly #clock: Clock;
  readonly #udpSockets: UdpSocket[] = [];
  readonly #listeners: TcpListener[] = [];
  readonly #streams = new SocketSet();
  #state: 'new' | 'starting' | 'running' | 'closed' = 'new';
  #starting: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  readonly #descriptorLimit = descriptorLimit();
  /** Maximum number of concurrent inbound streams, so that descriptors remain for everything else. */
  readonly maxStreams = maxInboundStreams(this.#descriptorLimit, process.platform);
  #routes: UdpRoutes | undefined;
  #defaultRoutes: DefaultRoutes = [];
  #boundPort: number | undefined;

  /** @throws ConfigError when an address is not an IP, or the port is out of range. */
  constructor(options: NetTransportOptions = {}) {
    const { bindAddr = defaultBindAddr, bindPort = defaultBindPort } = options;
    this.#bindAddrs = [...new Set(typeof bindAddr === 'string' ? [bindAddr] : bindAddr)];
    this.#bindPort = bindPort;
    this.#clock = options.clock ?? systemClock;
    this.#streams.maxLingering = Math.min(maxLingering, Math.ceil(this.maxStreams / 8));
    if (this.#bindAddrs.length === 0 || this.#bindAddrs.some((address) => isIP(address) === 0)) {
      const rule = 'must be an IP address, or a list of one or more';
      throw new ConfigError([{ field: 'bindAddr', value: bindAddr, rule }]);
    }
    if (!Number.isInteger(bindPort) || bindPort < 0 || bindPort > 0xffff) {
      const rule = 'must be a whole number from 0 (pick one) to 65535';
      throw new ConfigError([{ field: 'bindPort', value: bindPort, rule }]);
    }
  }

  /**
   * The bound port, never 0.
   *
   * @throws Error before `start` has resolved.
   */
  get port(): number {
    if (this.#boundPort === undefined) throw new Error('the transport has not been started');
    return this.#boundPort;
  }

  start(handlers: TransportHandlers): Promise<void> {
    if (this.#state === 'closed') return Promise.reject(new ShutdownError('start'));
    if (this.#state !== 'new') return Promise.reject(new Error('a transport is started once'));
    this.#state = 'starting';
    this.#starting = this.#open(handlers);
    return this.#starting;
  }

  finalAdvertiseAddr(
    addr: string | undefined,
    port: number | undefined,
  ): { addr: string; port: number } {
    const bound = this.#udpSockets.map(({ address }) => address);
    const { port: boundPort } = this;
    const options = { given: addr, bound, interfaces: networkInterfaces() };
    return {
      addr: chooseAdvertiseAddr({ ...options, defaultRoutes: this.#defaultRoutes }),
      port: port ?? boundPort,
    };
  }

  isOwn(addr: string): boolean {
    const parts = splitHostPort(addr);
    if (parts === undefined || parts.port !== this.#boundPort) return false;
    const ip = plainIp(parts.host);
    const isBound = this.#udpSockets.some(
      ({ address, isIpv6, isDualStack }) =>
        address === ip ||
        (ip.includes(':') ? isIpv6 && address === '::' : isDualStack || address === '0.0.0.0'),
    );
    return isBound && this.isLocal(ip);
  }

  isLocal(ip: string): boolean {
    if (isLoopbackIp(ip)) return true;
    const all = Object.values(networkInterfaces());
    return all.some((infos) => infos?.some(({ address }) => address === ip));
  }

  async writeTo(packet: Buffer, to: Address): Promise<void> {
    this.#assertRunning('writeTo');
    await this.#routes?.send(packet, to.addr);
  }

  async dial(
    to: Address,
    { timeout, signal }: { timeout: number; signal?: AbortSignal | undefined },
  ): Promise<Connection> {
    this.#assertRunning('dial');
    const target = parseTarget(to.addr);
    return dialTcp({ ...target, timeout, signal, clock: this.#clock, sockets: this.#streams });
  }

  unref(): void {
    this.#keepAlive(false);
  }

  ref(): void {
    this.#keepAlive(true);
  }

  #keepAlive(isEnabled: boolean): void {
    this.#streams.keepAlive(isEnabled);
    for (const socket of [...this.#udpSockets, ...this.#listeners]) socket.keepAlive(isEnabled);
  }

  shutdown(): Promise<void> {
    this.#state = 'closed';
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    // A pending `start` notices the new state, closes its sockets and rejects.
    await this.#starting?.catch(() => undefined);
    await this.#closeSockets();
  }

  async #closeSockets(): Promise<void> {
    await Promise.all([
      ...this.#udpSockets.splice(0).map((socket) => socket.close()),
      ...this.#listeners.splice(0).map((listener) => listener.close()),
      this.#streams.destroyAll(new ShutdownError('stream')),
    ]);
    // Node emits 'close' before the system handles are closed. Two turns later they are.
    await turn();
    await turn();
  }

  async #open(handlers: TransportHandlers): Promise<void> {
    for (let tries = this.#bindPort === 0 ? portTries : 1; ; tries--) {
      try {
        await this.#bindAll(handlers);
        return;
      } catch (error) {
        await this.#closeSockets();
        if (tries > 1 && this.#state === 'starting' && isPortTaken(error)) continue;
        this.#state = 'closed';
        throw error;
      }
    }
  }

  async #bindAll(handlers: TransportHandlers): Promise<void> {
    // If an IPv4 socket is bound to the same port, `::` cannot be dual-stack, and need not be.
    const ipv6Only = this.#bindAddrs.some((address) => isIP(address) === 4);
    const failed = (error: unknown): void => {
      if (handlers.internalError === undefined) throw error;
      handlers.internalError(error);
    };
    const onSocket = (socket: Socket): void => {
      try {
        this.#accept(socket, handlers);
      } catch (error) {
        socket.destroy();
        failed(error);
      }
    };
    const onError = ({ code, message }: NodeJS.ErrnoException): void => {
      if (code === 'EMFILE' || code === 'ENFILE') handlers.descriptorsShort?.(message);
    };
    const onPacket = (packet: Buffer, ip: string, port: number): void => {
      if (this.#state !== 'running') return;
      try {
        handlers.packet(packet, { addr: joinHostPort(ip, port) }, this.#clock.now());
      } catch (error) {
        failed(error);
      }
    };
    let port = this.#bindPort;
    for (const address of this.#bindAddrs) {
      const listener = await TcpListener.bind({ address, port, ipv6Only, onSocket, onError });
      this.#listeners.push(listener);
      port = listener.port;
      this.#udpSockets.push(await UdpSocket.bind({ address, port, ipv6Only, onPacket }));
      if (this.#state !== 'starting') throw new ShutdownError('start');
    }
    this.#defaultRoutes = await findDefaultRoutes();
    if (this.#state !== 'starting') throw new ShutdownError('start');
    const { interfaces, defaultRoutes } = {
      interfaces: networkInterfaces(),
      defaultRoutes: this.#defaultRoutes,
    };
    this.#routes = new UdpRoutes(this.#udpSockets, { interfaces, defaultRoutes });
    this.#boundPort = port;
    this.#state = 'running';
  }

  #accept(socket: Socket, handlers: TransportHandlers): void {
    const { remoteAddress: ip, remotePort: port } = socket;
    this.#streams.add(socket);
    // A socket without an address was already reset by the peer.
    if (this.#state !== 'running' || ip === undefined || port === undefined) {
      socket.destroy();
      return;
    }
    const descriptor = descriptorOf(socket);
    const limit = this.#descriptorLimit;
    if (
      descriptor !== undefined &&
      limit !== undefined &&
      isReservedDescriptor(descriptor, limit)
    ) {
      socket.destroy();
      handlers.descriptorsShort?.(`${descriptor} of ${limit} are in use`);
      return;
    }
    const remoteAddress = joinHostPort(plainIp(ip), port);
    const clock = this.#clock;
    handlers.stream(new TcpConnection({ socket, remoteAddress, clock, sockets: this.#streams }));
  }

  #assertRunning(operation: string): void {
    if (this.#state === 'closed') throw new ShutdownError(operation);
    if (this.#state !== 'running') throw new Error(`${operation}: not started yet`);
  }
}

/** Whether the port is in use or reserved by the system, so that another port may work. */
function isPortTaken(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EADDRINUSE' || code === 'EACCES';
}

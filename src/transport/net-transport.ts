/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The transport of production: UDP for packets, TCP for streams, both on the same port of every
// bound address.

import { type Socket, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../core/ports.js';
import { ConfigError, ShutdownError } from '../errors.js';
import { systemClock } from '../runtime/system-clock.js';
import {
  type Address,
  ipFromBytes,
  ipToBytes,
  joinHostPort,
  splitHostPort,
} from '../wire/address.js';
import { chooseAdvertiseAddr, isLoopbackIp } from './advertise.js';
import { findDefaultRoutes, type DefaultRoutes } from './default-route.js';
import { descriptorLimit, descriptorOf, isAmongTheLast, mostStreams } from './descriptors.js';
import { SocketPicker } from './pick-socket.js';
import { SocketSet, TcpConnection, TcpListener, codedError, dialTcp, plainIp } from './tcp.js';
import type { Connection, Transport, TransportHandlers } from './transport.js';
import { UdpSocket } from './udp.js';

const defaultBindAddr = '0.0.0.0';
const defaultBindPort = 7946;
/** How often a port is picked, for port 0, until one is free for UDP and TCP on every address. */
const portTries = 10;
/** Parsed destinations that are remembered. Beyond that many peers some are parsed again. */
const routeLimit = 4096;
/** Closed streams that wait for the far end to close as well; fewer where descriptors are scarce. */
const mostLingering = 128;

/** What a {@link NetTransport} is bound to. */
export interface NetTransportOptions {
  /**
   * One IP or several; the default is `0.0.0.0`. `::` alone, or with IPv6 only, is dual-stack: IPv4
   * peers come and are reached through it, with plain IPv4 addresses.
   */
  readonly bindAddr?: string | readonly string[] | undefined;
  /** The port for UDP and TCP on every address, 0 to 65535; 0 picks one. The default is 7946. */
  readonly bindPort?: number | undefined;
  /** What `receivedAt` is told by; give it the Memberlist's. The system's by default. */
  readonly clock?: Clock | undefined;
}

interface Route {
  readonly socket: UdpSocket;
  readonly ip: string;
  readonly port: number;
}

/** Packets over UDP, streams over TCP. Its sockets keep the process alive until `shutdown` or `unref`. */
export class NetTransport implements Transport {
  readonly #bindAddrs: readonly string[];
  readonly #bindPort: number;
  readonly #clock: Clock;
  readonly #udpSockets: UdpSocket[] = [];
  readonly #listeners: TcpListener[] = [];
  readonly #streams = new SocketSet();
  readonly #routes = new Map<string, Route>();
  #state: 'new' | 'starting' | 'running' | 'closed' = 'new';
  #starting: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  readonly #descriptorLimit = descriptorLimit();
  /** Streams of others at once, so that descriptors are left for everything else. */
  readonly maxStreams = mostStreams(this.#descriptorLimit, process.platform);
  #picker: SocketPicker<UdpSocket> | undefined;
  #defaultRoutes: DefaultRoutes = [];
  #boundPort: number | undefined;

  /** @throws ConfigError when an address is not an IP, or the port is out of range. */
  constructor(options: NetTransportOptions = {}) {
    const { bindAddr = defaultBindAddr, bindPort = defaultBindPort } = options;
    this.#bindAddrs = [...new Set(typeof bindAddr === 'string' ? [bindAddr] : bindAddr)];
    this.#bindPort = bindPort;
    this.#clock = options.clock ?? systemClock;
    this.#streams.mostLingering = Math.min(mostLingering, Math.ceil(this.maxStreams / 8));
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
    const { socket, ip, port } = this.#routeTo(to.addr);
    await socket.send(packet, ip, port);
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

  #keepAlive(isKept: boolean): void {
    this.#streams.keepAlive(isKept);
    for (const socket of [...this.#udpSockets, ...this.#listeners]) socket.keepAlive(isKept);
  }

  shutdown(): Promise<void> {
    this.#state = 'closed';
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    // A start under way sees that it came too late, closes what it opened and rejects.
    await this.#starting?.catch(() => undefined);
    await this.#closeSockets();
  }

  async #closeSockets(): Promise<void> {
    await Promise.all([
      ...this.#udpSockets.splice(0).map((socket) => socket.close()),
      ...this.#listeners.splice(0).map((listener) => listener.close()),
      this.#streams.destroyAll(new ShutdownError('stream')),
    ]);
    // Node says 'close' before the system's handles are gone; two turns later they are.
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
    // Beside an IPv4 socket on the same port, `::` cannot have IPv4 as well, nor needs it.
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
    this.#picker = new SocketPicker(this.#udpSockets, { interfaces, defaultRoutes });
    this.#boundPort = port;
    this.#state = 'running';
  }

  #accept(socket: Socket, handlers: TransportHandlers): void {
    const { remoteAddress: ip, remotePort: port } = socket;
    this.#streams.add(socket);
    // Without an address it was reset before we saw it.
    if (this.#state !== 'running' || ip === undefined || port === undefined) {
      socket.destroy();
      return;
    }
    const descriptor = descriptorOf(socket);
    const limit = this.#descriptorLimit;
    if (descriptor !== undefined && limit !== undefined && isAmongTheLast(descriptor, limit)) {
      socket.destroy();
      handlers.descriptorsShort?.(`${descriptor} of ${limit} are in use`);
      return;
    }
    const remoteAddress = joinHostPort(plainIp(ip), port);
    const clock = this.#clock;
    handlers.stream(new TcpConnection({ socket, remoteAddress, clock, sockets: this.#streams }));
  }

  #routeTo(addr: string): Route {
    this.#assertRunning('writeTo');
    const known = this.#routes.get(addr);
    if (known) return known;
    const target = parseTarget(addr);
    const route = { ...target, socket: this.#socketFor(target.ip) };
    if (this.#routes.size >= routeLimit) this.#routes.clear();
    this.#routes.set(addr, route);
    return route;
  }

  #socketFor(ip: string): UdpSocket {
    const socket = this.#picker?.pick(ip);
    if (socket) return socket;
    const isIpv6 = ip.includes(':');
    const family = isIpv6 ? 'IPv6' : 'IPv4';
    if (this.#udpSockets.some((each) => each.isIpv6 === isIpv6)) {
      const message = `cannot send to ${ip}: only loopback addresses are bound for ${family}`;
      throw codedError(message, { code: 'EADDRNOTAVAIL' });
    }
    const message = `cannot send to ${ip}: no ${family} address is bound`;
    throw codedError(message, { code: 'EAFNOSUPPORT' });
  }

  #assertRunning(operation: string): void {
    if (this.#state === 'closed') throw new ShutdownError(operation);
    if (this.#state !== 'running') throw new Error(`${operation}: not started yet`);
  }
}

/** Only ports that somebody else has, or that the system keeps back, are worth another try. */
function isPortTaken(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EADDRINUSE' || code === 'EACCES';
}

/** Takes `'ip:port'` apart; a link-local IPv6 address may have its zone, as sockets give it. */
function parseTarget(addr: string): { ip: string; port: number } {
  const zone = /%[^\]]+(?=\]:)/.exec(addr)?.[0] ?? '';
  const parts = splitHostPort(addr.replace(zone, ''));
  const bytes = parts && ipToBytes(parts.host);
  const ip = bytes && ipFromBytes(bytes);
  if (ip === undefined || parts === undefined || parts.port === 0) {
    throw codedError(`"${addr}" is not an 'ip:port'`, { code: 'EINVAL' });
  }
  return { ip: ip + zone, port: parts.port };
}

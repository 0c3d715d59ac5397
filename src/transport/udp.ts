/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One bound UDP socket. Sending to an IP causes no name lookup and little allocation: a node sends
// thousands of packets per second while a large cluster changes.

import { type Socket, createSocket } from 'node:dgram';
import { isIP } from 'node:net';
import { joinHostPort } from '../wire/address.js';
import { codedError } from './coded-error.js';
import { plainIp } from './plain-ip.js';

/** The first requested size; the system may grant less. */
const receiveBufferBytes = 4 * 1024 * 1024;
const minReceiveBufferBytes = 16 * 1024;

/** The address of a UDP socket, and its callback. */
export interface UdpSocketOptions {
  /** An IP, without brackets. */
  readonly address: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Whether `::` accepts IPv6 only. */
  readonly ipv6Only: boolean;
  /** Called for each datagram; `fromIp` is plain IPv4 also if it arrived through a dual-stack socket. */
  readonly onPacket: (packet: Buffer, fromIp: string, fromPort: number) => void;
}

/** A bound UDP socket, created by {@link UdpSocket.bind}. */
export class UdpSocket {
  /** The bound IP. */
  readonly address: string;
  /** The bound port, never 0. */
  readonly port: number;
  readonly isIpv6: boolean;
  /** Whether IPv4 can be reached through this IPv6 socket. */
  readonly isDualStack: boolean;
  readonly #socket: Socket;

  /**
   * Binds.
   *
   * @returns a promise that rejects with an error that names address and port and has the system's
   * error as `cause` and its `code`; then nothing stays open.
   */
  static bind(options: UdpSocketOptions): Promise<UdpSocket> {
    const { address, port, ipv6Only } = options;
    return new Promise((resolve, reject) => {
      const socket = createSocket(
        isIP(address) === 6
          ? { type: 'udp6', ipv6Only, lookup: answerIp }
          : { type: 'udp4', lookup: answerIp },
      );
      const fail = (cause: Error): void => {
        socket.close();
        const where = joinHostPort(address, port);
        reject(codedError(`cannot bind UDP ${where}: ${cause.message}`, cause));
      };
      socket.once('error', fail);
      socket.once('listening', () => {
        // Errors of a bound socket concern single packets, and UDP may lose packets anyway.
        socket.on('error', () => undefined);
        socket.off('error', fail);
        growReceiveBuffer(socket);
        resolve(new UdpSocket(socket, options));
      });
      // Exclusive: workers of a `node:cluster` must not share the port implicitly.
      socket.bind({ address, port, exclusive: true });
    });
  }

  private constructor(socket: Socket, { ipv6Only, onPacket }: UdpSocketOptions) {
    const bound = socket.address();
    this.#socket = socket;
    this.address = bound.address;
    this.port = bound.port;
    this.isIpv6 = bound.family === 'IPv6';
    this.isDualStack = bound.address === '::' && !ipv6Only;
    socket.on('message', (packet, from) => onPacket(packet, plainIp(from.address), from.port));
  }

  /**
   * Sends one datagram.
   *
   * @param ip - an IP that this socket's family can reach; IPv4 is mapped to IPv6 if necessary
   * @returns a promise that rejects with the system's error
   */
  send(packet: Buffer, ip: string, port: number): Promise<void> {
    const target = this.isIpv6 && !ip.includes(':') ? `::ffff:${ip}` : ip;
    return new Promise((resolve, reject) => {
      this.#socket.send(packet, port, target, (error) => {
        if (error === null) resolve();
        else reject(error);
      });
    });
  }

  /** Sets whether the socket keeps the process alive; by default it does. */
  keepAlive(isEnabled: boolean): void {
    if (isEnabled) this.#socket.ref();
    else this.#socket.unref();
  }

  /** Closes the socket. No datagram is delivered after this call. Call it once. */
  close(): Promise<void> {
    this.#socket.removeAllListeners('message');
    return new Promise((resolve) => {
      this.#socket.close(() => resolve());
    });
  }
}

/** Replaces `dns.lookup`, which dgram would otherwise call for every packet. */
function answerIp(
  hostname: string,
  _options: unknown,
  callback: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
): void {
  const family = isIP(hostname);
  const error = family === 0 ? codedError(`"${hostname}" is not an IP`, { code: 'EINVAL' }) : null;
  callback(error, hostname, family);
}

/** While the event loop is busy, a burst must wait in the kernel. Some systems refuse a size, some grant less. */
function growReceiveBuffer(socket: Socket): void {
  for (let bytes = receiveBufferBytes; bytes >= minReceiveBufferBytes; bytes /= 2) {
    try {
      socket.setRecvBufferSize(bytes);
      return;
    } catch {
      // Retry with half the size; finally the system default remains.
    }
  }
}

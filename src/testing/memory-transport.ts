/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import type { Clock } from '../core/ports.js';
import { ShutdownError } from '../errors.js';
import { abortError, codedError } from '../transport/tcp.js';
import type { Connection, Transport, TransportHandlers } from '../transport/transport.js';
import { type Address, ipToBytes, joinHostPort, splitHostPort } from '../wire/address.js';
import { MemoryConnection, type Pipe } from './memory-connection.js';

/** The most that fits into one UDP packet over IPv4, in bytes. */
const largestPacket = 65_507;
const firstEphemeralPort = 49_152;

/** Who lives at an address of a network. */
export interface Inhabitant {
  /** A packet arrived; `from` is an `'ip:port'`. */
  receive(packet: Buffer, from: string): void;
  /** Somebody opens a stream; `near` is the end of whoever does, `homeward` leads there. */
  accept(near: MemoryConnection, homeward: Pipe, from: string): void;
}

/** What a transport needs from its network. */
export interface Ether {
  readonly clock: Clock;
  attach(addr: string, inhabitant: Inhabitant): boolean;
  detach(addr: string): void;
  inhabitantAt(addr: string): Inhabitant | undefined;
  carry(packet: Buffer, from: string, to: string): void;
  pipe(from: string, to: string): Pipe;
}

/** Where a {@link MemoryTransport} lives. */
export interface MemoryTransportInit {
  readonly addr: string;
  readonly ip: string;
  readonly port: number;
  readonly network: Ether;
}

/** A transport of a `MemoryNetwork`, made by that one's `transport`. */
export class MemoryTransport implements Transport, Inhabitant {
  readonly #init: MemoryTransportInit;
  readonly #connections = new Set<MemoryConnection>();
  readonly #dials = new Set<(error: Error) => void>();
  #handlers: TransportHandlers | undefined;
  #state: 'new' | 'running' | 'closed' = 'new';
  #streamsOpened = 0;

  constructor(init: MemoryTransportInit) {
    this.#init = init;
  }

  start(handlers: TransportHandlers): Promise<void> {
    return new Promise((resolve) => {
      if (this.#state === 'closed') throw new ShutdownError('start');
      if (this.#state !== 'new') throw new Error('a transport is started once');
      const { network, addr } = this.#init;
      if (!network.attach(addr, this)) {
        this.#state = 'closed';
        const message = `cannot bind ${addr}: another transport lives there`;
        throw codedError(message, { code: 'EADDRINUSE' });
      }
      this.#handlers = handlers;
      this.#state = 'running';
      resolve();
    });
  }

  finalAdvertiseAddr(
    addr: string | undefined,
    port: number | undefined,
  ): { addr: string; port: number } {
    return { addr: addr ?? this.#init.ip, port: port ?? this.#init.port };
  }

  writeTo(packet: Buffer, { addr }: Address): Promise<void> {
    return new Promise((resolve) => {
      this.#assertRunning('writeTo');
      const { network, addr: from } = this.#init;
      if (!network.inhabitantAt(addr)) assertIpPort(addr);
      if (packet.length > largestPacket) {
        const message = `a packet of ${packet.length} bytes to ${addr} is too large`;
        throw codedError(message, { code: 'EMSGSIZE' });
      }
      network.carry(packet, from, addr);
      resolve();
    });
  }

  dial(
    { addr: to }: Address,
    { timeout, signal }: { timeout: number; signal?: AbortSignal | undefined },
  ): Promise<Connection> {
    return new Promise((resolve, reject) => {
      this.#assertRunning('dial');
      assertIpPort(to);
      const timedOut = `dialing ${to} timed out after ${timeout} ms`;
      if (signal?.aborted) throw abortError(signal);
      if (!(timeout > 0)) throw codedError(timedOut, { code: 'ETIMEDOUT' });

      const near = this.#opener(to, (connected, failure) => {
        timer.cancel();
        signal?.removeEventListener('abort', abort);
        if (failure) reject(failure);
        else resolve(connected);
      });
      const abort = (): void => near.giveUp(abortError(signal));
      const timer = this.#init.network.clock.setTimer(timeout, () => {
        near.giveUp(codedError(timedOut, { code: 'ETIMEDOUT' }));
      });
      signal?.addEventListener('abort', abort);
    });
  }

  shutdown(): Promise<void> {
    if (this.#state === 'running') this.#init.network.detach(this.#init.addr);
    this.#state = 'closed';
    this.#handlers = undefined;
    for (const giveUp of [...this.#dials]) giveUp(new ShutdownError('dial'));
    for (const connection of [...this.#connections]) connection.break(new ShutdownError('stream'));
    return Promise.resolve();
  }

  /** For the network: a packet arrived. */
  receive(packet: Buffer, from: string): void {
    this.#handlers?.packet(packet, { addr: from }, this.#init.network.clock.now());
  }

  /** For the network: somebody opens a stream. */
  accept(near: MemoryConnection, homeward: Pipe, remoteAddress: string): void {
    const far = this.#connection(remoteAddress, homeward);
    MemoryConnection.join(near, far);
    this.#connections.add(far);
    this.#handlers?.stream(far);
  }

  /** Knocks at `to`; `done` is called once, with how that ended. */
  #opener(
    to: string,
    done: (connected: Connection, failure: Error | undefined) => void,
  ): { giveUp: (error: Error) => void } {
    const { network, addr: from, ip } = this.#init;
    const outward = network.pipe(from, to);
    const homeward = network.pipe(to, from);
    const near = this.#connection(to, outward);
    let settled = false;
    const settle = (failure?: Error): void => {
      if (settled) return;
      settled = true;
      this.#dials.delete(settle);
      if (failure) near.break(failure);
      else this.#connections.add(near);
      done(near, failure);
    };
    this.#dials.add(settle);
    // As TCP's handshake: there and back again before anything else can be said.
    outward.put(() => {
      const host = network.inhabitantAt(to);
      const refused = codedError(`connect ECONNREFUSED ${to}`, { code: 'ECONNREFUSED' });
      homeward.put(() => settle(host ? undefined : refused));
      host?.accept(near, homeward, joinHostPort(ip, this.#nextEphemeralPort()));
    });
    return { giveUp: settle };
  }

  #connection(remoteAddress: string, outward: Pipe): MemoryConnection {
    const onDone = (connection: MemoryConnection): void => {
      this.#connections.delete(connection);
    };
    return new MemoryConnection({ remoteAddress, outward, onDone });
  }

  #nextEphemeralPort(): number {
    const offset = this.#streamsOpened++ % (2 ** 16 - firstEphemeralPort);
    return firstEphemeralPort + offset;
  }

  #assertRunning(operation: string): void {
    if (this.#state === 'closed') throw new ShutdownError(operation);
    if (this.#state !== 'running') throw new Error(`${operation}: not started yet`);
  }
}

function assertIpPort(addr: string): void {
  const target = splitHostPort(addr);
  if (target && target.port > 0 && ipToBytes(target.host)) return;
  throw codedError(`"${addr}" is not an 'ip:port'`, { code: 'EINVAL' });
}

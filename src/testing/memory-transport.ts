/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A transport of the in-memory network: the part that a node uses.

import type { Clock } from '../core/ports.js';
import { ShutdownError } from '../errors.js';
import { abortError, codedError } from '../transport/coded-error.js';
import type { Connection, Transport, TransportHandlers } from '../transport/transport.js';
import { type Address, ipToBytes, joinHostPort, splitHostPort } from '../wire/address.js';
import { limits } from '../wire/limits.js';
import { Gate } from './gate.js';
import { type Lifetime, MemoryConnection } from './memory-connection.js';
import type { Pipe } from './pipe.js';

const firstEphemeralPort = 49_152;

/** A stream that is being opened. */
export interface IncomingStream {
  /** The end of the transport that opens it. */
  readonly near: MemoryConnection;
  /** The direction back to that end. */
  readonly backward: Pipe;
  readonly lifetime: Lifetime;
  /** `'ip:port'` of the transport that opens it. */
  readonly from: string;
  /** The remote address that the accepting end sees. */
  readonly remoteAddress: string;
}

/** A transport that runs at an address of a network. */
export interface Endpoint {
  /** A packet arrived; `from` is an `'ip:port'`. */
  receive(packet: Buffer, from: string): void;
  /** Another transport opens a stream. */
  accept(stream: IncomingStream): void;
}

/** What a transport needs from its network. */
export interface TransportNetwork {
  readonly clock: Clock;
  attach(addr: string, endpoint: Endpoint): boolean;
  detach(addr: string): void;
  endpointAt(addr: string): Endpoint | undefined;
  /** The error code with which the sender's system refuses to send to an address, if it does. */
  sendErrorOf(from: string, to: string): string | undefined;
  carry(packet: Buffer, from: string, to: string): void;
  pipe(from: string, to: string): Pipe;
  /** Opens a stream. @returns how long it lasts */
  open(from: string, to: string): Lifetime;
  /** Reports data that was written to a stream. */
  written(data: Buffer, from: string, to: string): void;
}

/** The address and the environment of a {@link MemoryTransport}. */
export interface MemoryTransportInit {
  readonly addr: string;
  readonly ip: string;
  readonly port: number;
  readonly network: TransportNetwork;
  /** The clock of the node that uses it. */
  readonly clock: Clock;
}

/** A transport of a `MemoryNetwork`, created by `MemoryNetwork.transport`. */
// It has the members of `Endpoint`, but does not declare it: the published types omit them.
export class MemoryTransport implements Transport {
  /** Its address, `'ip:port'`. */
  readonly addr: string;
  /** Plaintext cannot be read on a network. */
  readonly isInProcess = true;
  /**
   * @internal Received data passes one gate, sent data the other. They stand between a process and its sockets:
   * what the system does on its own, such as TCP's handshake, passes neither.
   */
  readonly gates: { readonly inward: Gate; readonly outward: Gate };
  readonly #init: MemoryTransportInit;
  readonly #connections = new Set<MemoryConnection>();
  readonly #dials = new Set<(error: Error) => void>();
  #handlers: TransportHandlers | undefined;
  #state: 'new' | 'running' | 'closed' = 'new';
  #streamsOpened = 0;

  constructor(init: MemoryTransportInit) {
    this.#init = init;
    this.addr = init.addr;
    const { clock } = init.network;
    this.gates = { inward: new Gate(clock), outward: new Gate(clock) };
  }

  /** Whether it is started and not shut down. */
  get isRunning(): boolean {
    return this.#state === 'running';
  }

  /** Streams that are open or being opened. */
  get openStreams(): number {
    return this.#connections.size + this.#dials.size;
  }

  start(handlers: TransportHandlers): Promise<void> {
    return new Promise((resolve) => {
      if (this.#state === 'closed') throw new ShutdownError('start');
      if (this.#state !== 'new') throw new Error('a transport can be started only once');
      if (!this.#init.network.attach(this.addr, this)) {
        this.#state = 'closed';
        const message = `cannot bind ${this.addr}: another transport uses this address`;
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

  /** Rejects if the packet cannot be sent; otherwise there is nothing to wait for. */
  writeTo(packet: Buffer, { addr: to }: Address): Promise<void> | undefined {
    const { network } = this.#init;
    const failure =
      this.#failureOf('writeTo') ??
      (network.endpointAt(to) ? undefined : failureOfAddr(to)) ??
      failureOfSize(packet, to) ??
      this.#sendErrorOf('send', to);
    if (failure) return Promise.reject(failure);
    const { outward } = this.gates;
    if (outward.isClear) {
      network.carry(packet, this.addr, to);
    } else {
      const copy = Buffer.from(packet);
      outward.pass(() => network.carry(copy, this.addr, to));
    }
    return undefined;
  }

  dial(
    { addr: to }: Address,
    { timeout, signal }: { timeout: number; signal?: AbortSignal | undefined },
  ): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const failure =
        this.#failureOf('dial') ?? failureOfAddr(to) ?? this.#sendErrorOf('connect', to);
      if (failure) throw failure;
      const timedOut = `dialing ${to} timed out after ${timeout} ms`;
      if (signal?.aborted) throw abortError(signal);
      if (!(timeout > 0)) throw codedError(timedOut, { code: 'ETIMEDOUT' });

      const near = this.#openStream(to, (connected, failure) => {
        timer.cancel();
        signal?.removeEventListener('abort', abort);
        if (failure) reject(failure);
        else resolve(connected);
      });
      const abort = (): void => near.giveUp(abortError(signal));
      const timer = this.#init.clock.setTimer(timeout, () => {
        near.giveUp(codedError(timedOut, { code: 'ETIMEDOUT' }));
      });
      signal?.addEventListener('abort', abort);
    });
  }

  shutdown(): Promise<void> {
    this.#stop((connection) => connection.break(new ShutdownError('stream')));
    return Promise.resolve();
  }

  /** @internal Like `shutdown`, but without notifying peers: the far ends of streams wait forever. */
  vanish(): void {
    this.#stop((connection) => connection.vanish());
  }

  /** @internal Breaks all streams, at both ends. */
  breakStreams(): void {
    for (const connection of this.#connections) connection.breakBothEnds();
  }

  /** @internal A packet arrived. */
  receive(packet: Buffer, from: string): void {
    const { inward } = this.gates;
    if (inward.isClear) this.#read(packet, from);
    else inward.pass(() => this.#read(packet, from));
  }

  /** @internal Another transport opens a stream. */
  accept({ near, backward, lifetime, from, remoteAddress }: IncomingStream): void {
    const far = this.#connection({ remoteAddress, outward: backward, lifetime, to: from });
    MemoryConnection.join(near, far);
    this.#connections.add(far);
    this.gates.inward.pass(() => this.#handlers?.stream(far));
  }

  #read(packet: Buffer, from: string): void {
    this.#handlers?.packet(packet, { addr: from }, this.#init.clock.now());
  }

  #stop(end: (connection: MemoryConnection) => void): void {
    if (this.#state === 'running') this.#init.network.detach(this.addr);
    this.#state = 'closed';
    this.#handlers = undefined;
    this.gates.inward.discard();
    this.gates.outward.discard();
    for (const giveUp of [...this.#dials]) giveUp(new ShutdownError('dial'));
    for (const connection of [...this.#connections]) end(connection);
    this.#connections.clear();
  }

  /** Opens a stream to `to`; calls `done` once, with the result. */
  #openStream(
    to: string,
    done: (connected: Connection, failure: Error | undefined) => void,
  ): { giveUp: (error: Error) => void } {
    const { network, ip } = this.#init;
    const { inward, outward: outwardGate } = this.gates;
    const lifetime = network.open(this.addr, to);
    const outward = network.pipe(this.addr, to);
    const backward = network.pipe(to, this.addr);
    const near = this.#connection({ remoteAddress: to, outward, lifetime, to });
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
    const remoteAddress = joinHostPort(ip, this.#nextEphemeralPort());
    // Like TCP's handshake: one round trip before data can be sent.
    const connect = (): void => {
      const host = network.endpointAt(to);
      const refusal = (): Error | undefined =>
        host ? undefined : codedError(`connect ECONNREFUSED ${to}`, { code: 'ECONNREFUSED' });
      backward.put(0, () => inward.pass(() => settle(refusal())));
      host?.accept({ near, backward, lifetime, from: this.addr, remoteAddress });
    };
    outwardGate.pass(() => outward.put(0, connect));
    return { giveUp: settle };
  }

  #connection(init: {
    remoteAddress: string;
    outward: Pipe;
    lifetime: Lifetime;
    to: string;
  }): MemoryConnection {
    const { network } = this.#init;
    return new MemoryConnection({
      ...init,
      gates: this.gates,
      onWrite: (data) => network.written(data, this.addr, init.to),
      onDone: (connection) => this.#connections.delete(connection),
    });
  }

  #nextEphemeralPort(): number {
    const offset = this.#streamsOpened++ % (2 ** 16 - firstEphemeralPort);
    return firstEphemeralPort + offset;
  }

  #sendErrorOf(call: string, to: string): Error | undefined {
    const code = this.#init.network.sendErrorOf(this.addr, to);
    return code === undefined ? undefined : codedError(`${call} ${code} ${to}`, { code });
  }

  #failureOf(operation: string): Error | undefined {
    if (this.#state === 'running') return undefined;
    if (this.#state === 'closed') return new ShutdownError(operation);
    return new Error(`${operation}: the transport is not started`);
  }
}

function failureOfAddr(addr: string): Error | undefined {
  const target = splitHostPort(addr);
  if (target && target.port > 0 && ipToBytes(target.host)) return undefined;
  return codedError(`"${addr}" is not an 'ip:port'`, { code: 'EINVAL' });
}

function failureOfSize({ length }: Buffer, to: string): Error | undefined {
  if (length <= limits.packetBytes) return undefined;
  return codedError(`a packet of ${length} bytes to ${to} is too large`, { code: 'EMSGSIZE' });
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One transport of the in-memory network: what a node sees of it.

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

/** A stream that is being opened: its end there, and the way back. */
export interface Knock {
  readonly near: MemoryConnection;
  readonly homeward: Pipe;
  readonly lifetime: Lifetime;
  /** `'ip:port'` of the transport that opens it. */
  readonly from: string;
  /** What its far end will call it. */
  readonly remoteAddress: string;
}

/** Who lives at an address of a network. */
export interface Inhabitant {
  /** A packet arrived; `from` is an `'ip:port'`. */
  receive(packet: Buffer, from: string): void;
  /** Somebody opens a stream. */
  accept(knock: Knock): void;
}

/** What a transport needs from its network. */
export interface Ether {
  readonly clock: Clock;
  attach(addr: string, inhabitant: Inhabitant): boolean;
  detach(addr: string): void;
  inhabitantAt(addr: string): Inhabitant | undefined;
  /** The code of the error with which the sender's system refuses to send there, if it does. */
  sendErrorOf(from: string, to: string): string | undefined;
  carry(packet: Buffer, from: string, to: string): void;
  pipe(from: string, to: string): Pipe;
  /** A stream is about to be opened. */
  open(from: string, to: string): Lifetime;
  /** Something was written to a stream. */
  wrote(data: Buffer, from: string, to: string): void;
}

/** Where a {@link MemoryTransport} lives. */
export interface MemoryTransportInit {
  readonly addr: string;
  readonly ip: string;
  readonly port: number;
  readonly network: Ether;
  /** The clock of whoever uses it. */
  readonly clock: Clock;
}

/** A transport of a `MemoryNetwork`, made by that one's `transport`. */
// It is an `Inhabitant`, but does not say so: the published types have none of what makes it one.
export class MemoryTransport implements Transport {
  /** Where it lives, `'ip:port'`. */
  readonly addr: string;
  /** There is no network on which plaintext could be read. */
  readonly isInProcess = true;
  /**
   * @internal What arrives passes the one, what is sent passes the other. They are where a process
   * meets its sockets: what the system does by itself, such as TCP's handshake, passes neither.
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

  /** Whether it was started and not shut down. */
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
      if (this.#state !== 'new') throw new Error('a transport is started once');
      if (!this.#init.network.attach(this.addr, this)) {
        this.#state = 'closed';
        const message = `cannot bind ${this.addr}: another transport lives there`;
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

  /** Rejects when it cannot be sent; else there is nothing to wait for. */
  writeTo(packet: Buffer, { addr: to }: Address): Promise<void> | undefined {
    const { network } = this.#init;
    const failure =
      this.#failureOf('writeTo') ??
      (network.inhabitantAt(to) ? undefined : failureOfAddr(to)) ??
      failureOfSize(packet, to) ??
      this.#refusalOf('send', to);
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
        this.#failureOf('dial') ?? failureOfAddr(to) ?? this.#refusalOf('connect', to);
      if (failure) throw failure;
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

  /** @internal As `shutdown`, but nobody is told: the far ends of streams wait for ever. */
  vanish(): void {
    this.#stop((connection) => connection.vanish());
  }

  /** @internal Breaks all streams, at both ends. */
  breakStreams(): void {
    for (const connection of this.#connections) connection.breakOnTheWay();
  }

  /** @internal A packet arrived. */
  receive(packet: Buffer, from: string): void {
    const { inward } = this.gates;
    if (inward.isClear) this.#read(packet, from);
    else inward.pass(() => this.#read(packet, from));
  }

  /** @internal Somebody opens a stream. */
  accept({ near, homeward, lifetime, from, remoteAddress }: Knock): void {
    const far = this.#connection({ remoteAddress, outward: homeward, lifetime, to: from });
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

  /** Knocks at `to`; `done` is called once, with how that ended. */
  #opener(
    to: string,
    done: (connected: Connection, failure: Error | undefined) => void,
  ): { giveUp: (error: Error) => void } {
    const { network, ip } = this.#init;
    const { inward, outward: outwardGate } = this.gates;
    const lifetime = network.open(this.addr, to);
    const outward = network.pipe(this.addr, to);
    const homeward = network.pipe(to, this.addr);
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
    // As TCP's handshake: there and back again before anything else can be said.
    const knock = (): void => {
      const host = network.inhabitantAt(to);
      const refusal = (): Error | undefined =>
        host ? undefined : codedError(`connect ECONNREFUSED ${to}`, { code: 'ECONNREFUSED' });
      homeward.put(0, () => inward.pass(() => settle(refusal())));
      host?.accept({ near, homeward, lifetime, from: this.addr, remoteAddress });
    };
    outwardGate.pass(() => outward.put(0, knock));
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
      onWrite: (data) => network.wrote(data, this.addr, init.to),
      onDone: (connection) => this.#connections.delete(connection),
    });
  }

  #nextEphemeralPort(): number {
    const offset = this.#streamsOpened++ % (2 ** 16 - firstEphemeralPort);
    return firstEphemeralPort + offset;
  }

  #refusalOf(call: string, to: string): Error | undefined {
    const code = this.#init.network.sendErrorOf(this.addr, to);
    return code === undefined ? undefined : codedError(`${call} ${code} ${to}`, { code });
  }

  #failureOf(operation: string): Error | undefined {
    if (this.#state === 'running') return undefined;
    if (this.#state === 'closed') return new ShutdownError(operation);
    return new Error(`${operation}: not started yet`);
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

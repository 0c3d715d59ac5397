/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A network in memory. It carries what the transports of production carry (encoded bytes, with the
// size limit of UDP), so that everything above a socket is the product.

import type { Clock } from '../core/ports.js';
import { systemClock } from '../runtime/system-clock.js';
import type { Transport } from '../transport/transport.js';
import { splitHostPort } from '../wire/address.js';
import { Pipe, type PipeLink } from './memory-connection.js';
import { type Inhabitant, MemoryTransport } from './memory-transport.js';
import { SeededRandom } from './seeded-random.js';

const memberlistPort = 7946;

/** How long something takes to arrive, in milliseconds: always the same, or uniform in a range. */
export type Latency = number | { readonly min: number; readonly max: number };

/** What a {@link MemoryNetwork} is like. */
export interface MemoryNetworkOptions {
  /** Decides loss and latencies; 0 by default. */
  readonly seed?: number | string | undefined;
  /** One way, for packets and for the pieces of streams; 0, the next turn, by default. */
  readonly latency?: Latency | undefined;
  /** The share of packets that vanish, 0 (the default) to 1. Streams lose nothing, as with TCP. */
  readonly loss?: number | undefined;
  /**
   * Real time by default; the process is then kept alive while a transport is started, as by a
   * listening socket. With a clock of your own it is not.
   */
  readonly clock?: Clock | undefined;
}

/** What one transport of the network is like. */
export interface MemoryTransportOptions {
  /** `'ip:port'`; by default the next of `10.0.0.1:7946`, `10.0.0.2:7946` … */
  readonly addr?: string | undefined;
}

/**
 * A network in memory, with transports that behave as `NetTransport` does. Packets may be lost and
 * overtake each other, streams arrive in order; both take the latency. A link is one direction
 * between two transports and can be cut: packets on it vanish, streams stall until it is mended.
 */
export class MemoryNetwork {
  /** The clock of the network. */
  readonly clock: Clock;
  readonly #random: SeededRandom;
  readonly #latency: { readonly min: number; readonly max: number };
  readonly #loss: number;
  readonly #isRealTime: boolean;
  readonly #addrs = new Map<string, string>();
  readonly #living = new Map<string, Inhabitant>();
  readonly #cuts = new Set<string>();
  readonly #groups = new Map<string, number>();
  #stalled: (() => void)[] = [];
  #hostsMade = 0;
  #keepAlive: NodeJS.Timeout | undefined;

  /** @throws RangeError when a latency is negative or no number, or the loss not in 0 to 1. */
  constructor({ seed = 0, latency = 0, loss = 0, clock }: MemoryNetworkOptions = {}) {
    this.clock = clock ?? systemClock;
    this.#isRealTime = clock === undefined;
    this.#random = new SeededRandom(seed);
    this.#latency = typeof latency === 'number' ? { min: latency, max: latency } : latency;
    this.#loss = loss;
    const { min, max } = this.#latency;
    if (!(min >= 0 && max >= min && max < Infinity)) {
      throw new RangeError(`latency must be 0 ms or more, with min ≤ max; not ${min} to ${max}`);
    }
    if (!(loss >= 0 && loss <= 1)) throw new RangeError(`loss must be from 0 to 1, not ${loss}`);
  }

  /**
   * A new transport. One whose name was there before gets that one's address, as a restarted node
   * does; it cannot start before the earlier one has shut down (EADDRINUSE).
   *
   * @throws RangeError when `addr` is not an `'ip:port'`.
   */
  transport(name: string, options: MemoryTransportOptions = {}): Transport {
    const addr = options.addr ?? this.#addrs.get(name) ?? this.#freeAddr();
    const target = splitHostPort(addr);
    if (!target) throw new RangeError(`"${addr}" is not an 'ip:port'`);
    this.#addrs.set(name, addr);
    return new MemoryTransport({ addr, ip: target.host, port: target.port, network: this });
  }

  /**
   * Cuts the link from one transport to another; the opposite one stays.
   *
   * @param from - name or `'ip:port'`
   * @param to - name or `'ip:port'`
   * @throws RangeError for a name that no transport has.
   */
  cut(from: string, to: string): void {
    this.#cuts.add(linkKey(this.#addrOf(from), this.#addrOf(to)));
  }

  /** Undoes `cut`. @throws RangeError for a name that no transport has. */
  mend(from: string, to: string): void {
    this.#cuts.delete(linkKey(this.#addrOf(from), this.#addrOf(to)));
    this.#resumeStreams();
  }

  /**
   * Lets only members of the same group hear each other, in place of any earlier partition. Who is
   * in no group hears everybody and is heard by all.
   *
   * @throws RangeError for a name that no transport has.
   */
  partition(groups: readonly (readonly string[])[]): void {
    const members = groups.flatMap((group, i) =>
      group.map((nameOrAddr) => [this.#addrOf(nameOrAddr), i] as const),
    );
    this.#groups.clear();
    for (const [addr, group] of members) this.#groups.set(addr, group);
    this.#resumeStreams();
  }

  /** Makes the network whole: undoes `partition` and every `cut`. */
  heal(): void {
    this.#cuts.clear();
    this.#groups.clear();
    this.#resumeStreams();
  }

  /** @internal A transport starts to live at its address; false when another one does. */
  attach(addr: string, inhabitant: Inhabitant): boolean {
    if (this.#living.has(addr)) return false;
    this.#living.set(addr, inhabitant);
    // Its timers do not keep the process alive, so something else must, as a socket would.
    if (this.#isRealTime) this.#keepAlive ??= setInterval(() => undefined, 2 ** 30);
    return true;
  }

  /** @internal A transport ceases to live at its address. */
  detach(addr: string): void {
    this.#living.delete(addr);
    if (this.#living.size > 0) return;
    clearInterval(this.#keepAlive);
    this.#keepAlive = undefined;
  }

  /** @internal Who lives at an address. */
  inhabitantAt(addr: string): Inhabitant | undefined {
    return this.#living.get(addr);
  }

  /** @internal Carries a packet, or loses it. */
  carry(packet: Buffer, from: string, to: string): void {
    if (!this.#isUp(from, to)) return;
    if (this.#loss > 0 && this.#random.next() < this.#loss) return;
    const copy = Buffer.from(packet);
    this.#after(this.#drawLatency(), () => {
      if (!this.#isUp(from, to)) return;
      this.#living.get(to)?.receive(copy, from);
    });
  }

  /** @internal One direction of a stream. */
  pipe(from: string, to: string): Pipe {
    let lastAt = 0;
    const link: PipeLink = {
      schedule: (callback) => {
        const now = this.clock.now();
        lastAt = Math.max(lastAt, now + this.#drawLatency());
        this.#after(lastAt - now, callback);
      },
      isUp: () => this.#isUp(from, to),
      whenMended: (callback) => this.#stalled.push(callback),
    };
    return new Pipe(link);
  }

  #after(ms: number, callback: () => void): void {
    if (ms > 0) this.clock.setTimer(ms, callback);
    else this.clock.afterTurn(callback);
  }

  #drawLatency(): number {
    const { min, max } = this.#latency;
    return max > min ? min + (max - min) * this.#random.next() : min;
  }

  #isUp(from: string, to: string): boolean {
    if (this.#cuts.has(linkKey(from, to))) return false;
    const [a, b] = [this.#groups.get(from), this.#groups.get(to)];
    return a === undefined || b === undefined || a === b;
  }

  /** Those whose link is still down stall again. */
  #resumeStreams(): void {
    for (const resume of this.#stalled.splice(0)) this.clock.afterTurn(resume);
  }

  #addrOf(nameOrAddr: string): string {
    const addr = this.#addrs.get(nameOrAddr);
    if (addr !== undefined) return addr;
    if (splitHostPort(nameOrAddr)) return nameOrAddr;
    throw new RangeError(`no transport is called "${nameOrAddr}"`);
  }

  #freeAddr(): string {
    const taken = new Set(this.#addrs.values());
    for (;;) {
      const n = ++this.#hostsMade;
      const addr = `10.${n >> 16}.${(n >> 8) & 0xff}.${n & 0xff}:${memberlistPort}`;
      if (!taken.has(addr)) return addr;
    }
  }
}

function linkKey(from: string, to: string): string {
  return `${from} ${to}`;
}

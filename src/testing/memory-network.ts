/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A network in memory. It carries what the transports of production carry (encoded bytes, with the
// size limit of UDP), so that everything above a socket is the product.

import type { Clock } from '../core/ports.js';
import { systemClock } from '../runtime/system-clock.js';
import { splitHostPort } from '../wire/address.js';
import {
  type LinkChanges,
  type LinkOptions,
  Links,
  type LinkState,
  queueFor,
  type SendQueue,
} from './links.js';
import { Lifetime } from './memory-connection.js';
import { type Inhabitant, MemoryTransport } from './memory-transport.js';
import { Pipe, type PipeLink } from './pipe.js';
import { SeededRandom } from './seeded-random.js';
import type {
  MemoryNetworkOptions,
  MemoryTransportOptions,
  NetworkStats,
  NetworkTap,
} from './network-options.js';
import { TrafficCount } from './traffic.js';

const memberlistPort = 7946;
/** How long a packet that is to be overtaken is held back, at most. */
const reorderingMs = 50;
/** TCP sends again what was lost after this long, then after twice as long …, so many times. */
const firstRetransmissionMs = 200;
const maxRetransmissions = 6;
/** A stream that is to break does so after fewer than 2 to this many bytes. */
const maxLifetimeBits = 16;

/**
 * A network in memory, with transports that behave as `NetTransport` does. Packets may be lost,
 * doubled, and overtake each other; streams arrive in order, or break. A link is one direction between
 * two transports; while it is down, packets on it vanish and streams stall.
 *
 * Each kind of fault draws from a random stream of its own, so that one more does not change what
 * becomes of another.
 */
// It is an `Ether`, but does not say so: the published types have none of what makes it one.
export class MemoryNetwork {
  /** The clock of the network. */
  readonly clock: Clock;
  readonly #isRealTime: boolean;
  readonly #links: Links;
  readonly #random: Record<
    'latency' | 'loss' | 'duplication' | 'reordering' | 'streams' | 'streamBreaks',
    SeededRandom
  >;
  readonly #addrs = new Map<string, string>();
  readonly #taken = new Set<string>();
  readonly #living = new Map<string, Inhabitant>();
  readonly #uplinks = new Map<string, SendQueue>();
  readonly #total = new TrafficCount();
  readonly #byName = new Map<string, TrafficCount>();
  readonly #counts = new WeakMap<Inhabitant, TrafficCount>();
  readonly #byAddr = new Map<string, TrafficCount>();
  readonly #dark = new Set<string>();
  #stalled: (() => void)[] = [];
  #changes = 0;
  #hostsMade = 0;
  #keepAlive: NodeJS.Timeout | undefined;
  #tap: NetworkTap | undefined;

  /** @throws RangeError when a latency is negative or no number, or a share is not in 0 to 1. */
  constructor({ seed = 0, clock, ...options }: MemoryNetworkOptions = {}) {
    this.clock = clock ?? systemClock;
    this.#isRealTime = clock === undefined;
    this.#links = new Links(options);
    const random = new SeededRandom(seed);
    this.#random = {
      latency: random.fork('latency'),
      loss: random.fork('loss'),
      duplication: random.fork('duplication'),
      reordering: random.fork('reordering'),
      streams: random.fork('streams'),
      streamBreaks: random.fork('streamBreaks'),
    };
  }

  /**
   * A new transport. One whose name was there before gets that one's address, as a restarted node
   * does; it cannot start before the earlier one has shut down (EADDRINUSE).
   *
   * @throws RangeError when `addr` is not an `'ip:port'`.
   */
  transport(name: string, options: MemoryTransportOptions = {}): MemoryTransport {
    const { addr: wanted, clock = this.clock } = options;
    const given = wanted === 'new' ? this.#freeAddr() : wanted;
    const addr = given ?? this.#addrs.get(name) ?? this.#freeAddr();
    const target = splitHostPort(addr);
    if (!target) throw new RangeError(`"${addr}" is not an 'ip:port'`);
    this.#addrs.set(name, addr);
    this.#taken.add(addr);
    const count = this.#byName.get(name) ?? new TrafficCount();
    this.#byName.set(name, count);
    const { host: ip, port } = target;
    const transport = new MemoryTransport({ addr, ip, port, network: this, clock });
    this.#counts.set(transport, count);
    return transport;
  }

  /** Changes what the whole network is like, as far as links have nothing of their own. */
  change(options: LinkOptions): void {
    this.#links.changeAll(options);
    this.#resumeStreams();
  }

  /**
   * Gives the link from one transport to another qualities of its own, beside those that it was
   * given before; the opposite one stays as it is.
   *
   * @param from - name or `'ip:port'`
   * @param to - name or `'ip:port'`
   * @throws RangeError for a name that no transport has, and for values out of range.
   */
  link(from: string, to: string, changes: LinkChanges): void {
    this.#links.change(this.addrOf(from), this.addrOf(to), changes);
    this.#resumeStreams();
  }

  /** Cuts the link from one transport to another: `link` with `{ down: true }`. */
  cut(from: string, to: string): void {
    this.link(from, to, { down: true });
  }

  /** Undoes `cut`. @throws RangeError for a name that no transport has. */
  mend(from: string, to: string): void {
    this.link(from, to, { down: false });
  }

  /**
   * Lets only members of the same group hear each other, in place of any earlier partition. Who is
   * in no group hears everybody and is heard by all.
   *
   * @param options.oneWay - earlier groups are still heard by later ones, but do not hear them
   * @throws RangeError for a name that no transport has, and for one that is in two groups.
   */
  partition(
    groups: readonly (readonly string[])[],
    options: { readonly oneWay?: boolean | undefined } = {},
  ): void {
    const members = groups.flatMap((group, i) =>
      group.map((nameOrAddr) => [this.addrOf(nameOrAddr), i] as const),
    );
    const groupOf = new Map(members);
    const torn = members.find(([addr, group]) => groupOf.get(addr) !== group);
    if (torn) throw new RangeError(`${torn[0]} is in two groups`);
    this.#links.partition(groupOf, options.oneWay === true);
    this.#resumeStreams();
  }

  /**
   * Makes the network whole: undoes `partition` and what is wrong with single links. Their latency
   * and bandwidth stay, and so does what the whole network is like.
   */
  heal(): void {
    this.#links.heal();
    this.#resumeStreams();
  }

  /** What was sent so far, lost things included. */
  stats(): NetworkStats {
    const byNode = Array.from(this.#byName, ([name, count]) => [name, count.snapshot()] as const);
    return { ...this.#total.snapshot(), byNode: Object.fromEntries(byNode) };
  }

  /**
   * The address of a transport.
   *
   * @param nameOrAddr - its name, or any `'ip:port'`
   * @throws RangeError for a name that no transport has.
   */
  addrOf(nameOrAddr: string): string {
    const addr = this.#addrs.get(nameOrAddr);
    if (addr !== undefined) return addr;
    if (splitHostPort(nameOrAddr)) return nameOrAddr;
    throw new RangeError(`no transport is called "${nameOrAddr}"`);
  }

  /** @internal How often somebody began or ceased to live here. */
  get changes(): number {
    return this.#changes;
  }

  /** @internal From now on this tap observes all traffic, in addition to earlier ones. */
  tapWith(tap: NetworkTap): void {
    const earlier = this.#tap;
    if (earlier === undefined) {
      this.#tap = tap;
      return;
    }
    this.#tap = {
      packet: (packet, from, to, fate) => {
        earlier.packet(packet, from, to, fate);
        tap.packet(packet, from, to, fate);
      },
      stream: (data, from, to) => {
        earlier.stream(data, from, to);
        tap.stream(data, from, to);
      },
    };
  }

  /** @internal Until somebody lives there again, an address swallows everything and says nothing. */
  darken(addr: string): void {
    this.#dark.add(addr);
  }

  /** @internal A transport starts to live at its address; false when another one does. */
  attach(addr: string, inhabitant: Inhabitant): boolean {
    if (this.#living.has(addr)) return false;
    this.#living.set(addr, inhabitant);
    const count = this.#counts.get(inhabitant);
    if (count) this.#byAddr.set(addr, count);
    this.#changes++;
    if (this.#dark.delete(addr)) this.#resumeStreams();
    // Its timers do not keep the process alive, so something else must, as a socket would.
    if (this.#isRealTime) this.#keepAlive ??= setInterval(() => undefined, 2 ** 30);
    return true;
  }

  /** @internal A transport ceases to live at its address. */
  detach(addr: string): void {
    this.#living.delete(addr);
    this.#changes++;
    if (this.#living.size > 0) return;
    clearInterval(this.#keepAlive);
    this.#keepAlive = undefined;
  }

  /** @internal Who lives at an address. */
  inhabitantAt(addr: string): Inhabitant | undefined {
    return this.#living.get(addr);
  }

  /** @internal The code with which a sender's system refuses to send to an address, if it does. */
  sendErrorOf(from: string, to: string): string | undefined {
    return this.#links.of(from, to).sendError;
  }

  /** @internal Carries a packet, or loses it. */
  carry(packet: Buffer, from: string, to: string): void {
    this.#count(from, 'packets', 'packetBytes', packet.length);
    const { latency, loss, duplication } = this.#random;
    const link = this.#links.of(from, to);
    // Drawn also for what is lost, so that what comes after it finds the same delays.
    const delay = link.draw(latency);
    const isLost = link.loss > 0 && loss.next() < link.loss;
    const isDoubled = link.duplication > 0 && duplication.next() < link.duplication;
    const heldBackMs = this.#holdBack(link);
    if (!this.#isUp(from, to)) {
      this.#tap?.packet(packet, from, to, 'cut');
      return;
    }
    const sendMs = this.#sendingMs(link, from, packet.length, true);
    if (isLost || sendMs === undefined) {
      this.#tap?.packet(packet, from, to, 'lost');
      return;
    }
    this.#tap?.packet(packet, from, to, 'carried');
    this.#deliver(Buffer.from(packet), from, to, sendMs + delay + heldBackMs);
    if (isDoubled) this.#deliver(Buffer.from(packet), from, to, sendMs + link.draw(duplication));
  }

  /** @internal One direction of a stream. */
  pipe(from: string, to: string): Pipe {
    let lastAt = 0;
    const pipeLink: PipeLink = {
      schedule: (bytes, callback) => {
        const now = this.clock.now();
        const link = this.#links.of(from, to);
        const sendMs = this.#sendingMs(link, from, bytes, false) ?? 0;
        const { streams } = this.#random;
        const delay = sendMs + link.draw(streams) + retransmissionMs(link.loss, streams);
        lastAt = Math.max(lastAt, now + delay);
        this.#after(lastAt - now, callback);
      },
      isUp: () => this.#isUp(from, to) && this.#links.of(from, to).loss < 1,
      whenMended: (callback) => this.#stalled.push(callback),
    };
    return new Pipe(pipeLink);
  }

  /** @internal How long a new stream will last. */
  open(from: string, to: string): Lifetime {
    this.#count(from, 'streams', 'streamBytes', 0);
    const { streamBreaks } = this.#links.of(from, to);
    const random = this.#random.streamBreaks;
    if (streamBreaks === 0 || random.next() >= streamBreaks) return new Lifetime(Infinity);
    const bits = Math.floor(random.next() * maxLifetimeBits);
    return new Lifetime(Math.floor((1 + random.next()) * 2 ** bits));
  }

  /** @internal Something was written to a stream. */
  wrote(data: Buffer, from: string, to: string): void {
    this.#total.streamBytes += data.length;
    const own = this.#byAddr.get(from);
    if (own) own.streamBytes += data.length;
    this.#tap?.stream(data, from, to);
  }

  #count(
    from: string,
    number: 'packets' | 'streams',
    size: 'packetBytes' | 'streamBytes',
    bytes: number,
  ): void {
    this.#total[number]++;
    this.#total[size] += bytes;
    const own = this.#byAddr.get(from);
    if (!own) return;
    own[number]++;
    own[size] += bytes;
  }

  #holdBack(link: LinkState): number {
    const random = this.#random.reordering;
    if (link.reordering === 0 || random.next() >= link.reordering) return 0;
    return random.next() * reorderingMs;
  }

  #deliver(packet: Buffer, from: string, to: string, delayMs: number): void {
    this.#after(delayMs, () => {
      if (this.#isUp(from, to)) this.#living.get(to)?.receive(packet, from);
    });
  }

  /** How long it takes until so many bytes are on their way; undefined when they are dropped. */
  #sendingMs(link: LinkState, from: string, bytes: number, mayDrop: boolean): number | undefined {
    const now = this.clock.now();
    const { options } = this.#links;
    let uplinkMs: number | undefined = 0;
    if (options.bandwidth !== undefined) {
      const queue = queueFor(options, this.#uplinks.get(from));
      if (queue) {
        this.#uplinks.set(from, queue);
        uplinkMs = queue.delay(now, bytes, mayDrop);
        if (uplinkMs === undefined) return undefined;
      }
    }
    if (!link.queue) return uplinkMs;
    const linkMs = link.queue.delay(now + uplinkMs, bytes, mayDrop);
    return linkMs === undefined ? undefined : uplinkMs + linkMs;
  }

  #after(ms: number, callback: () => void): void {
    if (ms > 0) this.clock.setTimer(ms, callback);
    else this.clock.afterTurn(callback);
  }

  #isUp(from: string, to: string): boolean {
    if (this.#dark.size > 0 && (this.#dark.has(from) || this.#dark.has(to))) return false;
    return this.#links.isUp(from, to);
  }

  /** Those whose link is still down stall again. */
  #resumeStreams(): void {
    for (const resume of this.#stalled.splice(0)) this.clock.afterTurn(resume);
  }

  #freeAddr(): string {
    for (;;) {
      const n = ++this.#hostsMade;
      const addr = `10.${n >> 16}.${(n >> 8) & 0xff}.${n & 0xff}:${memberlistPort}`;
      if (!this.#taken.has(addr)) return addr;
    }
  }
}

function retransmissionMs(loss: number, random: SeededRandom): number {
  if (loss === 0 || loss >= 1) return 0;
  let total = 0;
  for (let i = 0; i < maxRetransmissions && random.next() < loss; i++) {
    total += firstRetransmissionMs * 2 ** i;
  }
  return total;
}

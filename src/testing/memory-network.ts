/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// An in-memory network. It carries the same data as production transports (encoded bytes, with the size limit
// of UDP), so that everything above a socket is production code.
import type { Clock } from '../core/ports.js';
import { systemClock } from '../runtime/system-clock.js';
import { AddressBook } from './address-book.js';
import { type LinkChanges, type LinkOptions, Links, type LinkState } from './links.js';
import { Lifetime } from './memory-connection.js';
import { type Endpoint, MemoryTransport } from './memory-transport.js';
import { Pipe, type PipeLink, retransmissionMs } from './pipe.js';
import { SeededRandom } from './seeded-random.js';
import { Uplinks } from './send-queue.js';
import {
  bothTaps,
  type MemoryNetworkOptions,
  type MemoryTransportOptions,
  type NetworkStats,
  type NetworkTap,
} from './network-options.js';
import { TrafficCounters } from './traffic.js';

/** The maximum additional delay of a packet that is reordered. */
const reorderingMs = 50;

/**
 * An in-memory network whose transports behave like `NetTransport`. Packets may be lost, duplicated and
 * reordered; streams arrive in order, or break. A link is one direction between two transports; while it is
 * down, its packets are lost and its streams stall. Each kind of fault draws from its own random stream, so that
 * adding one fault does not change the others.
 */
// It has the members of `TransportNetwork`, but does not declare it: the published types omit them.
export class MemoryNetwork {
  /** The clock of the network. */
  readonly clock: Clock;
  readonly #isRealTime: boolean;
  readonly #links: Links;
  readonly #random: Record<
    'latency' | 'loss' | 'duplication' | 'reordering' | 'streams' | 'streamBreaks',
    SeededRandom
  >;
  readonly #addresses = new AddressBook();
  readonly #names = new WeakMap<Endpoint, string>();
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #uplinks = new Uplinks();
  readonly #traffic = new TrafficCounters();
  readonly #blackholes = new Set<string>();
  #stalled: (() => void)[] = [];
  #changes = 0;
  #keepAlive: NodeJS.Timeout | undefined;
  #tap: NetworkTap | undefined;

  /** @throws RangeError if a latency is negative or not a number, or a fraction is outside 0 to 1 */
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
   * Creates a transport. A name that was used before gets its previous address, like a restarted node; the new
   * transport cannot start before the previous one has shut down (EADDRINUSE).
   *
   * @throws RangeError if `addr` is not an `'ip:port'`
   */
  transport(name: string, options: MemoryTransportOptions = {}): MemoryTransport {
    const { clock = this.clock } = options;
    const { addr, ip, port } = this.#addresses.assign(name, options.addr);
    this.#traffic.addName(name);
    const transport = new MemoryTransport({ addr, ip, port, network: this, clock });
    this.#names.set(transport, name);
    return transport;
  }

  /** Changes the options of the whole network. Options that were set for a single link are kept. */
  change(options: LinkOptions): void {
    this.#links.changeAll(options);
    this.#resumeStreams();
  }

  /**
   * Sets options of the link from one transport to another, in addition to earlier ones. The opposite direction
   * does not change.
   *
   * @param from - name or `'ip:port'`
   * @param to - name or `'ip:port'`
   * @throws RangeError for an unknown name, and for values out of range
   */
  link(from: string, to: string, changes: LinkChanges): void {
    this.#links.change(this.addrOf(from), this.addrOf(to), changes);
    this.#resumeStreams();
  }

  /** Cuts the link from one transport to another: `link` with `{ down: true }`. */
  cut(from: string, to: string): void {
    this.link(from, to, { down: true });
  }

  /** Reverts `cut`. @throws RangeError for an unknown name */
  mend(from: string, to: string): void {
    this.link(from, to, { down: false });
  }

  /**
   * Lets transports communicate only within their group. Replaces any earlier partition. Transports in no group
   * communicate with all others.
   *
   * @param options.oneWay - later groups still receive from earlier groups, but not the other way round
   * @throws RangeError for an unknown name, and for one that is in two groups
   */
  partition(
    groups: readonly (readonly string[])[],
    options: { readonly oneWay?: boolean | undefined } = {},
  ): void {
    const members = groups.flatMap((group, i) =>
      group.map((nameOrAddr) => [this.addrOf(nameOrAddr), i] as const),
    );
    const groupOf = new Map(members);
    const duplicate = members.find(([addr, group]) => groupOf.get(addr) !== group);
    if (duplicate) throw new RangeError(`${duplicate[0]} is in two groups`);
    this.#links.partition(groupOf, options.oneWay === true);
    this.#resumeStreams();
  }

  /**
   * Removes partitions and the faults of single links. The latency and bandwidth of links remain, and so do the
   * options of the whole network.
   */
  heal(): void {
    this.#links.heal();
    this.#resumeStreams();
  }

  /** What was sent so far, including lost data. */
  stats(): NetworkStats {
    return this.#traffic.snapshot();
  }

  /**
   * The address of a transport.
   *
   * @param nameOrAddr - its name, or any `'ip:port'`
   * @throws RangeError for an unknown name
   */
  addrOf(nameOrAddr: string): string {
    return this.#addresses.addrOf(nameOrAddr);
  }

  /** @internal How often a transport has started or stopped. */
  get changes(): number {
    return this.#changes;
  }

  /** @internal From now on this tap observes all traffic, in addition to earlier ones. */
  addTap(tap: NetworkTap): void {
    this.#tap = this.#tap === undefined ? tap : bothTaps(this.#tap, tap);
  }

  /** @internal Until another transport starts there, an address drops everything and answers nothing. */
  blackhole(addr: string): void {
    this.#blackholes.add(addr);
  }

  /** @internal A transport starts at its address; false if another one runs there. */
  attach(addr: string, endpoint: Endpoint): boolean {
    if (this.#endpoints.has(addr)) return false;
    this.#endpoints.set(addr, endpoint);
    const name = this.#names.get(endpoint);
    if (name !== undefined) this.#traffic.assign(addr, name);
    this.#changes++;
    if (this.#blackholes.delete(addr)) this.#resumeStreams();
    // Timers of the network do not keep the process alive; like a socket, this does.
    if (this.#isRealTime) this.#keepAlive ??= setInterval(() => undefined, 2 ** 30);
    return true;
  }

  /** @internal A transport stops. */
  detach(addr: string): void {
    this.#endpoints.delete(addr);
    this.#changes++;
    if (this.#endpoints.size > 0) return;
    clearInterval(this.#keepAlive);
    this.#keepAlive = undefined;
  }

  /** @internal The transport that runs at an address. */
  endpointAt(addr: string): Endpoint | undefined {
    return this.#endpoints.get(addr);
  }

  /** @internal The error code with which the sender's system refuses to send to an address, if it does. */
  sendErrorOf(from: string, to: string): string | undefined {
    return this.#links.of(from, to).sendError;
  }

  /** @internal Delivers a packet, or loses it. */
  carry(packet: Buffer, from: string, to: string): void {
    this.#traffic.countPacket(from, packet.length);
    const { latency, loss, duplication } = this.#random;
    const link = this.#links.of(from, to);
    // Drawn for lost packets too, so that a loss does not change the delays of later packets.
    const delay = link.draw(latency);
    const isLost = link.loss > 0 && loss.next() < link.loss;
    const isDuplicated = link.duplication > 0 && duplication.next() < link.duplication;
    const reorderMs = this.#reorderMs(link);
    if (!this.#isUp(from, to)) {
      this.#tap?.packet(packet, from, to, 'cut');
      return;
    }
    const sendMs = this.#sendMs(link, from, packet.length, true);
    if (isLost || sendMs === undefined) {
      this.#tap?.packet(packet, from, to, 'lost');
      return;
    }
    this.#tap?.packet(packet, from, to, 'carried');
    this.#deliver(Buffer.from(packet), from, to, sendMs + delay + reorderMs);
    if (isDuplicated) this.#deliver(Buffer.from(packet), from, to, sendMs + link.draw(duplication));
  }

  /** @internal One direction of a stream. */
  pipe(from: string, to: string): Pipe {
    let lastAt = 0;
    const pipeLink: PipeLink = {
      schedule: (bytes, callback) => {
        const now = this.clock.now();
        const link = this.#links.of(from, to);
        const sendMs = this.#sendMs(link, from, bytes, false) ?? 0;
        const { streams } = this.#random;
        const delay = sendMs + link.draw(streams) + retransmissionMs(link.loss, streams);
        lastAt = Math.max(lastAt, now + delay);
        this.#after(lastAt - now, callback);
      },
      isUp: () => this.#isUp(from, to) && this.#links.of(from, to).loss < 1,
      whenUp: (callback) => this.#stalled.push(callback),
    };
    return new Pipe(pipeLink);
  }

  /** @internal Opens a stream. @returns how long it lasts */
  open(from: string, to: string): Lifetime {
    this.#traffic.countStream(from);
    const { streamBreaks } = this.#links.of(from, to);
    return Lifetime.draw(streamBreaks, this.#random.streamBreaks);
  }

  /** @internal Reports data that was written to a stream. */
  written(data: Buffer, from: string, to: string): void {
    this.#traffic.countStreamBytes(from, data.length);
    this.#tap?.stream(data, from, to);
  }

  #reorderMs(link: LinkState): number {
    const random = this.#random.reordering;
    if (link.reordering === 0 || random.next() >= link.reordering) return 0;
    return random.next() * reorderingMs;
  }

  #deliver(packet: Buffer, from: string, to: string, delayMs: number): void {
    this.#after(delayMs, () => {
      if (this.#isUp(from, to)) this.#endpoints.get(to)?.receive(packet, from);
    });
  }

  /** Milliseconds until `bytes` have left the sender; undefined if they are dropped. */
  #sendMs(link: LinkState, from: string, bytes: number, mayDrop: boolean): number | undefined {
    const { options } = this.#links;
    if (options.bandwidth === undefined && !link.queue) return 0;
    const send = { options, link: link.queue, bytes, mayDrop };
    return this.#uplinks.delay(from, this.clock.now(), send);
  }

  #after(ms: number, callback: () => void): void {
    if (ms > 0) this.clock.setTimer(ms, callback);
    else this.clock.afterTurn(callback);
  }

  #isUp(from: string, to: string): boolean {
    const dropped = this.#blackholes;
    if (dropped.size > 0 && (dropped.has(from) || dropped.has(to))) return false;
    return this.#links.isUp(from, to);
  }

  /** Streams whose link is still down stall again. */
  #resumeStreams(): void {
    for (const resume of this.#stalled.splice(0)) this.clock.afterTurn(resume);
  }
}

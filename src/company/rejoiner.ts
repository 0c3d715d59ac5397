/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Finds others, again and again: the seeds until somebody answered, then, in each interval, perhaps one
// who was lost, or the seeds that are no members (core/company/lost-peers says whose turn it is). Every
// contact is an ordinary joining push/pull; nobody can see that it is anything else. A node that was known
// is asked by its name before (company/contacts says why); a seed is whichever node is at its address.
import { setMaxListeners } from 'node:events';
import type { ResolvedConfig } from '../config/options.js';
import { defaultRejoin } from '../config/presets.js';
import { LostPeers } from '../core/company/lost-peers.js';
import type { Counters } from '../core/counters.js';
import type { Member } from '../core/member.js';
import type { MembershipEvent } from '../core/membership/events.js';
import type { Random, Timer } from '../core/ports.js';
import type { Report } from '../core/reports.js';
import { asError } from '../delegate-host.js';
import { NodeNameRequiredError, TimeoutError } from '../errors.js';
import type { Address } from '../wire/address.js';
import { companyPorts } from './ports.js';
import { addressesOf } from './seeds.js';
import type { SavedPeer } from './snapshot.js';

/** What keeping company sees of the node, and does with it. */
export interface Host {
  readonly counters: Counters;
  readonly report: (report: Report) => void;
  /** The port of seeds that name none. */
  readonly bindPort: number;
  /** Everybody who is known, and our own row. */
  readonly engine: { readonly table: Iterable<Member>; readonly local: Member };
  readonly contacts: {
    /** Joins whichever node is at an address. */
    join(address: Address, signal: AbortSignal): Promise<void>;
    /** Joins a node that was known, if it is still the one at its address. */
    rejoin(peer: SavedPeer, signal: AbortSignal): Promise<void>;
  };
}

const AT_ONCE = 8;
const FIRST_DELAY_MS = 1_000;
const JITTER = 0.5;

/** Looks for company. */
export class Rejoiner {
  readonly lost: LostPeers;
  /** Whom an earlier life of ours knew, as long as we have met nobody. */
  unmet: readonly SavedPeer[] = [];
  readonly #config: ResolvedConfig;
  readonly #host: Host;
  readonly #random: Random;
  readonly #intervalMs: number;
  readonly #timeoutMs: number;
  #isRunning = false;
  /** Nobody has answered since we began, and somebody might. */
  #isBeginning = false;
  #attempts = 0;
  #lookedAt = 0;
  #timer: Timer | undefined;
  #attempt: AbortController | undefined;

  constructor(config: ResolvedConfig, host: Host) {
    const { clock, random } = config;
    const rejoin = config.rejoin === false ? defaultRejoin : config.rejoin;
    const own = config[companyPorts]?.random ?? random;
    this.#config = config;
    this.#host = host;
    this.#random = own;
    this.#intervalMs = rejoin.interval;
    this.#timeoutMs = rejoin.timeout;
    this.lost = new LostPeers(
      { clock, random: own },
      { intervalMs: rejoin.interval, forgetAfterMs: rejoin.forgetAfter },
    );
  }

  /** Begins; the seeds are tried at once. */
  start(): void {
    this.#isRunning = true;
    this.#attempts = 0;
    const mayAnswer = this.#config.seeds !== undefined || this.unmet.length > 0;
    this.#isBeginning = mayAnswer && this.#alive === 1;
    if (this.#isBeginning) this.#arm(0);
    else this.#armForTheNext();
  }

  /** Ends for good, or until `start`: no attempt goes on, no timer is left. */
  stop(reason: Error): void {
    this.#isRunning = false;
    this.#isBeginning = false;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#attempt?.abort(reason);
    this.lost.clear();
  }

  /** Something became known of a member. */
  told(event: MembershipEvent): void {
    if (!this.#isRunning) return;
    if (event.type === 'join') this.#joined(event.node.name);
    if (event.type !== 'leave' || this.#config.rejoin === false) return;
    if (event.reason === 'failed') this.lost.lost(event.node.name, event.node.address);
    else this.lost.settle(event.node.name);
    if (this.#timer === undefined && this.#attempt === undefined) this.#armForTheNext();
  }

  #joined(name: string): void {
    this.lost.settle(name);
    this.unmet = [];
    if (!this.#isBeginning) return;
    this.#isBeginning = false;
    if (this.#timer === undefined) return;
    this.#timer.cancel();
    this.#timer = undefined;
    this.#armForTheNext();
  }

  /** Members that are alive or suspect, ourselves included. */
  get #alive(): number {
    const { table, local } = this.#host.engine;
    let count = 1;
    for (const member of table) if (!member.isGone && member !== local) count++;
    return count;
  }

  /** From a random moment on, so that nodes do not fall in step. */
  #armForTheNext(): void {
    if (this.#mayBeNeeded) this.#arm(this.#random.next() * this.#intervalMs);
  }

  get #mayBeNeeded(): boolean {
    const { seeds, rejoin } = this.#config;
    if (this.#isBeginning) return true;
    return rejoin !== false && (seeds !== undefined || this.lost.size > 0);
  }

  #arm(delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#config.clock.setTimer(delayMs, () => {
      this.#timer = undefined;
      this.#lookedAt = this.#config.clock.now();
      void this.#look().then(() => this.#goOn());
    });
  }

  #goOn(): void {
    if (!this.#isRunning || this.#timer !== undefined) return;
    if (this.#isBeginning) {
      const pauseMs = Math.min(this.#intervalMs, FIRST_DELAY_MS * 2 ** this.#attempts++);
      this.#arm(pauseMs * (1 - JITTER + 2 * JITTER * this.#random.next()));
    } else if (this.#mayBeNeeded) {
      this.#arm(this.#lookedAt + this.#intervalMs - this.#config.clock.now());
    }
  }

  /** One look, in its time. Never rejects. */
  async #look(): Promise<void> {
    const stop = (this.#attempt = new AbortController());
    // Every look-up and every exchange listens; Node would warn of a leak from the eleventh on.
    setMaxListeners(0, stop.signal);
    const late = new TimeoutError('rejoining', this.#timeoutMs);
    const timer = this.#config.clock.setTimer(this.#timeoutMs, () => stop.abort(late));
    try {
      await this.#lookFor(stop.signal);
    } catch (error) {
      if (!stop.signal.aborted) {
        this.#host.report({ code: 'internal-error', error: asError(error) });
      }
    } finally {
      timer.cancel();
      if (this.#attempt === stop) this.#attempt = undefined;
    }
  }

  async #lookFor(signal: AbortSignal): Promise<void> {
    const { seeds } = this.#config;
    // Whoever is alone has nobody to share the work with.
    const wasAlone = this.#alive === 1;
    if (wasAlone) await this.#trySeeds(signal);
    await this.#tryKnown(this.unmet, signal);
    const alive = this.#alive;
    if (wasAlone && alive > 1) return;
    const drawn = this.lost.draw(alive, alive > 1 && seeds !== undefined ? 1 : 0);
    if (drawn === 'others') await this.#trySeeds(signal);
    else if (drawn !== undefined) await this.#tryKnown([drawn.peer], signal);
  }

  async #trySeeds(signal: AbortSignal): Promise<void> {
    const { seeds, clock } = this.#config;
    if (seeds === undefined) return;
    const { report, bindPort: defaultPort } = this.#host;
    const components = { clock, report, resolver: this.#config[companyPorts]?.resolver };
    const addresses = await addressesOf(seeds, components, { defaultPort, signal });
    await this.#tryAll(addresses, signal, (seed) => this.#joinSeed(seed, signal));
  }

  async #joinSeed(seed: Address, signal: AbortSignal): Promise<void> {
    if (this.#config.requireNodeNames && seed.name === undefined) {
      throw new NodeNameRequiredError(seed.addr);
    }
    await this.#host.contacts.join(seed, signal);
  }

  #tryKnown(peers: readonly SavedPeer[], signal: AbortSignal): Promise<void> {
    return this.#tryAll(peers, signal, (peer) => this.#host.contacts.rejoin(peer, signal));
  }

  /** In random order, a few at a time, those who are no members, or have become none on the way. */
  async #tryAll<T extends Address>(
    addresses: readonly T[],
    signal: AbortSignal,
    join: (address: T) => Promise<void>,
  ): Promise<void> {
    const waiting = this.#shuffled(addresses);
    const work = async (): Promise<void> => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        if (signal.aborted) return;
        if (!this.#isMember(next.addr)) await this.#try(next, join);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }

  async #try<T extends Address>(address: T, join: (address: T) => Promise<void>): Promise<void> {
    const { counters, report } = this.#host;
    const peer = address.name ?? address.addr;
    try {
      await join(address);
      counters.rejoins.joined++;
      report({ code: 'rejoined', peer, address: address.addr });
    } catch (error) {
      if (!this.#isRunning) return;
      counters.rejoins.failed++;
      report({ code: 'rejoin-failed', peer, error: asError(error) });
    }
  }

  /** Whether somebody lives at an address who is alive for us, be it ourselves. */
  #isMember(addr: string): boolean {
    const { table, local } = this.#host.engine;
    if (local.address === addr) return true;
    for (const member of table) if (!member.isGone && member.address === addr) return true;
    return false;
  }

  #shuffled<T>(items: readonly T[]): T[] {
    const copy = [...items];
    for (let i = copy.length - 1; i > 0; i--) {
      const j = Math.floor(this.#random.next() * (i + 1));
      [copy[i], copy[j]] = [copy[j] as T, copy[i] as T];
    }
    return copy;
  }
}

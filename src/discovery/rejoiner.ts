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
import { StaggeredAttempts } from './staggered-attempts.js';
import type { ExchangeSignals } from '../exchange/dialer.js';
import { ReconnectCandidates } from './reconnect-candidates.js';
import type { Counters } from '../core/counters.js';
import type { Member } from '../core/member.js';
import type { MembershipEvent } from '../core/membership/events.js';
import type { Random, Timer } from '../core/ports.js';
import type { Report } from '../core/reports.js';
import { asError } from '../node/delegate-host.js';
import { NodeNameRequiredError, TimeoutError } from '../errors.js';
import type { Guard } from '../runtime/guard.js';
import type { Address } from '../wire/address.js';
import { companyPorts } from './ports.js';
import { lookUpSeeds, SeedTrouble, SeedTurns } from './seeds.js';
import type { SavedPeer } from './snapshot.js';

/** What keeping company sees of the node, and does with it. */
export interface Host {
  readonly counters: Counters;
  readonly report: (report: Report) => void;
  readonly guard: Guard;
  /** The port of seeds that name none. */
  readonly bindPort: number;
  /** Everybody who is known, and our own row. */
  readonly engine: { readonly table: Iterable<Member>; readonly local: Member };
  readonly contacts: {
    /** Joins whichever node is at an address. */
    join(address: Address, signals: ExchangeSignals): Promise<void>;
    /** Joins a node that was known, if it is still the one at its address. */
    rejoin(peer: SavedPeer, signal: AbortSignal): Promise<void>;
  };
}

const FIRST_DELAY_MS = 1_000;
const JITTER = 0.5;

/** Looks for company. */
export class Rejoiner {
  readonly lost: ReconnectCandidates;
  /** Whom an earlier life of ours knew, as long as we have met nobody. */
  unmet: readonly SavedPeer[] = [];
  readonly #config: ResolvedConfig;
  readonly #host: Host;
  readonly #random: Random;
  readonly #intervalMs: number;
  readonly #timeoutMs: number;
  readonly #turns = new SeedTurns();
  readonly #trouble: SeedTrouble;
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
    this.#trouble = new SeedTrouble({ clock, report: host.report });
    this.lost = new ReconnectCandidates(
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
    this.#trouble.over();
  }

  /** Something became known of a member. */
  onMembershipEvent(event: MembershipEvent): void {
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
    this.#trouble.over();
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
      this.#host.guard.whenSettled(this.#look(), () => this.#goOn());
    });
  }

  #goOn(): void {
    if (!this.#isRunning || this.#timer !== undefined) return;
    try {
      this.#armAgain();
    } catch (error) {
      // The search must not end with it.
      this.#arm(this.#intervalMs);
      throw error;
    }
  }

  #armAgain(): void {
    if (this.#isBeginning) {
      const pauseMs = Math.min(this.#intervalMs, FIRST_DELAY_MS * 2 ** this.#attempts++);
      this.#arm(pauseMs * (1 - JITTER + 2 * JITTER * this.#random.next()));
    } else if (this.#mayBeNeeded) {
      this.#arm(this.#lookedAt + this.#intervalMs - this.#config.clock.now());
    }
  }

  /** One look, in its time. Rejects with exceptions of our own only. */
  async #look(): Promise<void> {
    const stop = (this.#attempt = new AbortController());
    // Every look-up and every exchange listens; Node would warn of a leak from the eleventh on.
    setMaxListeners(0, stop.signal);
    const late = new TimeoutError('rejoining', this.#timeoutMs);
    const timer = this.#config.clock.setTimer(this.#timeoutMs, () => stop.abort(late));
    try {
      await this.#lookFor(stop.signal);
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    } finally {
      timer.cancel();
      if (this.#attempt === stop) this.#attempt = undefined;
    }
  }

  async #lookFor(signal: AbortSignal): Promise<void> {
    const { seeds } = this.#config;
    // Whoever is alone has nobody to share the work with.
    const wasAlone = this.#alive === 1;
    if (wasAlone) await this.#trySeedsThenUnmet(signal);
    else await this.#tryKnown(this.unmet, signal);
    const alive = this.#alive;
    if (wasAlone && alive > 1) return;
    if (wasAlone && this.#isRunning) this.#trouble.noneReached();
    const drawn = this.lost.draw(alive, alive > 1 && seeds !== undefined ? 1 : 0);
    if (drawn === 'others') await this.#trySeeds(signal);
    else if (drawn !== undefined) await this.#tryKnown([drawn.peer], signal);
  }

  /** Seeds that take long, or the look-up of their names, leave the others half of the time. */
  async #trySeedsThenUnmet(signal: AbortSignal): Promise<void> {
    const seeds = this.#trySeeds(signal);
    let timer: Timer | undefined;
    if (this.unmet.length > 0) {
      const late = new Promise<void>((resolve) => {
        timer = this.#config.clock.setTimer(this.#timeoutMs / 2, resolve);
      });
      await Promise.race([seeds, late]);
    } else await seeds;
    timer?.cancel();
    await Promise.all([seeds, this.#tryKnown(this.unmet, signal)]);
  }

  async #trySeeds(signal: AbortSignal): Promise<void> {
    const { seeds, clock } = this.#config;
    if (seeds === undefined) return;
    this.#turns.begin();
    const { bindPort: defaultPort } = this.#host;
    const attempts = this.#staggered(signal, (seed: Address) => this.#joinSeed(seed, signal));
    const components = {
      clock,
      resolver: this.#config[companyPorts]?.resolver,
      report: (report: Report) => {
        this.#host.report(report);
        if (report.code !== 'seeds-failed') return;
        this.#trouble.failed(report.peer ?? 'the seeds', report.error);
      },
      found: (addresses: readonly Address[]) => {
        attempts.add(this.#turns.inTurn(this.#shuffled(addresses).reverse()));
      },
    };
    await lookUpSeeds(seeds, components, { defaultPort, signal });
    await attempts.ended();
  }

  async #joinSeed(seed: Address, signal: AbortSignal): Promise<void> {
    if (this.#config.requireNodeNames && seed.name === undefined) {
      throw new NodeNameRequiredError(seed.addr);
    }
    await this.#host.contacts.join(seed, { signal });
  }

  /** In random order, each soon after the other. */
  async #tryKnown(peers: readonly SavedPeer[], signal: AbortSignal): Promise<void> {
    const rejoin = (peer: SavedPeer): Promise<void> => this.#host.contacts.rejoin(peer, signal);
    const attempts = this.#staggered(signal, rejoin);
    attempts.add(this.#shuffled(peers).reverse());
    await attempts.ended();
  }

  /** Attempts at addresses of no member, also if they became a member's while they waited. */
  #staggered<T extends Address>(
    signal: AbortSignal,
    join: (address: T) => Promise<void>,
  ): StaggeredAttempts<T> {
    const { clock } = this.#config;
    const contact = async (address: T): Promise<void> => {
      if (signal.aborted) return;
      this.#turns.tried(address.addr);
      if (!this.#isMember(address.addr)) await this.#try(address, join);
    };
    return new StaggeredAttempts({ clock }, { contact });
  }

  async #try<T extends Address>(address: T, join: (address: T) => Promise<void>): Promise<void> {
    const { counters, report } = this.#host;
    const peer = address.name ?? address.addr;
    const first = this.#isBeginning && this.#alive === 1;
    try {
      await join(address);
      counters.rejoins.joined++;
      report({ code: 'rejoined', peer, address: address.addr, first });
    } catch (error) {
      if (!this.#isRunning) return;
      counters.rejoins.failed++;
      report({ code: 'rejoin-failed', peer, error: asError(error) });
      if (this.#config.seeds !== undefined && this.#alive === 1) {
        this.#trouble.failed(peer, asError(error));
      }
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

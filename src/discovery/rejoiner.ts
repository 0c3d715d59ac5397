/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Periodically contacts other nodes: the seeds until one answered, and then, in each interval, perhaps a failed member or
// the seeds that are no members (reconnect-candidates.ts decides). Every contact is an ordinary joining push/pull.
// A former member is first pinged by its name (contacts.ts); a seed is whichever node is at its address.
import { setMaxListeners } from 'node:events';
import type { ResolvedConfig } from '../config/options.js';
import { defaultRejoin } from '../config/presets.js';
import type { Counters } from '../core/counters.js';
import type { Member } from '../core/member.js';
import type { MembershipEvent } from '../core/membership/events.js';
import type { Random, Timer } from '../core/ports.js';
import type { Report } from '../core/reports.js';
import { asError } from '../runtime/as-error.js';
import { NodeNameRequiredError, TimeoutError } from '../errors.js';
import type { Guard } from '../runtime/guard.js';
import type { Resolver } from '../transport/resolve.js';
import type { Address } from '../wire/address.js';
import type { Contacts } from './contacts.js';
import { isPresentAt, presentMembers } from './present-members.js';
import { ReconnectCandidates } from './reconnect-candidates.js';
import { lookUpSeeds, SeedFailures, SeedTurns } from './seeds.js';
import { shuffled } from './shuffled.js';
import type { SavedPeer } from './snapshot.js';
import { StaggeredAttempts } from './staggered-attempts.js';

/** What rejoining needs of the node. */
export interface RejoinComponents {
  readonly config: ResolvedConfig;
  readonly counters: Counters;
  readonly report: (report: Report) => void;
  readonly guard: Guard;
  /** All known members, and this node's own record. */
  readonly engine: { readonly table: Iterable<Member>; readonly local: Member };
  /** Decides when a node is contacted, and which. */
  readonly random: Random;
  /** Undefined: the system's name servers. */
  readonly resolver: Resolver | undefined;
  readonly contacts: Pick<Contacts, 'join' | 'rejoin'>;
}

const FIRST_DELAY_MS = 1_000;
const JITTER = 0.5;

/** Contacts seeds and failed members. */
export class Rejoiner {
  /** Failed members that this node tries to reconnect to. */
  readonly candidates: ReconnectCandidates;
  readonly #node: RejoinComponents;
  readonly #config: ResolvedConfig;
  readonly #random: Random;
  readonly #bindPort: number;
  readonly #intervalMs: number;
  readonly #timeoutMs: number;
  readonly #turns = new SeedTurns();
  readonly #seedFailures: SeedFailures;
  #unmet: readonly SavedPeer[];
  #isRunning = false;
  /** No node has answered since the start, and one may. */
  #isStarting = false;
  #attempts = 0;
  #attemptedAt = 0;
  #timer: Timer | undefined;
  #attempt: AbortController | undefined;

  /**
   * @param init.bindPort - the port of seeds without one
   * @param init.unmet - members that an earlier run of this node knew
   */
  constructor(
    components: RejoinComponents,
    init: { bindPort: number; unmet: readonly SavedPeer[] },
  ) {
    const { config, random, report } = components;
    const { clock } = config;
    const rejoin = config.rejoin === false ? defaultRejoin : config.rejoin;
    this.#node = components;
    this.#config = config;
    this.#random = random;
    this.#bindPort = init.bindPort;
    this.#unmet = init.unmet;
    this.#intervalMs = rejoin.interval;
    this.#timeoutMs = rejoin.timeout;
    this.#seedFailures = new SeedFailures({ clock, report });
    this.candidates = new ReconnectCandidates(
      { clock, random },
      { intervalMs: rejoin.interval, forgetAfterMs: rejoin.forgetAfter },
    );
  }

  /** Members that an earlier run of this node knew, until this run has met a member. */
  get unmet(): readonly SavedPeer[] {
    return this.#unmet;
  }

  /** Starts; contacts the seeds at once. */
  start(): void {
    this.#isRunning = true;
    this.#attempts = 0;
    const mayAnswer = this.#config.seeds !== undefined || this.unmet.length > 0;
    this.#isStarting = mayAnswer && this.#alive === 1;
    if (this.#isStarting) this.#arm(0);
    else this.#armNextInterval();
  }

  /** Ends all attempts and timers until `start`. */
  stop(reason: Error): void {
    this.#isRunning = false;
    this.#isStarting = false;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#attempt?.abort(reason);
    this.candidates.clear();
    this.#seedFailures.over();
  }

  /** Membership changed. */
  onMembershipEvent(event: MembershipEvent): void {
    if (!this.#isRunning) return;
    if (event.type === 'join') this.#joined(event.node.name);
    if (event.type !== 'leave' || this.#config.rejoin === false) return;
    if (event.reason === 'failed') this.candidates.add(event.node.name, event.node.address);
    else this.candidates.remove(event.node.name);
    if (this.#timer === undefined && this.#attempt === undefined) this.#armNextInterval();
  }

  #joined(name: string): void {
    this.candidates.remove(name);
    this.#unmet = [];
    this.#seedFailures.over();
    if (!this.#isStarting) return;
    this.#isStarting = false;
    if (this.#timer === undefined) return;
    this.#timer.cancel();
    this.#timer = undefined;
    this.#armNextInterval();
  }

  get #alive(): number {
    return presentMembers(this.#node.engine);
  }

  /** Starts at a random time, so that nodes do not synchronize. */
  #armNextInterval(): void {
    if (this.#isNeeded) this.#arm(this.#random.next() * this.#intervalMs);
  }

  get #isNeeded(): boolean {
    const { seeds, rejoin } = this.#config;
    if (this.#isStarting) return true;
    return rejoin !== false && (seeds !== undefined || this.candidates.size > 0);
  }

  #arm(delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#config.clock.setTimer(delayMs, () => {
      this.#timer = undefined;
      this.#attemptedAt = this.#config.clock.now();
      this.#node.guard.whenSettled(this.#tryOnce(), () => this.#continue());
    });
  }

  #continue(): void {
    if (!this.#isRunning || this.#timer !== undefined) return;
    try {
      this.#armAgain();
    } catch (error) {
      // Rejoining must continue.
      this.#arm(this.#intervalMs);
      throw error;
    }
  }

  #armAgain(): void {
    if (this.#isStarting) {
      const pauseMs = Math.min(this.#intervalMs, FIRST_DELAY_MS * 2 ** this.#attempts++);
      this.#arm(pauseMs * (1 - JITTER + 2 * JITTER * this.#random.next()));
    } else if (this.#isNeeded) {
      this.#arm(this.#attemptedAt + this.#intervalMs - this.#config.clock.now());
    }
  }

  /** One attempt, with its timeout. Rejects only with exceptions of this library. */
  async #tryOnce(): Promise<void> {
    const stop = (this.#attempt = new AbortController());
    // Every lookup and every exchange listens; Node would warn of a leak from the eleventh on.
    setMaxListeners(0, stop.signal);
    const late = new TimeoutError('rejoining', this.#timeoutMs);
    const timer = this.#config.clock.setTimer(this.#timeoutMs, () => stop.abort(late));
    try {
      await this.#contact(stop.signal);
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    } finally {
      timer.cancel();
      if (this.#attempt === stop) this.#attempt = undefined;
    }
  }

  async #contact(signal: AbortSignal): Promise<void> {
    const { seeds } = this.#config;
    // A node that is alone cannot share the work.
    const wasAlone = this.#alive === 1;
    if (wasAlone) await this.#trySeedsThenUnmet(signal);
    else await this.#tryKnown(this.unmet, signal);
    const alive = this.#alive;
    if (wasAlone && alive > 1) return;
    if (wasAlone && this.#isRunning) this.#seedFailures.noneReached();
    const drawn = this.candidates.draw(alive, alive > 1 && seeds !== undefined ? 1 : 0);
    if (drawn === 'others') await this.#trySeeds(signal);
    else if (drawn !== undefined) await this.#tryKnown([drawn.peer], signal);
  }

  /** Slow seeds, and slow lookups of their names, leave half of the time for the members of an earlier run. */
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
    const defaultPort = this.#bindPort;
    const attempts = this.#staggered(signal, (seed: Address) => this.#joinSeed(seed, signal));
    const components = {
      clock,
      resolver: this.#node.resolver,
      report: (report: Report) => {
        this.#node.report(report);
        if (report.code !== 'seeds-failed') return;
        this.#seedFailures.failed(report.peer ?? 'the seeds', report.error);
      },
      found: (addresses: readonly Address[]) => {
        attempts.add(this.#turns.inTurn(shuffled(addresses, this.#random).reverse()));
      },
    };
    await lookUpSeeds(seeds, components, { defaultPort, signal });
    await attempts.ended();
  }

  async #joinSeed(seed: Address, signal: AbortSignal): Promise<void> {
    if (this.#config.requireNodeNames && seed.name === undefined) {
      throw new NodeNameRequiredError(seed.addr);
    }
    await this.#node.contacts.join(seed, { signal });
  }

  /** Contacts former members in random order, each shortly after the previous one. */
  async #tryKnown(peers: readonly SavedPeer[], signal: AbortSignal): Promise<void> {
    const rejoin = (peer: SavedPeer): Promise<void> => this.#node.contacts.rejoin(peer, signal);
    const attempts = this.#staggered(signal, rejoin);
    attempts.add(shuffled(peers, this.#random).reverse());
    await attempts.ended();
  }

  /** Staggered attempts that skip addresses of members, also of those that joined meanwhile. */
  #staggered<T extends Address>(
    signal: AbortSignal,
    join: (address: T) => Promise<void>,
  ): StaggeredAttempts<T> {
    const { clock } = this.#config;
    const contact = async (address: T): Promise<void> => {
      if (signal.aborted) return;
      this.#turns.tried(address.addr);
      if (!isPresentAt(this.#node.engine, address.addr)) await this.#try(address, join);
    };
    return new StaggeredAttempts({ clock }, { contact });
  }

  async #try<T extends Address>(address: T, join: (address: T) => Promise<void>): Promise<void> {
    const { counters, report } = this.#node;
    const peer = address.name ?? address.addr;
    const first = this.#isStarting && this.#alive === 1;
    try {
      await join(address);
      counters.rejoins.joined++;
      report({ code: 'rejoined', peer, address: address.addr, first });
    } catch (error) {
      if (!this.#isRunning) return;
      counters.rejoins.failed++;
      report({ code: 'rejoin-failed', peer, error: asError(error) });
      if (this.#config.seeds !== undefined && this.#alive === 1) {
        this.#seedFailures.failed(peer, asError(error));
      }
    }
  }
}

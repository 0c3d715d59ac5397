/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A rejoiner in virtual time, with a node that only takes notes and answers as it is told.
import { Rejoiner } from '../../../src/discovery/rejoiner.js';
import { resolveConfig } from '../../../src/config/resolve.js';
import { Counters } from '../../../src/core/counters.js';
import { factsFrom, Member, type MemberState } from '../../../src/core/member.js';
import type { Report } from '../../../src/core/reports.js';
import { Guard } from '../../../src/runtime/guard.js';
import type { MemberlistConfig } from '../../../src/index.js';
import type { SavedPeer } from '../../../src/discovery/snapshot.js';
import type { Resolver } from '../../../src/transport/resolve.js';
import { Driver } from '../../../src/testing/driver.js';
import { SeededRandom, VirtualClock } from '../../../src/testing/index.js';
import { ipToBytes, type Address } from '../../../src/wire/address.js';

/** A member at `10.0.0.<host>:7946`. */
export function member(name: string, host: number, state: MemberState = 'alive'): Member {
  const addr = ipToBytes(`10.0.0.${host}`) as Buffer;
  const claim = { addr, port: 7946, meta: null, vsn: Buffer.of(1, 5, 2, 0, 0, 0), incarnation: 1 };
  return new Member(name, factsFrom(claim)!, state, 0);
}

export class Stage {
  readonly clock = new VirtualClock();
  readonly driver = new Driver(this.clock);
  readonly counters = new Counters();
  readonly local = member('me', 1);
  readonly table: Member[] = [this.local];
  readonly reports: Report[] = [];
  readonly guard = new Guard({
    counters: this.counters,
    report: (report) => this.reports.push(report),
  });
  /** When whom was contacted. */
  readonly contacts: { at: number; address: Address; signal: AbortSignal; byName: boolean }[] = [];
  readonly rejoiner: Rejoiner;
  /** What a contact does; nobody answers unless a test says so. */
  answer: (address: Address, signal: AbortSignal) => Promise<void> = ({ addr }) =>
    Promise.reject(new Error(`${addr} refused`));

  constructor(
    config: MemberlistConfig = {},
    { resolver, unmet = [] }: { resolver?: Resolver; unmet?: readonly SavedPeer[] } = {},
  ) {
    const { clock, counters, table, local } = this;
    const random = new SeededRandom('the stage');
    this.rejoiner = new Rejoiner(
      {
        config: resolveConfig({ name: 'me', ...config, clock, random }),
        random,
        resolver,
        counters,
        report: (report) => void this.reports.push(report),
        guard: this.guard,
        engine: { table, local },
        contacts: {
          join: (address, { signal }) => this.#contacted(address, signal as AbortSignal, false),
          rejoin: (peer, signal) => this.#contacted(peer, signal, true),
        },
      },
      { bindPort: 7946, unmet },
    );
  }

  get addrs(): string[] {
    return this.contacts.map(({ address }) => address.addr);
  }

  codes(): string[] {
    return this.reports.map(({ code }) => code);
  }

  fails(name: string, host: number): void {
    this.#goes(name, host, 'failed');
  }

  leaves(name: string, host: number): void {
    this.#goes(name, host, 'left');
  }

  joins(name: string, host: number): void {
    const joined = member(name, host);
    this.table.push(joined);
    this.rejoiner.onMembershipEvent({ type: 'join', node: joined.snapshot() });
  }

  /** Somebody may be found at an address from now on. */
  lives(name: string, host: number): void {
    this.answer = ({ addr }) => {
      if (addr !== `10.0.0.${host}:7946`) return Promise.reject(new Error('refused'));
      this.joins(name, host);
      return Promise.resolve();
    };
  }

  #contacted(address: Address, signal: AbortSignal, byName: boolean): Promise<void> {
    this.contacts.push({ at: this.clock.now(), address, signal, byName });
    return this.answer(address, signal);
  }

  #goes(name: string, host: number, reason: 'failed' | 'left'): void {
    const place = this.table.findIndex((each) => each.name === name);
    if (place >= 0) this.table.splice(place, 1);
    const node = member(name, host, reason === 'left' ? 'left' : 'dead').snapshot();
    this.rejoiner.onMembershipEvent({ type: 'leave', node, reason });
  }
}

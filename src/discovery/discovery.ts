/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Keeps a node in company: looks for those who are lost, writes down who is there, and says when there is
// company and when there is trouble with it.
import type { MembershipEvent } from '../core/membership/events.js';
import type { Shell } from '../node/running-node.js';
import type { ClusterHealthEvent } from '../cluster-health/events.js';
import { Contacts } from './contacts.js';
import { Rejoiner } from './rejoiner.js';
import type { SavedPeer } from './snapshot.js';
import { SnapshotKeeper } from './snapshot-keeper.js';
import { HealthWatch } from '../cluster-health/cluster-health.js';

/** Somebody waits for so many members. */
interface Waiter {
  readonly members: number;
  readonly done: () => void;
}

/** What keeps one node in company. */
export class Company {
  /** All ways to join others, and to be joined. */
  readonly contacts: Contacts;
  readonly #shell: Shell;
  readonly #rejoiner: Rejoiner;
  readonly #keeper: SnapshotKeeper;
  readonly #watch: HealthWatch;
  readonly #waiters = new Set<Waiter>();

  constructor(shell: Shell, init: { notify: (event: ClusterHealthEvent) => void }) {
    this.#shell = shell;
    const { config, counters, report, guard, bindPort, engine } = shell;
    this.contacts = new Contacts(config, shell);
    this.#rejoiner = new Rejoiner(config, {
      counters,
      report,
      guard,
      bindPort,
      engine,
      contacts: this.contacts,
    });
    this.#rejoiner.unmet = shell.snapshot?.members ?? [];
    const current = () => ({
      name: config.name,
      incarnation: engine.self.incarnation,
      members: this.#worthSaving(),
    });
    this.#keeper = new SnapshotKeeper({ config, report, failed: guard.failed }, { current });
    const members = (): number => this.#members;
    this.#watch = new HealthWatch({ config, counters, report, members, notify: init.notify });
    shell.cutOff = (isCutOff) => this.#watch.cutOff(isCutOff);
    shell.company = () => ({
      reconnectCandidates: this.#rejoiner.lost.size,
      expected: this.#watch.size.expected,
      health: this.#watch.health,
    });
  }

  /** Begins to look for others, and for those that get lost. */
  start(): void {
    this.contacts.start();
    this.#rejoiner.start();
    this.#watch.start();
    this.#keeper.changed();
  }

  /** What is written down of us may be another by now. */
  changed(): void {
    this.#keeper.changed();
  }

  /** After `stop`: writes down what is to be remembered, and resolves when that is done. */
  close(): Promise<void> {
    return this.#keeper.close();
  }

  /** Looks for nobody any more, and joins nobody, until `start`. */
  stop(reason: Error): void {
    this.contacts.stop(reason);
    this.#rejoiner.stop(reason);
    this.#watch.stop();
  }

  /** Something became known of a member. */
  onMembershipEvent(event: MembershipEvent): void {
    this.#rejoiner.onMembershipEvent(event);
    this.#watch.onMembershipEvent(event);
    if (event.type !== 'health') this.#keeper.changed();
    if (event.type !== 'join') return;
    for (const { members, done } of this.#waiters) if (this.#members >= members) done();
  }

  /** Forgets who is gone, here and in the table; true when anybody knew it. */
  forget(name: string): boolean {
    const { engine } = this.#shell;
    const isKnown = engine.table.get(name) !== undefined || this.#rejoiner.lost.has(name);
    if (!engine.forget(name)) return false;
    this.#rejoiner.lost.settle(name);
    return isKnown;
  }

  /** Calls back once there are so many members, ourselves included. @returns ends the waiting */
  whenMembers(members: number, done: () => void): () => void {
    const waiter = { members, done };
    if (this.#members >= members) done();
    else this.#waiters.add(waiter);
    return () => this.#waiters.delete(waiter);
  }

  get #members(): number {
    return this.#shell.engine.table.present;
  }

  /** The living first, then those who may be back, then those of an earlier life that nobody answers for. */
  #worthSaving(): SavedPeer[] {
    const { table, local } = this.#shell.engine;
    const peers = new Map<string, string>();
    for (const member of table) {
      if (!member.isGone && member !== local) peers.set(member.name, member.address);
    }
    for (const { name, addr } of [...this.#rejoiner.lost, ...this.#rejoiner.unmet]) {
      if (!peers.has(name)) peers.set(name, addr);
    }
    return Array.from(peers, ([name, addr]) => ({ name, addr }));
  }
}

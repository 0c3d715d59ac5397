/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Finds other nodes and keeps contact with them: seeds, joining, failed members to reconnect to, and the snapshot
// from which the next run of this node finds its cluster again.
import type { ResolvedConfig } from '../config/options.js';
import type { Counters } from '../core/counters.js';
import type { Member } from '../core/member.js';
import type { MembershipEvent } from '../core/membership/events.js';
import type { Random } from '../core/ports.js';
import type { Report } from '../core/reports.js';
import type { Guard } from '../runtime/guard.js';
import type { Resolver } from '../transport/resolve.js';
import { Contacts, type ContactComponents } from './contacts.js';
import { Rejoiner } from './rejoiner.js';
import type { SavedPeer, Snapshot } from './snapshot.js';
import type { SnapshotFiles } from './snapshot-files.js';
import { SnapshotKeeper } from './snapshot-keeper.js';

/** What discovery needs of the node. */
export interface DiscoveryComponents extends ContactComponents {
  readonly config: ResolvedConfig;
  readonly counters: Counters;
  readonly report: (report: Report) => void;
  readonly guard: Guard;
  readonly engine: ContactComponents['engine'] & {
    readonly table: Iterable<Member> & { get(name: string): Member | undefined };
    readonly local: Member;
    readonly self: { readonly incarnation: number };
    /** Removes a member that failed or left. False when it is alive or suspect. */
    forget(name: string): boolean;
  };
  /** Decides when a node is contacted, and which. */
  readonly random: Random;
  /** Undefined: the system's name servers. */
  readonly resolver: Resolver | undefined;
  readonly files: SnapshotFiles;
}

/** Discovery of one node. */
export class Discovery {
  /** All joins, whichever side starts them. */
  readonly contacts: Contacts;
  readonly #engine: DiscoveryComponents['engine'];
  readonly #rejoiner: Rejoiner;
  readonly #keeper: SnapshotKeeper;

  /**
   * @param init.bindPort - the port of seeds without one
   * @param init.snapshot - what an earlier run of this node saved
   */
  constructor(
    components: DiscoveryComponents,
    init: { bindPort: number; snapshot: Snapshot | undefined },
  ) {
    const { config, counters, report, guard, engine, random, resolver, files } = components;
    this.#engine = engine;
    this.contacts = new Contacts(components, config);
    this.#rejoiner = new Rejoiner(
      { config, counters, report, guard, engine, random, resolver, contacts: this.contacts },
      { bindPort: init.bindPort, unmet: init.snapshot?.members ?? [] },
    );
    const current = (): Snapshot => ({
      name: config.name,
      incarnation: engine.self.incarnation,
      members: this.#membersToSave(),
    });
    this.#keeper = new SnapshotKeeper({ config, report, files, failed: guard.failed }, { current });
  }

  /** Starts to contact the seeds, and later failed members. */
  start(): void {
    this.contacts.start();
    this.#rejoiner.start();
    this.#keeper.changed();
  }

  /** Ends all contacts and allows no others until `start`. */
  stop(reason: Error): void {
    this.contacts.stop(reason);
    this.#rejoiner.stop(reason);
  }

  /** Writes the last snapshot; resolves when that is done. Call it before the last `stop`, which clears the candidates. */
  close(): Promise<void> {
    return this.#keeper.close();
  }

  /** This node's incarnation, which the snapshot contains, has risen. */
  incarnationChanged(): void {
    this.#keeper.changed();
  }

  /** Membership changed. */
  onMembershipEvent(event: MembershipEvent): void {
    this.#rejoiner.onMembershipEvent(event);
    if (event.type !== 'health') this.#keeper.changed();
  }

  /** How many failed members this node tries to reconnect to. */
  get reconnectCandidates(): number {
    return this.#rejoiner.candidates.size;
  }

  /** Removes a member that failed or left from the table and the candidates. True when it was known. */
  forget(name: string): boolean {
    const engine = this.#engine;
    const { candidates } = this.#rejoiner;
    const isKnown = engine.table.get(name) !== undefined || candidates.has(name);
    if (!engine.forget(name)) return false;
    candidates.remove(name);
    return isKnown;
  }

  /** Living members first, then failed ones that may come back, then those of an earlier run that were not met yet. */
  #membersToSave(): SavedPeer[] {
    const { table, local } = this.#engine;
    const peers = new Map<string, string>();
    for (const member of table) {
      if (!member.isGone && member !== local) peers.set(member.name, member.address);
    }
    for (const { name, addr } of [...this.#rejoiner.candidates, ...this.#rejoiner.unmet]) {
      if (!peers.has(name)) peers.set(name, addr);
    }
    return Array.from(peers, ([name, addr]) => ({ name, addr }));
  }
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Another node's table on its way into ours: which of its records need not be read, whether we may take it,
// and the taking. The table may change between two slices of it.
import type { MemberRecord } from '../../wire/messages.js';
import type { RecordGlance } from '../../wire/record-glance.js';
import { isEndOfSlice, type Sliced } from '../../wire/sliced.js';
import type { CoreContext } from '../context.js';
import type { LocalNode } from '../local-node.js';
import type { Member } from '../member.js';
import type { MemberTable } from '../member-table.js';
import { shortened, type NameBound } from '../name-bound.js';
import type { Membership } from './apply.js';
import { saysNothingNew } from './judge-alive.js';
import { isAliveRecord, mergeRecord } from './merge.js';
import { VersionCensus } from './verify-versions.js';

/** What the merger works with. */
export interface MergerComponents {
  readonly context: CoreContext;
  readonly self: LocalNode;
  readonly table: MemberTable;
  readonly membership: Membership;
  readonly names: NameBound;
}

/** Takes the tables that other nodes send in a push/pull. */
export class Merger {
  readonly #context: CoreContext;
  readonly #self: LocalNode;
  readonly #table: MemberTable;
  readonly #membership: Membership;
  readonly #names: NameBound;
  readonly #isRunning: () => boolean;
  readonly #named = (buf: Buffer, start: number, end: number): Member | undefined =>
    this.#table.named(buf, start, end);

  /** @param init.isRunning - a merge ends with the node, also within a slice */
  constructor(components: MergerComponents, init: { isRunning: () => boolean }) {
    this.#context = components.context;
    this.#self = components.self;
    this.#table = components.table;
    this.#membership = components.membership;
    this.#names = components.names;
    this.#isRunning = init.isRunning;
  }

  /** Whether a record tells nothing new, so that it need not be read. */
  isKnown(record: RecordGlance): boolean {
    // Only a name in other letters than ASCII must be made a string of to be found.
    const member = record.lookUp(this.#named) ?? this.#table.get(record.name);
    return (
      member !== undefined &&
      this.#membership.mayPassOver(member.name) &&
      saysNothingNew(member, record)
    );
  }

  /** Whether a record may be merged. One that may not is left out; the rest of its table is as good without it. */
  allows(record: MemberRecord): boolean {
    return this.#names.allows(record.name);
  }

  /** Why this table may not be merged into ours; undefined when it may. */
  *versionProblem(theirs: readonly MemberRecord[]): Sliced<string | undefined> {
    const census = new VersionCensus();
    let count = 0;
    for (const record of theirs) {
      if (this.allows(record)) census.add(record.name, isAliveRecord(record), record.vsn);
      if (isEndOfSlice(++count)) yield;
    }
    // Ours may change between two slices, so it is walked in one; it takes no more than a look at each.
    for (const { name, state, vsn } of this.#table) census.add(name, state === 'alive', vsn);
    return census.problem();
  }

  /** Merges this table into ours. */
  *merge(records: readonly MemberRecord[]): Sliced<undefined> {
    let count = 0;
    for (const record of records) {
      if (!this.#isRunning()) return undefined;
      if (this.allows(record)) mergeRecord(record, this.#membership, this.#self.name);
      else this.#drop(record.name);
      if (isEndOfSlice(++count)) yield;
    }
    return undefined;
  }

  #drop(name: string): void {
    const { counters, effects } = this.#context;
    const reason = 'name-too-long';
    counters.drop(reason);
    const detail = this.#names.describe(name);
    effects.report({ code: 'claim-refused', peer: shortened(name), reason, detail });
  }
}

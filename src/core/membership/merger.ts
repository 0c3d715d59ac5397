/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Another node's table on its way into ours: which of its records need not be read, whether we may take it,
// and the taking. The table may change between two slices of it.
import type { MemberRecord } from '../../wire/messages.js';
import type { RecordGlance } from '../../wire/record-glance.js';
import { hasSameBytes } from '../../wire/shared-bytes.js';
import { isEndOfSlice, type Sliced } from '../../wire/sliced.js';
import type { PushPull } from '../../wire/push-pull-codec.js';
import type { CoreContext } from '../context.js';
import type { DropReason } from '../counters.js';
import type { LocalNode } from '../local-node.js';
import { hasVersions, type Member } from '../member.js';
import type { MemberTable } from '../member-table.js';
import { shortened, type NameBound } from '../name-bound.js';
import type { VerifiedMembers } from '../probe/verified-members.js';
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
  readonly verified: Pick<VerifiedMembers, 'has'>;
}

/** Another node's table. */
type Table = Pick<PushPull, 'records' | 'leftOut'>;

/** Takes the tables that other nodes send in a push/pull. */
export class Merger {
  readonly #context: CoreContext;
  readonly #self: LocalNode;
  readonly #table: MemberTable;
  readonly #membership: Membership;
  readonly #names: NameBound;
  readonly #verified: MergerComponents['verified'];
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
    this.#verified = components.verified;
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

  /**
   * Why this table may not be merged into ours; undefined when it may. It may not when none of the living members in it
   * fits the versions of ours, as then its sender does not either. Of a table in which some fit, {@link merge} leaves
   * the others out: anybody can put a member that does not exist into the tables of honest nodes.
   */
  *versionProblem({ records, leftOut = 0 }: Table): Sliced<string | undefined> {
    // What was left out is about members that are known to fit.
    if (leftOut > 0 || records.length === 0) return undefined;
    const ours = this.#census();
    let problem: string | undefined;
    let count = 0;
    for (const record of records) {
      if (this.allows(record) && record.name !== this.#self.name && isAliveRecord(record)) {
        const misfit = this.#misfit(record, ours);
        if (misfit === undefined) return undefined;
        problem ??= misfit;
      }
      if (isEndOfSlice(++count)) yield;
    }
    return problem;
  }

  /** Merges this table into ours. */
  *merge(records: readonly MemberRecord[]): Sliced<undefined> {
    if (records.length === 0) return undefined;
    const ours = this.#census();
    let count = 0;
    for (const record of records) {
      if (!this.#isRunning()) return undefined;
      this.#mergeOne(record, ours);
      if (isEndOfSlice(++count)) yield;
    }
    return undefined;
  }

  #mergeOne(record: MemberRecord, ours: VersionCensus): void {
    const { name } = record;
    if (!this.allows(record)) {
      return this.#drop(shortened(name), 'name-too-long', this.#names.describe(name));
    }
    const misfit = isAliveRecord(record) ? this.#misfit(record, ours) : undefined;
    if (misfit !== undefined) return this.#drop(name, 'incompatible', misfit);
    mergeRecord(record, this.#membership, this.#self.name);
  }

  /**
   * The versions of ourselves and of the verified members that live. Others may have been made up to stop all push/pulls
   * with versions that fit nobody's. The table may change between two slices, so it is walked in one.
   */
  #census(): VersionCensus {
    const census = new VersionCensus();
    const { node, vsn } = this.#self.aliveClaim(null);
    census.add(node, vsn);
    // Mostly all have the same.
    let last = vsn;
    for (const member of this.#table) {
      if (member.vsn === last || member.state !== 'alive' || !this.#verified.has(member)) continue;
      census.add(member.name, member.vsn);
      last = member.vsn;
    }
    return census;
  }

  /** Why the versions in a record do not fit. What a known member has does, and what is said of ourselves is refuted. */
  #misfit({ name, vsn }: MemberRecord, ours: VersionCensus): string | undefined {
    const problem = ours.problemWith(name, vsn);
    if (problem === undefined || name === this.#self.name) return undefined;
    const known = this.#table.get(name);
    const isAsBefore = known !== undefined && (!hasVersions(vsn) || hasSameBytes(vsn, known.vsn));
    return isAsBefore ? undefined : problem;
  }

  #drop(peer: string, reason: DropReason, detail: string): void {
    const { counters, effects } = this.#context;
    counters.drop(reason);
    effects.report({ code: 'claim-refused', peer, reason, detail });
  }
}

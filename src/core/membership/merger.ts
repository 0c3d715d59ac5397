/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Merges the table of another node: which of its records can be skipped, whether it may be merged, and the merge
// itself. Our table may change between two slices.
import type { MemberRecord } from '../../wire/messages.js';
import type { RecordPrecheck } from '../../wire/record-precheck.js';
import { hasSameBytes } from '../../wire/shared-bytes.js';
import { isEndOfSlice, type Sliced } from '../../wire/sliced.js';
import type { PushPull } from '../../wire/push-pull-codec.js';
import type { CoreContext } from '../context.js';
import type { DropReason } from '../counters.js';
import type { LocalNode } from '../local-node.js';
import type { Member } from '../member.js';
import { hasVersions } from '../versions.js';
import type { MemberTable } from '../member-table.js';
import { shortened, type NameBound } from '../name-bound.js';
import type { VerifiedMembers } from '../probe/verified-members.js';
import type { Membership } from './apply.js';
import { isRedundantRecord } from './judge-alive.js';
import { isAliveRecord, mergeRecord } from './merge.js';
import { VersionCensus } from './verify-versions.js';

/** Dependencies of the merger. */
export interface MergerComponents {
  readonly context: CoreContext;
  readonly self: LocalNode;
  readonly table: MemberTable;
  readonly membership: Membership;
  readonly names: NameBound;
  readonly verified: Pick<VerifiedMembers, 'has'>;
}

/** The table of another node. */
type Table = Pick<PushPull, 'records' | 'skippedRecords'>;

/** Merges the tables that other nodes send in a push/pull. */
export class Merger {
  readonly #context: CoreContext;
  readonly #self: LocalNode;
  readonly #table: MemberTable;
  readonly #membership: Membership;
  readonly #names: NameBound;
  readonly #verified: MergerComponents['verified'];
  readonly #isRunning: () => boolean;
  readonly #named = (buf: Buffer, start: number, end: number): Member | undefined =>
    this.#table.findByBytes(buf, start, end);

  /** @param init.isRunning - a merge ends when the node stops, even within a slice */
  constructor(components: MergerComponents, init: { isRunning: () => boolean }) {
    this.#context = components.context;
    this.#self = components.self;
    this.#table = components.table;
    this.#membership = components.membership;
    this.#names = components.names;
    this.#verified = components.verified;
    this.#isRunning = init.isRunning;
  }

  /** Whether a record contains no update, so that it need not be decoded. */
  isKnown(record: RecordPrecheck): boolean {
    // Only a name that is not ASCII must be decoded to be found.
    const member = record.lookUp(this.#named) ?? this.#table.get(record.name);
    return (
      member !== undefined &&
      this.#membership.maySkipRedundant(member.name) &&
      isRedundantRecord(member, record)
    );
  }

  /** Whether a record may be merged. A record that may not is left out; the rest of its table is merged. */
  allows(record: MemberRecord): boolean {
    return this.#names.allows(record.name);
  }

  /**
   * Why this table must not be merged into ours; undefined if it may be. It is refused if no alive member in it has
   * versions compatible with ours: then its sender is incompatible too. If some are compatible, {@link merge} leaves the
   * others out, because any node can add forged members to the tables of honest nodes.
   */
  *versionProblem({ records, skippedRecords = 0 }: Table): Sliced<string | undefined> {
    // The skipped records are about members that are known to be compatible.
    if (skippedRecords > 0 || records.length === 0) return undefined;
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
   * The versions of ourselves and of the alive verified members. Other members may be forged, to stop all push/pulls
   * with versions that are compatible with no node. The table may change between two slices, so it is walked in one.
   */
  #census(): VersionCensus {
    const census = new VersionCensus();
    const { node, vsn } = this.#self.aliveClaim(null);
    census.add(node, vsn);
    // Almost always, all members have the same versions.
    let last = vsn;
    for (const member of this.#table) {
      if (member.vsn === last || member.state !== 'alive' || !this.#verified.has(member)) continue;
      census.add(member.name, member.vsn);
      last = member.vsn;
    }
    return census;
  }

  /**
   * Why the versions in a record are incompatible. The versions of a known member are compatible, and a claim about
   * ourselves is refuted instead.
   */
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

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What becomes of a claim that somebody is alive (behaviour, section 4). Pure: it looks and says.
import { hostOf } from '../../wire/source.js';
import { limits } from '../../wire/limits.js';
import type { RecordGlance } from '../../wire/record-glance.js';
import { isSamePackedIp } from '../../wire/packed-ip.js';
import { hasSameBytes } from '../../wire/shared-bytes.js';
import type { DropReason } from '../counters.js';
import { isNewer } from '../incarnation.js';
import { hasVersions, type Member, type MemberFacts } from '../member.js';
import { isStale } from './judge-suspect.js';
import type { VersionCensus } from './verify-versions.js';

/** What is to be done about an alive claim. */
export type AliveVerdict =
  | { readonly kind: 'ignore' }
  | { readonly kind: 'drop'; readonly reason: DropReason; readonly detail: string }
  | { readonly kind: 'conflict' }
  | { readonly kind: 'refute' }
  /** `reclaim`: under another address than the name had before. */
  | { readonly kind: 'accept'; readonly reclaim: boolean };

export interface AliveCircumstances {
  readonly isSelf: boolean;
  /** The claim is our own: at the start, or with new metadata. */
  readonly isOwnClaim: boolean;
  readonly now: number;
  readonly deadNodeReclaimMs: number;
  readonly allowsIp: (ip: string) => boolean;
}

/** What the versions of a claim must be. */
export interface VersionDemands {
  /** Whether fewer than six bytes are a defect. Of a known member they change nothing. */
  readonly mustHaveAll: boolean;
  /** What they have to fit; undefined for claims about ourselves, which are judged whatever they say. */
  readonly ours: VersionCensus | undefined;
}

/** Whether a claim is well-formed enough to be shown to the alive delegate and judged. */
export function defectOfAlive(
  name: string,
  claim: { meta: Buffer | null; vsn: Buffer },
  demands: VersionDemands,
): { reason: DropReason; detail: string } | undefined {
  const { vsn } = claim;
  if (name === '') return { reason: 'bad-name', detail: 'an alive claim without a name' };
  if ((claim.meta?.length ?? 0) > limits.metaBytes) {
    return { reason: 'meta-too-large', detail: `metadata of ${claim.meta?.length ?? 0} bytes` };
  }
  const isFull = hasVersions(vsn);
  if (demands.mustHaveAll && !isFull) {
    return { reason: 'bad-versions', detail: `only ${vsn.length} version bytes` };
  }
  const [min, max] = vsn;
  if (min !== undefined && max !== undefined && (min === 0 || max === 0 || min > max)) {
    return { reason: 'bad-versions', detail: `protocol versions ${min} to ${max}` };
  }
  const misfit = isFull ? demands.ours?.problemWith(name, vsn) : undefined;
  return misfit === undefined ? undefined : { reason: 'incompatible', detail: misfit };
}

/**
 * Whether this says nothing that is not known: somebody at this address was alive under this incarnation, or
 * a newer one.
 */
export function isOldNews(
  member: Member | undefined,
  { addr, port, incarnation }: Pick<MemberFacts, 'addr' | 'port' | 'incarnation'>,
): boolean {
  if (member === undefined || isNewer(incarnation, member.incarnation)) return false;
  return isSameAddress(member, { addr, port });
}

/**
 * Whether a record of somebody's table says of a member that lives what we know, or less: {@link isOldNews}, seen in
 * its bytes, and no version that our own table has not.
 */
export function saysNothingNew(member: Member | undefined, record: RecordGlance): boolean {
  return (
    record.isAlive &&
    member?.state === 'alive' &&
    member.port === record.port &&
    !isNewer(record.incarnation, member.incarnation) &&
    record.hasAddr(member.packedAddr) &&
    record.hasVsn(member.vsn)
  );
}

/** Judges a well-formed alive claim about `member`, or about a name that is unknown. */
export function judgeAlive(
  member: Member | undefined,
  facts: MemberFacts,
  circumstances: AliveCircumstances,
): AliveVerdict {
  const { isSelf, isOwnClaim } = circumstances;
  if (isOwnClaim) return { kind: 'accept', reclaim: false };
  if (member === undefined)
    return refusal(facts, circumstances) ?? { kind: 'accept', reclaim: false };
  const reclaim = !isSameAddress(member, facts);
  if (reclaim) {
    const refused = refusal(facts, circumstances);
    if (refused !== undefined) return refused;
    if (!mayReclaim(member, circumstances)) return { kind: 'conflict' };
  }
  if (isSelf) {
    if (isStale(member, facts, { isSelf })) return { kind: 'ignore' };
    return isWhatWeSay(member, facts) ? { kind: 'ignore' } : { kind: 'refute' };
  }
  if (isOldNews(member, facts)) return { kind: 'ignore' };
  return { kind: 'accept', reclaim };
}

function refusal(facts: MemberFacts, { allowsIp }: AliveCircumstances): AliveVerdict | undefined {
  const ip = hostOf(facts.address);
  if (allowsIp(ip)) return undefined;
  return { kind: 'drop', reason: 'not-allowed', detail: `${ip} is not in cidrsAllowed` };
}

function isSameAddress(
  member: Member,
  { addr, port }: Pick<MemberFacts, 'addr' | 'port'>,
): boolean {
  return member.port === port && isSamePackedIp(member.packedAddr, addr);
}

// A name may move once its old bearer left, or has been dead for long enough.
function mayReclaim(member: Member, { now, deadNodeReclaimMs }: AliveCircumstances): boolean {
  if (member.state === 'left') return true;
  if (member.state !== 'dead' || deadNodeReclaimMs <= 0) return false;
  return now - member.stateChangedAt > deadNodeReclaimMs;
}

// The same incarnation with other content is a claim left over from an earlier life of ours.
function isWhatWeSay(member: Member, facts: MemberFacts): boolean {
  return (
    facts.incarnation === member.incarnation &&
    hasSameBytes(facts.vsn, member.vsn) &&
    member.hasMeta(facts.meta)
  );
}

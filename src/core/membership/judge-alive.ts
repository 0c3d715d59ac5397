/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Decides about alive claims (behavior, section 4). Pure: no side effects.
import { hostOf } from '../../wire/source.js';
import { limits } from '../../wire/limits.js';
import type { RecordPrecheck } from '../../wire/record-precheck.js';
import { isSamePackedIp } from '../../wire/packed-ip.js';
import { hasSameBytes } from '../../wire/shared-bytes.js';
import type { DropReason } from '../counters.js';
import { isNewer } from '../incarnation.js';
import type { Member, MemberFacts } from '../member.js';
import { hasVersions } from '../versions.js';
import { isStale } from './judge-suspect.js';
import type { VersionCensus } from './verify-versions.js';

/** The decision about an alive claim. */
export type AliveVerdict =
  | { readonly kind: 'ignore' }
  | { readonly kind: 'drop'; readonly reason: DropReason; readonly detail: string }
  | { readonly kind: 'conflict' }
  | { readonly kind: 'refute' }
  /** `reclaim`: the address differs from the one that the name had before. */
  | { readonly kind: 'accept'; readonly reclaim: boolean };

export interface AliveCircumstances {
  readonly isSelf: boolean;
  /** The claim is our own: at the start, or with new metadata. */
  readonly isOwnClaim: boolean;
  readonly now: number;
  readonly deadNodeReclaimMs: number;
  readonly allowsIp: (ip: string) => boolean;
}

/** The required versions of a claim. */
export interface VersionRequirements {
  /** Whether fewer than six bytes are a defect. For a known member they change nothing. */
  readonly requiresAll: boolean;
  /**
   * The versions with which they must be compatible; undefined for claims about ourselves, which are judged in any
   * case.
   */
  readonly ours: VersionCensus | undefined;
}

/** Why a claim must not be shown to the alive delegate or judged; undefined if it is well-formed. */
export function findAliveDefect(
  name: string,
  claim: { meta: Buffer | null; vsn: Buffer },
  requirements: VersionRequirements,
): { reason: DropReason; detail: string } | undefined {
  const { vsn } = claim;
  if (name === '') return { reason: 'bad-name', detail: 'the name of an alive claim is empty' };
  if ((claim.meta?.length ?? 0) > limits.metaBytes) {
    return { reason: 'meta-too-large', detail: `metadata of ${claim.meta?.length ?? 0} bytes` };
  }
  const isFull = hasVersions(vsn);
  if (requirements.requiresAll && !isFull) {
    return { reason: 'bad-versions', detail: `only ${vsn.length} version bytes` };
  }
  const [min, max] = vsn;
  if (min !== undefined && max !== undefined && (min === 0 || max === 0 || min > max)) {
    return { reason: 'bad-versions', detail: `protocol versions ${min} to ${max}` };
  }
  const misfit = isFull ? requirements.ours?.problemWith(name, vsn) : undefined;
  return misfit === undefined ? undefined : { reason: 'incompatible', detail: misfit };
}

/**
 * Whether an alive claim contains no update: the member at this address is known under this incarnation or a newer
 * one.
 */
export function isRedundantAlive(
  member: Member | undefined,
  { addr, port, incarnation }: Pick<MemberFacts, 'addr' | 'port' | 'incarnation'>,
): boolean {
  if (member === undefined || isNewer(incarnation, member.incarnation)) return false;
  return isSameAddress(member, { addr, port });
}

/**
 * Whether a record of another node's table contains no update about an alive member: {@link isRedundantAlive},
 * determined from its bytes, and with the versions that our table has.
 */
export function isRedundantRecord(member: Member | undefined, record: RecordPrecheck): boolean {
  return (
    record.isAlive &&
    member?.state === 'alive' &&
    member.port === record.port &&
    !isNewer(record.incarnation, member.incarnation) &&
    record.hasAddr(member.packedAddr) &&
    record.hasVsn(member.vsn)
  );
}

/** Judges a well-formed alive claim about `member`, or about an unknown name if that is undefined. */
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
    return isOwnState(member, facts) ? { kind: 'ignore' } : { kind: 'refute' };
  }
  if (isRedundantAlive(member, facts)) return { kind: 'ignore' };
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

// A name may move once its previous holder left, or has been dead for long enough.
function mayReclaim(member: Member, { now, deadNodeReclaimMs }: AliveCircumstances): boolean {
  if (member.state === 'left') return true;
  if (member.state !== 'dead' || deadNodeReclaimMs <= 0) return false;
  return now - member.stateChangedAt > deadNodeReclaimMs;
}

// The same incarnation with other content is a claim from an earlier run of this node.
function isOwnState(member: Member, facts: MemberFacts): boolean {
  return (
    facts.incarnation === member.incarnation &&
    hasSameBytes(facts.vsn, member.vsn) &&
    member.hasMeta(facts.meta)
  );
}

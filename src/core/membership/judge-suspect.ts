/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Decides about claims that a member does not answer (behavior, section 4).
import { isOlder } from '../incarnation.js';
import type { Member } from '../member.js';

/** The decision about a suspect claim. `confirm`: it may shorten a running suspicion. */
export type SuspectVerdict = 'ignore' | 'confirm' | 'refute' | 'accept';

/** Judges a suspect claim about `member`. */
export function judgeSuspect(
  member: Member | undefined,
  claim: { incarnation: number },
  circumstances: { isSelf: boolean; isUnderSuspicion: boolean },
): SuspectVerdict {
  if (member === undefined || isStale(member, claim, circumstances)) return 'ignore';
  if (circumstances.isUnderSuspicion) return 'confirm';
  if (member.state !== 'alive') return 'ignore';
  return circumstances.isSelf ? 'refute' : 'accept';
}

/**
 * A claim about an earlier incarnation is stale. A claim about ourselves must also be earlier as a plain number,
 * because peers may compare incarnations that way (core/incarnation): an unnecessary refutation is better than a
 * missing one.
 */
export function isStale(
  member: Member,
  claim: { incarnation: number },
  { isSelf }: { isSelf: boolean },
): boolean {
  if (!isOlder(claim.incarnation, member.incarnation)) return false;
  return !isSelf || claim.incarnation < member.incarnation;
}

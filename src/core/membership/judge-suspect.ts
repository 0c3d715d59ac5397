/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What becomes of a claim that somebody does not answer (behaviour, section 4).
import { isOlder } from '../incarnation.js';
import type { Member } from '../member.js';

/** What is to be done about a suspect claim. `confirm`: it may shorten a suspicion that runs. */
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
 * A claim about an incarnation that is past is stale. About ourselves it must be past in plain
 * numbers too, for our peers may compare them so (core/incarnation): better one refutation too many.
 */
export function isStale(
  member: Member,
  claim: { incarnation: number },
  { isSelf }: { isSelf: boolean },
): boolean {
  if (!isOlder(claim.incarnation, member.incarnation)) return false;
  return !isSelf || claim.incarnation < member.incarnation;
}

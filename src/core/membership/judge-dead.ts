/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Decides about claims that a member is dead, or left (behavior, section 4).
import type { Member } from '../member.js';
import { isStale } from './judge-suspect.js';

/** The decision about a dead claim. `settle`: only a running suspicion ends. */
export type DeadVerdict = 'ignore' | 'settle' | 'refute' | 'accept';

/** Judges a dead claim about `member`. */
export function judgeDead(
  member: Member | undefined,
  claim: { incarnation: number },
  circumstances: { isSelf: boolean; leaving: boolean },
): DeadVerdict {
  if (member === undefined || isStale(member, claim, circumstances)) return 'ignore';
  if (member.isGone) return 'settle';
  return circumstances.isSelf && !circumstances.leaving ? 'refute' : 'accept';
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Whom we gossip with. With a table of honest members everybody has the same chance; with one in which made-up names
// outnumber the members that have proven to be real, a share goes to those.
import type { Member } from './member.js';
import type { MemberTable } from './member-table.js';
import type { VerifiedMembers } from './probe/verified-members.js';

/**
 * Up to `k` different random members that pass a test; while verified members are outnumbered, `share` of them
 * are verified, as far as there are so many.
 */
export function pickPeers(
  { table, verified }: { table: MemberTable; verified: VerifiedMembers },
  { k, share, test }: { k: number; share: number; test: (member: Member) => boolean },
): Member[] {
  if (!verified.isOutnumbered) return table.pick(k, test);
  const chosen = verified.pick(share, test);
  const others = table.pick(k - chosen.length, (each) => test(each) && !chosen.includes(each));
  return chosen.concat(others);
}

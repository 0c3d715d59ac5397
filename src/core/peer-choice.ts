/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Chooses the peers of gossip and push/pull. In a table of honest members all have the same chance. If forged names
// outnumber the verified members, a share goes to the verified ones.
import type { Member } from './member.js';
import type { MemberTable } from './member-table.js';
import type { VerifiedMembers } from './probe/verified-members.js';

/**
 * Up to `k` different random members that satisfy a test. While verified members are outnumbered, up to `share` of
 * them are verified.
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

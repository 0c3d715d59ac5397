/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Which members a node sees as alive or suspect.
import type { Member } from '../core/member.js';

/** The members that a node knows, and its own record. */
export interface KnownMembers {
  readonly table: Iterable<Member>;
  readonly local: Member;
}

/** How many members are alive or suspect; this node counts, whatever its state. */
export function presentMembers({ table, local }: KnownMembers): number {
  let count = 1;
  for (const member of table) if (!member.isGone && member !== local) count++;
  return count;
}

/** Whether a member that is alive or suspect, or this node itself, has the address. */
export function isPresentAt({ table, local }: KnownMembers, addr: string): boolean {
  if (local.address === addr) return true;
  for (const member of table) if (!member.isGone && member.address === addr) return true;
  return false;
}

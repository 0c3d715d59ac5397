/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Reports changes of members: to the log, then to the user. Called when the state is consistent.
import { nodeFrom, type Member, type MemberFacts, type MemberState } from '../member.js';
import type { Effects } from '../ports.js';

/**
 * An alive claim about another node was accepted.
 *
 * @param stateBefore - undefined if the member is new, as `addressBefore`
 * @param previousMeta - the metadata before; undefined if it did not change
 */
export function notifyAdmitted(
  effects: Effects,
  member: Member,
  stateBefore: MemberState | undefined,
  addressBefore: string | undefined,
  previousMeta: Buffer | undefined,
): void {
  const { name, address } = member;
  if (stateBefore === undefined || stateBefore === 'dead' || stateBefore === 'left') {
    if (addressBefore !== undefined && addressBefore !== address) {
      const addresses = { held: addressBefore, claimed: address };
      effects.report({ code: 'address-reclaimed', peer: name, ...addresses });
    }
    effects.report({ code: 'member-joined', peer: name, address });
    effects.notify({ type: 'join', node: member.describe() });
    return;
  }
  if (stateBefore !== 'suspect' && previousMeta === undefined) return;
  const node = member.describe();
  if (stateBefore === 'suspect') {
    effects.report({ code: 'member-refuted', peer: name });
    effects.notify({ type: 'refute', node });
  }
  if (previousMeta !== undefined) {
    effects.report({ code: 'member-updated', peer: name });
    effects.notify({ type: 'update', node, previousMeta });
  }
}

/** A member is under suspicion. */
export function notifySuspected(effects: Effects, member: Member, accuser: string): void {
  effects.report({ code: 'member-suspected', peer: member.name, by: accuser });
  effects.notify({ type: 'suspect', node: member.describe() });
}

/** A member left or was declared dead. */
export function notifyGone(
  effects: Effects,
  member: Member,
  accuser: string,
  confirmations: number | undefined,
): void {
  const { name } = member;
  const left = member.state === 'left';
  if (left) effects.report({ code: 'member-left', peer: name });
  else {
    const confirmed = confirmations === undefined ? {} : { confirmations };
    effects.report({ code: 'member-failed', peer: name, by: accuser, ...confirmed });
  }
  effects.notify({ type: 'leave', node: member.describe(), reason: left ? 'left' : 'failed' });
}

/** Another node claims the name of a member that is alive or suspect, or our own. */
export function notifyConflict(effects: Effects, member: Member, facts: MemberFacts): void {
  const existing = member.describe();
  const other = nodeFrom(member.name, facts, 'alive');
  const addresses = { held: existing.address, claimed: other.address };
  effects.report({ code: 'address-conflict', peer: member.name, ...addresses });
  effects.notify({ type: 'conflict', existing, other });
}

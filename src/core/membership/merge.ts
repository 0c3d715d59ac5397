/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Push/pull: the whole table of another node, as claims (behavior, sections 4 and 7). A member that the other node
// reports as dead is only suspected: deaths are not believed second-hand.
import { MessageType } from '../../wire/message-type.js';
import type { MemberRecord } from '../../wire/messages.js';
import { factsFrom, memberStates, nodeFrom, type Node } from '../member.js';
import type { Membership } from './apply.js';

/** A record as a node for the user's merge delegate; undefined if its address is invalid. */
export function nodeOfRecord(record: MemberRecord): Node | undefined {
  const facts = factsFrom(record);
  const state = memberStates[record.state];
  return facts && state ? nodeFrom(record.name, facts, state) : undefined;
}

/** Whether a record is about an alive member. */
export function isAliveRecord({ state }: Pick<MemberRecord, 'state'>): boolean {
  return memberStates[state] === 'alive';
}

/** Whether a record is about an alive or suspect member. */
export function isPresentRecord({ state }: Pick<MemberRecord, 'state'>): boolean {
  return isAliveRecord({ state }) || memberStates[state] === 'suspect';
}

/** Applies the claim of a record. Records with an unknown state are ignored. */
export function mergeRecord(record: MemberRecord, membership: Membership, selfName: string): void {
  const { name: node, incarnation } = record;
  switch (memberStates[record.state]) {
    case 'alive': {
      if (membership.isRedundantAlive(node, record)) return;
      const { addr, port, meta, vsn } = record;
      const claim = { node, incarnation, addr, port, meta, vsn };
      membership.alive({ type: MessageType.alive, ...claim });
      return;
    }
    case 'left':
      membership.dead({ type: MessageType.dead, node, incarnation, from: node });
      return;
    case 'dead':
    case 'suspect':
      membership.suspect({ type: MessageType.suspect, node, incarnation, from: selfName });
      return;
    case undefined:
      return;
  }
}

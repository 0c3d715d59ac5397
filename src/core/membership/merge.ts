/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Push/pull: another node's whole table, as claims (behaviour, sections 4 and 7). What it calls dead
// we only suspect: deaths are not believed second-hand.
import { MessageType } from '../../wire/message-type.js';
import type { MemberRecord } from '../../wire/messages.js';
import { factsFrom, memberStates, nodeFrom, type Node } from '../member.js';
import type { Membership } from './apply.js';

/** A record as a node to show to the user's merge delegate; undefined if its address is none. */
export function nodeOfRecord(record: MemberRecord): Node | undefined {
  const facts = factsFrom(record);
  const state = memberStates[record.state];
  return facts && state ? nodeFrom(record.name, facts, state) : undefined;
}

/** Whether a record is about a member that lives. */
export function isAliveRecord({ state }: Pick<MemberRecord, 'state'>): boolean {
  return memberStates[state] === 'alive';
}

/** Whether a record is about a member that is neither dead nor has left. */
export function isPresentRecord({ state }: Pick<MemberRecord, 'state'>): boolean {
  return isAliveRecord({ state }) || memberStates[state] === 'suspect';
}

/** Makes the claim that a record stands for. A state that we do not know is passed over. */
export function mergeRecord(record: MemberRecord, membership: Membership, selfName: string): void {
  const { name: node, incarnation } = record;
  switch (memberStates[record.state]) {
    case 'alive': {
      if (membership.isOldNews(node, record)) return;
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

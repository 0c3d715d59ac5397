/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import type { CoreContext } from '../context.js';
import type { Member } from '../member.js';
import type { MemberTable } from '../member-table.js';
import type { LocalNode } from '../local-node.js';
import { pickPeers } from '../peer-choice.js';
import type { VerifiedMembers } from '../probe/verified-members.js';
import type { Outbox } from './piggyback.js';

/**
 * Sends queued broadcasts to a few random members (behavior, section 6). Recently dead members are among them, so
 * that a member that was declared dead in error learns of it and can refute.
 */
export function gossipRound(components: {
  context: CoreContext;
  self: LocalNode;
  table: MemberTable;
  outbox: Outbox;
  verified: VerifiedMembers;
}): void {
  const { context, self, outbox } = components;
  if (!outbox.mayHaveBroadcasts) return;
  const { gossipNodes, gossipToTheDeadTime } = context.settings;
  const now = context.clock.now();
  const mayHear = (member: Member): boolean => {
    if (member.name === self.name) return false;
    if (member.state !== 'dead') return member.state !== 'left';
    return now - member.stateChangedAt < gossipToTheDeadTime;
  };
  const share = Math.ceil(gossipNodes / 2);
  for (const member of pickPeers(components, { k: gossipNodes, share, test: mayHear })) {
    if (!outbox.gossip(member.destination)) break;
  }
  for (const member of context.effects.gossipTargets()) outbox.gossip(member.destination);
}

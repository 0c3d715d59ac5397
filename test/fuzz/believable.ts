/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A node believes what a member tells it: that is the protocol. What would rightly change the
// membership of the two nodes is therefore not sent; what must be refused is.
import { MessageType } from '../../src/wire/message-type.js';
import type { MemberRecord, Message } from '../../src/wire/messages.js';
import type { StreamMessage } from '../../src/wire/stream-codec.js';
import { PEER } from './seeds.js';

/** The nodes start below it and do not come near it, so that incarnation 0 stays a past one. */
const highestIncarnation = 1_000_000;

/** Whether any of these would rightly be believed to the disadvantage of the peer. */
export function changesMembership(messages: readonly (Message | StreamMessage)[]): boolean {
  return messages.some((message) => {
    switch (message.type) {
      case MessageType.suspect:
      case MessageType.dead:
        return message.node === PEER && message.incarnation > 0;
      case MessageType.alive:
        return message.node === PEER && message.incarnation > highestIncarnation;
      case MessageType.pushPull:
        return message.records.some(recordChangesMembership);
      default:
        return false;
    }
  });
}

function recordChangesMembership({ name, state, incarnation }: MemberRecord): boolean {
  if (name !== PEER) return false;
  return state === 0 ? incarnation > highestIncarnation : incarnation > 0;
}

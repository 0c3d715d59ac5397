/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Mutants that a node rightly accepts. By the protocol a node accepts claims of its members, so the fuzzer
// does not send mutants that would rightly change the membership of the two nodes; it sends those that must
// be refused.
import { MessageType } from '../../src/wire/message-type.js';
import type { MemberRecord, Message } from '../../src/wire/messages.js';
import type { StreamMessage } from '../../src/wire/stream-codec.js';
import { PEER } from './seeds.js';

/**
 * The nodes start below this incarnation and do not come near it, so that incarnation 0 stays in the past.
 */
const highestIncarnation = 1_000_000;

/** Whether the node would rightly accept one of these messages to the disadvantage of its peer. */
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

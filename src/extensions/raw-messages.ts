/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Messages without an envelope, for the extension that has the node's delegate.
import { checkBytes } from '../node/operation-options.js';
import type { RawMessages } from './extension.js';
import type { HostedNode } from './hosted-node.js';

/** The extension whose messages these are. */
export interface RawSender {
  /** @throws ShutdownError; ProtocolError when the extension has no delegate */
  readonly checkAllowed: (operation: string) => void;
  /** Counts a message. */
  readonly sent: (bytes: number) => void;
}

/** Raw messages of one extension. */
export function rawMessages(
  node: Pick<HostedNode, 'sendPacket' | 'sendStream' | 'broadcastBudget'>,
  { checkAllowed, sent }: RawSender,
): RawMessages {
  return {
    send: async (to, message) => {
      checkAllowed('raw.send');
      checkBytes('message', message);
      sent(message.length);
      await node.sendPacket(to, message);
    },
    sendReliable: async (to, message) => {
      checkAllowed('raw.sendReliable');
      checkBytes('message', message);
      sent(message.length);
      await node.sendStream(to, message);
    },
    get packetBudget() {
      return node.broadcastBudget - 1;
    },
  };
}

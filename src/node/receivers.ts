/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The way in from the event loop for everything that others send. Packets and streams may come as soon as the
// transport is bound, before there is a node to take them.
import type { Engine } from '../core/engine.js';
import type { Acceptor } from '../exchange/acceptor.js';
import { closeQuietly } from '../exchange/conversation.js';
import type { Guard } from '../runtime/guard.js';
import type { TransportHandlers } from '../transport/transport.js';
import type { Address } from '../wire/address.js';

/** Who takes what arrives. */
export interface Receivers {
  readonly guard: Guard;
  engine?: Engine;
  acceptor?: Acceptor;
}

/** What a transport calls. Nothing that it calls with, and nothing behind it, throws into the event loop. */
export function handlersFor(
  receivers: Receivers,
  { descriptorsShort }: Pick<TransportHandlers, 'descriptorsShort'> = {},
): TransportHandlers {
  const { guard } = receivers;
  return {
    packet: (packet, from, receivedAt) => {
      try {
        receivers.engine?.receivePacket(packet, from, receivedAt);
      } catch (error) {
        // A transport may have left out the address.
        guard.failed(error, (from as Address | undefined)?.addr);
      }
    },
    stream: (connection) => {
      const refused = (error: unknown): void => {
        guard.failed(error);
        closeQuietly(connection);
      };
      try {
        if (receivers.acceptor === undefined) closeQuietly(connection);
        else receivers.acceptor.accept(connection).catch(refused);
      } catch (error) {
        refused(error);
      }
    },
    internalError: guard.failed,
    ...(descriptorsShort && { descriptorsShort }),
  };
}

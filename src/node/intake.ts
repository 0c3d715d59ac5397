/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The entry from the event loop for everything that peers send. A transport may deliver packets and streams as soon
// as it is bound, before the node exists: until `open` packets are dropped and streams closed.
import type { Engine } from '../core/engine.js';
import type { Acceptor } from '../exchange/acceptor.js';
import { closeQuietly } from '../exchange/conversation.js';
import type { Guard } from '../runtime/guard.js';
import type { Connection, TransportHandlers } from '../transport/transport.js';
import type { Address } from '../wire/address.js';

/** What receives packets and streams. */
export interface Receivers {
  readonly engine: Pick<Engine, 'receivePacket'>;
  readonly acceptor: Pick<Acceptor, 'accept'>;
}

/** Passes what a transport delivers to the node. Nothing that it is called with throws into the event loop. */
export class Intake {
  readonly handlers: TransportHandlers;
  readonly #guard: Guard;
  #receivers: Receivers | undefined;

  /** @param init.descriptorsShort - called when the transport refuses streams to keep descriptors free */
  constructor(guard: Guard, init: { descriptorsShort: (detail: string) => void }) {
    this.#guard = guard;
    this.handlers = {
      packet: (packet, from, receivedAt) => this.#packet(packet, from, receivedAt),
      stream: (connection) => this.#stream(connection),
      internalError: guard.failed,
      descriptorsShort: init.descriptorsShort,
    };
  }

  /** From now on packets and streams reach the node. */
  open(receivers: Receivers): void {
    this.#receivers = receivers;
  }

  #packet(packet: Buffer, from: Address, receivedAt: number): void {
    try {
      this.#receivers?.engine.receivePacket(packet, from, receivedAt);
    } catch (error) {
      // A transport may have left out the address.
      this.#guard.failed(error, (from as Address | undefined)?.addr);
    }
  }

  #stream(connection: Connection): void {
    const refused = (error: unknown): void => {
      this.#guard.failed(error);
      closeQuietly(connection);
    };
    try {
      if (this.#receivers === undefined) closeQuietly(connection);
      else this.#receivers.acceptor.accept(connection).catch(refused);
    } catch (error) {
      refused(error);
    }
  }
}

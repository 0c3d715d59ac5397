/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Query responses: our own, and those that other members send through us (Serf's RelayFactor), for the case that
// the direct way is lossy. Serf picks relays by the protocol version of memberlist, not by its own, so a guest cannot opt out.
import type { Clock } from '../core/ports.js';
import type { Address } from '../wire/address.js';
import { limits } from '../wire/limits.js';
import { decodeRelay, SerfMessageType } from './messages.js';

const WINDOW_MS = 1_000;

/** What forwarding needs of the node. */
export interface RelayComponents {
  readonly clock: Clock;
  readonly send: (to: Address, message: Buffer) => void;
}

/** Sends query responses of one node, and what is relayed through it: so many packets a second at most. */
export class Relay {
  readonly #components: RelayComponents;
  #since = -Infinity;
  #count = 0;

  constructor(components: RelayComponents) {
    this.#components = components;
  }

  /**
   * Forwards what a relay message holds. Only query responses are relayed, so nothing else is forwarded.
   *
   * @throws WireError for what is no relay message
   */
  forward(message: Buffer): void {
    if (message.length > limits.serfRelayBytes || !this.#mayForward()) return;
    const { to, payload } = decodeRelay(message);
    if (payload[0] === SerfMessageType.queryResponse) this.#components.send(to, payload);
  }

  /** Sends an answer of our own. */
  answer(to: Address, message: Buffer): void {
    if (this.#mayForward()) this.#components.send(to, message);
  }

  #mayForward(): boolean {
    const now = this.#components.clock.now();
    if (now - this.#since >= WINDOW_MS) {
      this.#since = now;
      this.#count = 0;
    }
    return this.#count++ < limits.serfRelaysPerSecond;
  }
}

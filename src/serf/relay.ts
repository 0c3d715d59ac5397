/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Query responses: our own, and those that other members send through this node (Serf's RelayFactor), in case the
// direct path loses packets. Serf picks relays by the protocol version of memberlist, so a member cannot opt out.
import type { Address, Clock } from '../index.js';
import { serfLimits } from './limits.js';
import { decodeRelay, SerfMessageType } from './messages.js';

const WINDOW_MS = 1_000;

/** What forwarding needs of the node. */
export interface RelayComponents {
  readonly clock: Clock;
  readonly send: (to: Address, message: Buffer) => void;
}

/** Sends query responses of one node, and those relayed through it, up to a number of packets a second. */
export class Relay {
  readonly #components: RelayComponents;
  #since = -Infinity;
  #count = 0;

  constructor(components: RelayComponents) {
    this.#components = components;
  }

  /**
   * Forwards the content of a relay message. Only query responses are relayed, so nothing else is forwarded.
   *
   * @throws MalformedMessage for what is no relay message
   */
  forward(message: Buffer): void {
    if (message.length > serfLimits.relayBytes || !this.#mayForward()) return;
    const { to, payload } = decodeRelay(message);
    if (payload[0] === SerfMessageType.queryResponse) this.#components.send(to, payload);
  }

  /** Sends a response of this node. */
  answer(to: Address, message: Buffer): void {
    if (this.#mayForward()) this.#components.send(to, message);
  }

  #mayForward(): boolean {
    const now = this.#components.clock.now();
    if (now - this.#since >= WINDOW_MS) {
      this.#since = now;
      this.#count = 0;
    }
    return this.#count++ < serfLimits.relaysPerSecond;
  }
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Sends packets, and counts and reports those that cannot be sent.
import type { Counters } from '../core/counters.js';
import type { SendFailure } from '../core/ports.js';
import type { Report } from '../core/reports.js';
import { asError } from '../runtime/as-error.js';
import { ProtocolError } from '../errors.js';
import { isThenable } from '../runtime/thenable.js';
import { sendFaultOf } from './send-fault.js';
import type { Transport } from '../transport/transport.js';
import type { Address } from '../wire/address.js';

/** Sends one node's packets. */
export class PacketSender {
  readonly #transport: Transport;
  readonly #counters: Counters;
  readonly #report: (report: Report) => void;
  #isStopped = false;

  constructor(components: {
    transport: Transport;
    counters: Counters;
    report: (report: Report) => void;
  }) {
    this.#transport = components.transport;
    this.#counters = components.counters;
    this.#report = components.report;
  }

  /** Reports no further failures. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Sends a packet of the protocol. Never throws; a failure is counted, reported and passed to `onFailure`. */
  send(packet: Buffer, to: Address, onFailure?: (failure: SendFailure) => void): void {
    const failed = (thrown: unknown): void => {
      const error = this.#failed(thrown, to);
      if (error !== undefined) onFailure?.({ fault: sendFaultOf(thrown), error });
    };
    try {
      const sent = this.#transport.writeTo(packet, to);
      // Any kind of promise; and the engine must not be called back synchronously.
      if (isThenable(sent)) Promise.resolve(sent).catch(failed);
    } catch (error) {
      // A transport should reject rather than throw; the engine must not be called back synchronously.
      void Promise.resolve().then(() => failed(error));
    }
  }

  /**
   * Sends a packet to each of these receivers. Resolves when the system has taken all of them. Never rejects; a failure
   * is counted and reported.
   */
  async sendEach(packets: readonly Buffer[], receivers: readonly Address[]): Promise<void> {
    const pending: Promise<void>[] = [];
    for (const [i, to] of receivers.entries()) {
      const packet = packets[i];
      if (packet === undefined) continue;
      const failed = (thrown: unknown): void => void this.#failed(thrown, to);
      try {
        const sent = this.#transport.writeTo(packet, to);
        // Any kind of promise.
        if (isThenable(sent)) pending.push(Promise.resolve(sent).catch(failed));
      } catch (error) {
        failed(error);
      }
    }
    await Promise.all(pending);
  }

  #failed(thrown: unknown, to: Address): Error | undefined {
    if (this.#isStopped) return undefined;
    this.#counters.sendFailures++;
    const error = asError(thrown);
    this.#report({ code: 'send-failed', peer: to.name ?? to.addr, error });
    return error;
  }

  /**
   * Sends a packet for the user.
   *
   * @throws ProtocolError when it could not be sent
   */
  async sendForUser(packet: Buffer, to: Address): Promise<void> {
    try {
      await this.#transport.writeTo(packet, to);
    } catch (cause) {
      this.#counters.sendFailures++;
      throw new ProtocolError(`${to.addr}: ${asError(cause).message}`, { cause });
    }
  }
}

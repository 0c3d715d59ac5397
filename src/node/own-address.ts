/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Checks the address that this node advertises, and recognizes seeds that lead back to it. A node that the other
// members cannot reach at its address joins, and then fails again and again.
import type { ResolvedConfig } from '../config/options.js';
import type { Clock } from '../core/ports.js';
import type { Report } from '../core/reports.js';
import { ProtocolError } from '../errors.js';
import { isLoopbackIp, isPublicIp } from '../transport/advertise.js';
import type { Transport } from '../transport/transport.js';
import { joinHostPort, splitHostPort, type Address } from '../wire/address.js';

/** The shortest time between two checks of the interfaces. */
const CHECK_INTERVAL_MS = 10_000;

/** What checking the address needs. */
export interface OwnAddressComponents {
  readonly transport: Pick<Transport, 'isLocal' | 'isOwn'>;
  readonly clock: Clock;
  readonly report: (report: Report) => void;
}

/** The advertised address, and the configuration that concerns it. */
export interface OwnAddressInit {
  readonly ip: string;
  readonly port: number;
  /** No warning about plaintext: traffic is encrypted, meant to be in plaintext, or does not leave the process. */
  readonly mayBePlain: boolean;
  readonly allowsIp: (ip: string) => boolean;
}

/** Whether plaintext needs no warning. */
export function mayBePlain(
  { keyring, plaintext }: Pick<ResolvedConfig, 'keyring' | 'plaintext'>,
  { isInProcess }: Pick<Transport, 'isInProcess'>,
): boolean {
  return keyring !== undefined || plaintext || isInProcess === true;
}

/** Reports, once each, why other members may not reach this node. */
export class OwnAddress {
  readonly #transport: OwnAddressComponents['transport'];
  readonly #clock: Clock;
  readonly #report: (report: Report) => void;
  readonly #ip: string;
  readonly #address: string;
  /** Whether the address was on an interface at the start; behind NAT it never is. */
  readonly #isOurs: boolean;
  #isGone = false;
  #isLoopbackReported = false;
  #checkedAt: number;

  /** Reports what is known at the start. */
  constructor(components: OwnAddressComponents, init: OwnAddressInit) {
    const { transport, clock, report } = components;
    const { ip, port, mayBePlain, allowsIp } = init;
    this.#transport = transport;
    this.#clock = clock;
    this.#report = report;
    this.#ip = ip;
    this.#address = joinHostPort(ip, port);
    this.#isOurs = transport.isLocal?.(ip) === true;
    this.#checkedAt = clock.now();
    if (!mayBePlain && !isLoopbackIp(ip)) {
      report({ code: isPublicIp(ip) ? 'public-address' : 'plaintext', address: ip });
    }
    if (!allowsIp(ip)) report({ code: 'address-not-allowed', address: ip });
  }

  /**
   * Checks an address that this node is about to join.
   *
   * @throws ProtocolError when it is this node's own
   */
  beforeJoin({ addr }: Address): void {
    if (addr === this.#address || this.#transport.isOwn?.(addr) === true) {
      throw new ProtocolError(`${addr} is this node itself`);
    }
    const host = splitHostPort(addr)?.host;
    if (this.#isLoopbackReported || !isLoopbackIp(this.#ip) || host === undefined) return;
    if (isLoopbackIp(host) || this.#transport.isLocal?.(host) === true) return;
    this.#isLoopbackReported = true;
    this.#report({ code: 'loopback-advertised', peer: addr, address: this.#address });
  }

  /** Checks from time to time whether the address is still on an interface. Call it whenever something is sent. */
  check(): void {
    const now = this.#clock.now();
    if (!this.#isOurs || now - this.#checkedAt < CHECK_INTERVAL_MS) return;
    this.#checkedAt = now;
    const isGone = this.#transport.isLocal?.(this.#ip) !== true;
    if (isGone && !this.#isGone) this.#report({ code: 'address-gone', address: this.#address });
    this.#isGone = isGone;
  }
}

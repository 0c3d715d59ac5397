/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The address that this node advertises: what is wrong with it, and which seeds lead back to it. An address at
// which the others do not reach a node lets the node join, and then fail again and again.
import type { ResolvedConfig } from '../config/options.js';
import type { Clock } from '../core/ports.js';
import type { Report } from '../core/reports.js';
import { ProtocolError } from '../errors.js';
import { isLoopbackIp, isPublicIp } from '../transport/advertise.js';
import type { Transport } from '../transport/transport.js';
import { joinHostPort, splitHostPort, type Address } from '../wire/address.js';

/** Time between two looks at the interfaces, at least. */
const CHECK_INTERVAL_MS = 10_000;

/** What watching the address needs. */
export interface OwnAddressComponents {
  readonly transport: Pick<Transport, 'isLocal' | 'isOwn'>;
  readonly clock: Clock;
  readonly report: (report: Report) => void;
}

/** The advertised address, and what our own configuration says about it. */
export interface OwnAddressInit {
  readonly ip: string;
  readonly port: number;
  /** Nothing is to be said about plaintext: traffic is encrypted, meant to be plain, or does not leave the process. */
  readonly mayBePlain: boolean;
  readonly allowsIp: (ip: string) => boolean;
}

/** Whether nothing is to be said about plaintext. */
export function mayBePlain(
  { keyring, plaintext }: Pick<ResolvedConfig, 'keyring' | 'plaintext'>,
  { isInProcess }: Pick<Transport, 'isInProcess'>,
): boolean {
  return keyring !== undefined || plaintext || isInProcess === true;
}

/** Reports, once each, what keeps the others from reaching this node. */
export class OwnAddress {
  readonly #transport: OwnAddressComponents['transport'];
  readonly #clock: Clock;
  readonly #report: (report: Report) => void;
  readonly #ip: string;
  readonly #address: string;
  /** Whether it belonged to this machine at the start; behind NAT it never does. */
  readonly #isOurs: boolean;
  #isGone = false;
  #isLoopbackReported = false;
  #checkedAt: number;

  /** Reports at once what can be known at once. */
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
   * This node is about to join the one at an address.
   *
   * @throws ProtocolError when that is this node itself
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

  /** Looks, seldom, whether the address still belongs to this machine. Call it whenever something is sent. */
  check(): void {
    const now = this.#clock.now();
    if (!this.#isOurs || now - this.#checkedAt < CHECK_INTERVAL_MS) return;
    this.#checkedAt = now;
    const isGone = this.#transport.isLocal?.(this.#ip) !== true;
    if (isGone && !this.#isGone) this.#report({ code: 'address-gone', address: this.#address });
    this.#isGone = isGone;
  }
}

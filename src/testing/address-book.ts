/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Assigns addresses to the transports of an in-memory network, by name.

import { splitHostPort } from '../wire/address.js';

const memberlistPort = 7946;

/** The address of each transport name. */
export class AddressBook {
  readonly #addrs = new Map<string, string>();
  readonly #assigned = new Set<string>();
  #lastHost = 0;

  /**
   * Assigns an address to a name.
   *
   * @param addr - an `'ip:port'`; `'new'` for an unused address; undefined for the name's last address, or else
   *   an unused one
   * @throws RangeError if `addr` is not an `'ip:port'`
   */
  assign(name: string, addr: string | undefined): { addr: string; ip: string; port: number } {
    const requested = addr === 'new' ? this.#unusedAddr() : addr;
    const assigned = requested ?? this.#addrs.get(name) ?? this.#unusedAddr();
    const target = splitHostPort(assigned);
    if (!target) throw new RangeError(`"${assigned}" is not an 'ip:port'`);
    this.#addrs.set(name, assigned);
    this.#assigned.add(assigned);
    return { addr: assigned, ip: target.host, port: target.port };
  }

  /**
   * The address of a transport.
   *
   * @param nameOrAddr - its name, or any `'ip:port'`
   * @throws RangeError for an unknown name
   */
  addrOf(nameOrAddr: string): string {
    const addr = this.#addrs.get(nameOrAddr);
    if (addr !== undefined) return addr;
    if (splitHostPort(nameOrAddr)) return nameOrAddr;
    throw new RangeError(`no transport is called "${nameOrAddr}"`);
  }

  #unusedAddr(): string {
    for (;;) {
      const n = ++this.#lastHost;
      const addr = `10.${n >> 16}.${(n >> 8) & 0xff}.${n & 0xff}:${memberlistPort}`;
      if (!this.#assigned.has(addr)) return addr;
    }
  }
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A name server that changes, for simulated clusters.
import { splitHostPort } from '../../../src/wire/address.js';

/** Answers every name with the addresses that it was last told. */
export class NameServer {
  /** `'ip:port'`; undefined: the name does not exist. */
  addresses: readonly string[] | undefined;
  asked = 0;

  /** For nodes that ask this name server. */
  readonly resolver = {
    lookup: (host: string): Promise<{ address: string }[]> => {
      this.asked++;
      if (this.addresses === undefined) return Promise.reject(new Error(`ENOTFOUND ${host}`));
      return Promise.resolve(
        this.addresses.map((address) => ({ address: splitHostPort(address)?.host ?? address })),
      );
    },
  };
}

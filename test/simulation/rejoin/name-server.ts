/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A name server that changes, for simulated clusters.
import { companyPorts } from '../../../src/discovery/ports.js';
import type { SimulatedConfig } from '../../../src/testing/index.js';
import { splitHostPort } from '../../../src/wire/address.js';

/** Answers every name with the addresses that it was last told. */
export class NameServer {
  /** `'ip:port'`; undefined: the name does not exist. */
  addresses: readonly string[] | undefined;
  asked = 0;

  /** The configuration, with this for its name server. */
  serving(config: SimulatedConfig): SimulatedConfig {
    return Object.assign({ ...config }, { [companyPorts]: { resolver: this.#resolver } });
  }

  readonly #resolver = {
    lookup: (host: string): Promise<{ address: string }[]> => {
      this.asked++;
      if (this.addresses === undefined) return Promise.reject(new Error(`ENOTFOUND ${host}`));
      return Promise.resolve(
        this.addresses.map((address) => ({ address: splitHostPort(address)?.host ?? address })),
      );
    },
  };
}

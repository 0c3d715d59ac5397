/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What keeping company needs of the world beside clock and network. The product has its own; tests and
// simulations exchange them through a symbol, which the public types do not know.
import type { Random } from '../core/ports.js';
import type { Resolver } from '../transport/resolve.js';
import type { SnapshotFiles } from './snapshot-files.js';

/** The property of a configuration that holds them. */
export const companyPorts = Symbol('companyPorts');

/** What can be exchanged; what is not given is the product's. */
export interface CompanyPorts {
  /** Decides when somebody is contacted, and who: a source of its own, so that nothing else changes. */
  readonly random?: Random | undefined;
  /** Looks seeds up. */
  readonly resolver?: Resolver | undefined;
  /** Keeps snapshots. */
  readonly files?: SnapshotFiles | undefined;
}

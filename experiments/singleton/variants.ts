/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The singletons that are compared. All run in the same clusters, with the same incidents at the same times.

import type { SingletonOptions } from '../../src/ring/index.js';

/** A way to call `runSingleton`. */
export interface Variant {
  readonly name: string;
  /** For the legend and the tables. */
  readonly title: string;
  readonly options: Omit<SingletonOptions, 'lease' | 'settle'>;
  readonly hasLease: boolean;
}

/** How many nodes a cluster has. */
export const nodes = 5;

/** All variants. */
export const variants: readonly Variant[] = [
  {
    name: 'plain',
    title: 'stopInMinority: false',
    options: { stopInMinority: false },
    hasLease: false,
  },
  { name: 'minority', title: 'stopInMinority: true (default)', options: {}, hasLease: false },
  {
    name: 'majority',
    title: 'true, minMembers: 3 of 5',
    options: { minMembers: Math.floor(nodes / 2) + 1 },
    hasLease: false,
  },
  { name: 'lease', title: 'a lease', options: {}, hasLease: true },
];

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What the parts of the bus share: the node that they run on.
import type { ExtensionContext } from '../index.js';
import type { Link } from './link.js';
import type { BusMeters } from './meters.js';
import type { ResolvedBusOptions } from './options.js';
import type { BusPeers } from './peers.js';

/** The node of one bus. */
export interface BusNode {
  readonly context: ExtensionContext;
  readonly options: ResolvedBusOptions;
  /** This node's name. */
  readonly name: string;
  /** This incarnation of it. */
  readonly boot: string;
  /** Clock time at which this incarnation started. */
  readonly startedAt: number;
  readonly peers: BusPeers;
  readonly link: Link;
  readonly meters: BusMeters;
}

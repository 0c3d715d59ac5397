/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Events about the cluster as a whole, in addition to those about single members.
import type { ClusterSize } from './isolation.js';
import type { Node } from '../core/member.js';

/** The health of the cluster has changed, as this node sees it. */
export type ClusterHealthEvent =
  /** All other members are gone. */
  | ({ readonly type: 'isolated' } & ClusterSize)
  /** Half of the expected members or more are gone. */
  | ({ readonly type: 'minority' } & ClusterSize)
  /** More than half of the expected members are present again, or the smaller cluster counts as the whole one. */
  | ({ readonly type: 'quorum-restored' } & ClusterSize)
  /** A member failed more than three times within ten minutes. */
  | { readonly type: 'flapping'; readonly node: Node; readonly count: number };

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What a node tells of its company, beside what it tells of single members.
import type { ClusterSize } from './isolation.js';
import type { Node } from '../core/member.js';

/** Something about the company that a node is in. */
export type ClusterHealthEvent =
  /** Everybody else is gone. */
  | ({ readonly type: 'isolated' } & ClusterSize)
  /** Half of those who should be there, or more, are gone. */
  | ({ readonly type: 'minority' } & ClusterSize)
  /** More than half of those who should be there are there again, or the smaller number is the rule. */
  | ({ readonly type: 'quorum-restored' } & ClusterSize)
  /** A member failed so often within ten minutes: more than three times. */
  | { readonly type: 'flapping'; readonly node: Node; readonly count: number };

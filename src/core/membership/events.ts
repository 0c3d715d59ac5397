/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import type { Node } from '../member.js';

/** Why a member is gone: it announced its leave, or was declared dead. */
export type LeaveReason = 'left' | 'failed';

/**
 * What the membership engine reports to the user. Events are about other nodes, except that a conflict may be about
 * the local one, when another node claims its name.
 */
export type MembershipEvent =
  | { readonly type: 'join'; readonly node: Node }
  | { readonly type: 'leave'; readonly node: Node; readonly reason: LeaveReason }
  | { readonly type: 'update'; readonly node: Node; readonly previousMeta: Buffer }
  | { readonly type: 'suspect'; readonly node: Node }
  | { readonly type: 'refute'; readonly node: Node }
  | { readonly type: 'conflict'; readonly existing: Node; readonly other: Node }
  | { readonly type: 'health'; readonly score: number };

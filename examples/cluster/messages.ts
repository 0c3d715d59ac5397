/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The messages between the director and the node processes, as JSON over the IPC channel of `fork`. Times are
// `Date.now()`: all processes share the machine's clock.
import type { MemberState } from 'node-memberlist';

/** One node's view of a member. */
export interface MemberView {
  readonly name: string;
  readonly address: string;
  readonly state: MemberState;
  readonly meta: string;
  /** The round trip of its last answered probe. */
  readonly roundTripMs?: number | undefined;
}

/** A change of a member that a node observed. */
export type MemberChange = 'join' | 'update' | 'suspect' | 'refute' | 'left' | 'failed';

/** The fields of the library's log lines that say which node reported a change. */
export interface LogFields {
  readonly code?: string;
  readonly peer?: string;
  readonly by?: string;
  readonly confirmations?: number;
}

/** From a node to the director. */
export type Report = { readonly at: number } & (
  | { readonly type: 'ready' }
  | { readonly type: 'failed'; readonly message: string }
  | { readonly type: 'event'; readonly change: MemberChange; readonly member: MemberView }
  | { readonly type: 'log'; readonly message: string; readonly fields: LogFields }
  | { readonly type: 'view'; readonly members: readonly MemberView[] }
);

/** From the director to a node. */
export type Command =
  | { readonly type: 'join'; readonly seeds: readonly string[] }
  | { readonly type: 'set-meta'; readonly meta: string }
  | { readonly type: 'leave' }
  | { readonly type: 'shutdown' };

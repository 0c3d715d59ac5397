/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What the director and the node processes say to each other, as JSON over the IPC channel that
// `fork` opens. Times are `Date.now()`: all processes share the machine's clock.
import type { MemberState } from 'node-memberlist';

/** One member, as one node sees it. */
export interface MemberView {
  readonly name: string;
  readonly address: string;
  readonly state: MemberState;
  readonly meta: string;
  /** How long its last answer to a probe took. */
  readonly roundTripMs?: number | undefined;
}

/** What a node saw happen to another. */
export type Happening = 'join' | 'update' | 'suspect' | 'refute' | 'left' | 'failed';

/** The fields of the library's log lines that say how something was noticed. */
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
  | { readonly type: 'event'; readonly happening: Happening; readonly member: MemberView }
  | { readonly type: 'log'; readonly message: string; readonly fields: LogFields }
  | { readonly type: 'view'; readonly members: readonly MemberView[] }
);

/** From the director to a node. */
export type Command =
  | { readonly type: 'join'; readonly seeds: readonly string[] }
  | { readonly type: 'set-meta'; readonly meta: string }
  | { readonly type: 'leave' }
  | { readonly type: 'shutdown' };

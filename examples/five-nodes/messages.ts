/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What the director and the nodes say to each other, over Node's IPC channel.
import type { MemberState } from '../../src/index.js';

/** What a node is started with. */
export interface NodeOptions {
  readonly name: string;
  readonly bindAddr: string;
  readonly bindPort: number;
  readonly meta: string;
}

/** What one node believes of one member. */
export interface Belief {
  readonly state: MemberState;
  readonly meta: string;
}

export type FromNode =
  | { readonly kind: 'ready'; readonly address: string }
  | { readonly kind: 'cannot-start'; readonly code: string; readonly message: string }
  | { readonly kind: 'view'; readonly beliefs: Readonly<Record<string, Belief>> }
  | {
      readonly kind: 'event';
      readonly type: EventType;
      readonly about: string;
      readonly at: number;
    }
  | { readonly kind: 'has-left' };

export type EventType = 'join' | 'left' | 'failed' | 'update' | 'suspect' | 'recover';

export type ToNode =
  | { readonly kind: 'join'; readonly seed: string }
  | { readonly kind: 'set-meta'; readonly meta: string }
  | { readonly kind: 'leave' };

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Lifecycle hooks for the Serf guest of this library: when a node starts, joins and leaves. They are passed under a
// symbol that the public types do not include, so that delegates have the same methods as in Go.
import type { EventEmitter } from 'node:events';
import type { Node } from '../core/member.js';
import type { Clock } from '../core/ports.js';
import type { Address } from '../wire/address.js';

/** The property of a configuration that holds the hooks. */
export const lifeHooks = Symbol('lifeHooks');

/** The part of a node that the hooks use. */
export interface HookedNode {
  readonly localNode: Node;
  readonly numMembers: number;
  readonly maxBroadcastBytes: number;
  members(): Node[];
  member(name: string): Node | undefined;
  readonly config: { readonly clock: Clock };
  updateNode(): Promise<void>;
  sendBestEffort(to: Node, message: Uint8Array): Promise<void>;
  sendToAddress(to: Address, message: Uint8Array): Promise<void>;
  on(
    event: 'join' | 'leave',
    listener: (node: Node, reason?: 'left' | 'failed') => void,
  ): EventEmitter;
}

/** Counts and logs the errors of the hooks. */
export interface ErrorReporter {
  /** An invalid user message was dropped. */
  dropped(from: string, detail: string): void;
  /** A listener of the user threw or rejected. */
  listenerFailed(event: string, error: unknown): void;
}

/** Hooks that are called during the lifecycle of a node. */
export interface LifeHooks {
  /** The node is running. */
  started(node: HookedNode, inside: ErrorReporter): void;
  /** The node starts a push/pull with another node to join it. */
  contactBegins(): void;
  /** That push/pull has ended, successfully or not; `joined` follows if it was successful. */
  contactEnds(): void;
  /** A joining push/pull succeeded, started by this node or by a peer. */
  joined(begun: 'by-us' | 'by-others'): void;
  /** The node is about to leave; the leave is broadcast after this has resolved. */
  leaving(): Promise<void>;
  /** The leave was canceled, or the node joined again: the effects of `leaving` must be undone. */
  cameBack(): void;
}

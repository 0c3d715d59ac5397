/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A way for what the library itself brings along (Serf's guest) to hear when a node starts, joins and
// leaves. A symbol, which the public types do not know, is the way in; delegates stay as Go has them.
import type { EventEmitter } from 'node:events';
import type { Node } from '../core/member.js';
import type { Clock } from '../core/ports.js';
import type { Address } from '../wire/address.js';

/** The property of a configuration that holds the hooks. */
export const lifeHooks = Symbol('lifeHooks');

/** What the hooks know of the node. */
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

/** Where the hooks say that something went wrong: it is counted and logged. */
export interface ErrorReporter {
  /** A user message is not as it should be. */
  dropped(from: string, detail: string): void;
  /** A listener of the user's threw, or rejected. */
  listenerFailed(event: string, error: unknown): void;
}

/** Is told of a node's life. */
export interface LifeHooks {
  /** The node runs. */
  started(node: HookedNode, inside: ErrorReporter): void;
  /** We begin to exchange state with another node in order to join it. */
  contactBegins(): void;
  /** That exchange has ended, well or not; `joined` follows if it went well. */
  contactEnds(): void;
  /** A joining exchange succeeded, whichever side began it. */
  joined(begun: 'by-us' | 'by-others'): void;
  /** The node is about to leave; the others are told once this has resolved. */
  leaving(): Promise<void>;
  /** The node stays after all, or comes back: what `leaving` began is void. */
  cameBack(): void;
}

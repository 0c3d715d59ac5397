/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What happens to an agent, as objects that become lines of JSON.
import type { EventEmitter } from 'node:events';
import type { MemberlistEvents } from '../observability/member-events.js';
import { limits } from '../wire/limits.js';
import { nodeAsJson } from './show-meta.js';

/** Says one thing that happened. */
type Say = (line: Readonly<Record<string, unknown>> & { readonly event: string }) => void;

/** Tells of all that a member sees of others and of itself. */
export function tellEvents(list: EventEmitter<MemberlistEvents>, say: Say): void {
  for (const event of ['join', 'suspect', 'refute'] as const) {
    list.on(event, (node) => say({ event, node: nodeAsJson(node) }));
  }
  list.on('update', (node) => say({ event: 'update', node: nodeAsJson(node) }));
  list.on('leave', (node, reason) => say({ event: 'leave', reason, node: nodeAsJson(node) }));
  list.on('conflict', (existing, other) =>
    say({ event: 'conflict', existing: nodeAsJson(existing), other: nodeAsJson(other) }),
  );
  list.on('flapping', (node, count) => say({ event: 'flapping', count, node: nodeAsJson(node) }));
  for (const event of ['isolated', 'minority', 'quorum-restored'] as const) {
    list.on(event, ({ members, expected }) => say({ event, members, expected }));
  }
  list.on('health', (score) => say({ event: 'health', score }));
}

/** Tells of messages of the user's. */
export function tellMessages(list: EventEmitter<MemberlistEvents>, say: Say): void {
  list.on('message', (payload, from) =>
    say({
      event: 'message',
      from: from.name ?? from.addr,
      text: textOfPayload(payload),
      bytes: payload.toString('base64'),
    }),
  );
}

/** A payload as text, for people; of a long one the beginning. */
export function textOfPayload(payload: Buffer): string {
  // A character has four bytes at most; what is beyond the bound is not shown.
  return payload.subarray(0, 4 * limits.jsonTextCharacters + 4).toString();
}

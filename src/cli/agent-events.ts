/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The events of an agent, as objects that become lines of JSON.
import type { EventEmitter } from 'node:events';
import type { MemberlistEvents } from '../observability/member-events.js';
import { limits } from '../wire/limits.js';
import { nodeAsJson } from './show-meta.js';

/** Writes one event. */
type WriteEvent = (line: Readonly<Record<string, unknown>> & { readonly event: string }) => void;

/** Writes each membership, health and cluster event of a member. */
export function writeEvents(list: EventEmitter<MemberlistEvents>, write: WriteEvent): void {
  for (const event of ['join', 'suspect', 'refute'] as const) {
    list.on(event, (node) => write({ event, node: nodeAsJson(node) }));
  }
  list.on('update', (node) => write({ event: 'update', node: nodeAsJson(node) }));
  list.on('leave', (node, reason) => write({ event: 'leave', reason, node: nodeAsJson(node) }));
  list.on('conflict', (existing, other) =>
    write({ event: 'conflict', existing: nodeAsJson(existing), other: nodeAsJson(other) }),
  );
  list.on('flapping', (node, count) => write({ event: 'flapping', count, node: nodeAsJson(node) }));
  for (const event of ['isolated', 'minority', 'quorum-restored'] as const) {
    list.on(event, ({ members, expected }) => write({ event, members, expected }));
  }
  list.on('health', (score) => write({ event: 'health', score }));
}

/** Writes each user message. */
export function writeMessages(list: EventEmitter<MemberlistEvents>, write: WriteEvent): void {
  list.on('message', (payload, from) =>
    write({
      event: 'message',
      from: from.name ?? from.addr,
      text: textOfPayload(payload),
      bytes: payload.toString('base64'),
    }),
  );
}

/** A payload as text for people; a long payload is truncated. */
export function textOfPayload(payload: Buffer): string {
  // A character takes at most four bytes. Anything beyond the limit is not shown.
  return payload.subarray(0, 4 * limits.jsonTextCharacters + 4).toString();
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What is counted on the hot paths: plain numbers, read by whoever wants them.
import { MessageType } from '../wire/message-type.js';
import { wireFaults } from '../wire/wire-error.js';
import type { MembershipEvent } from './membership/events.js';

/** Why something that arrived was not used. */
export const dropReasons = [
  ...wireFaults,
  'queue-full',
  'too-many-pings',
  'misaddressed',
  'bad-address',
  'bad-name',
  'name-too-long',
  'bad-versions',
  'meta-too-large',
  'not-allowed',
  'too-many-members',
  'refused-by-delegate',
  'unexpected-ack',
  'unexpected-message',
  'unknown-extension',
  'incompatible',
  'refused-merge',
  'too-many-streams',
  'too-many-exchanges',
  'too-many-bytes',
  'timed-out',
  'broken',
] as const;
export type DropReason = (typeof dropReasons)[number];

/** How a probe round ended. */
export const probeOutcomes = [
  'direct',
  'indirect',
  'stream',
  'failed',
  'stalled',
  'abandoned',
] as const;
export type ProbeOutcome = (typeof probeOutcomes)[number];

/** Whether the probed member answered, by whatever route. */
export function isAnswer(outcome: ProbeOutcome): boolean {
  return outcome === 'direct' || outcome === 'indirect' || outcome === 'stream';
}

/** Messages by the number of their type. A number that is no type's falls outside, and is not kept. */
export class MessageCounts {
  readonly #counts = new Float64Array(MessageType.err + 1);

  /** @param type - whatever stood where a type belongs */
  add(type: number | undefined): void {
    (this.#counts[type as number] as number)++;
  }

  of(type: number): number {
    return this.#counts[type] ?? 0;
  }
}

/** What went over streams, both those that we opened and those that others did. */
export class StreamTraffic {
  /** Since the beginning, by who opened them. */
  readonly begun = { outbound: 0, inbound: 0 };
  /** Now. */
  readonly open = { outbound: 0, inbound: 0 };
  readonly messagesIn = new MessageCounts();
  readonly messagesOut = new MessageCounts();
  bytesIn = 0;
  bytesOut = 0;
  /** Errors that were not sent, because sealing them for strangers would use up the key. */
  withheldErrors = 0;
}

/** What one extension of this node did. */
export class ExtensionTraffic {
  messagesIn = 0;
  messagesOut = 0;
  bytesIn = 0;
  bytesOut = 0;
  /** Exceptions and rejections that were caught. */
  errors = 0;

  received(bytes: number): void {
    this.messagesIn++;
    this.bytesIn += bytes;
  }

  sent(bytes: number): void {
    this.messagesOut++;
    this.bytesOut += bytes;
  }
}

/** How an attempt to rejoin somebody ended. */
export type RejoinOutcome = 'joined' | 'failed';

/** Running totals since the node was created. */
export class Counters {
  packetsIn = 0;
  packetsOut = 0;
  packetBytesIn = 0;
  packetBytesOut = 0;
  sendFailures = 0;
  refutations = 0;
  unconfirmedSuspicionTimeouts = 0;
  callbackErrors = 0;
  evictedBroadcasts = 0;
  /** Exceptions inside this library that the guard caught. */
  internalErrors = 0;
  recoveries = 0;
  flapping = 0;
  readonly rejoins: Record<RejoinOutcome, number> = { joined: 0, failed: 0 };
  suspicionConfirmations = 0;
  pushPullFailures = 0;
  /** Times that this process stalled, and for how long in all. */
  stalls = 0;
  stallMs = 0;
  readonly messagesIn = new MessageCounts();
  readonly messagesOut = new MessageCounts();
  readonly streams = new StreamTraffic();
  /** Membership events that were told. */
  readonly events = { join: 0, left: 0, failed: 0, update: 0, suspect: 0, refute: 0, conflict: 0 };
  readonly drops = new Map<DropReason, number>();
  readonly probes = new Map<ProbeOutcome, number>();

  drop(reason: DropReason): void {
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
  }

  probe(outcome: ProbeOutcome): void {
    this.probes.set(outcome, (this.probes.get(outcome) ?? 0) + 1);
  }

  onMembershipEvent(event: MembershipEvent): void {
    if (event.type === 'health') return;
    this.events[event.type === 'leave' ? event.reason : event.type]++;
  }
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Counters of the hot paths: plain numbers, which metrics and logs read.
import { MessageType } from '../wire/message-type.js';
import { wireFaults } from '../wire/wire-error.js';
import type { MembershipEvent } from './membership/events.js';

/** Why received data was dropped. */
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

/** Whether the probed member answered, by any path. */
export function isAnswer(outcome: ProbeOutcome): boolean {
  return outcome === 'direct' || outcome === 'indirect' || outcome === 'stream';
}

/** Message counts by type number. Unknown type numbers are not counted. */
export class MessageCounts {
  readonly #counts = new Float64Array(MessageType.err + 1);

  /** @param type - the byte at the place of the type; undefined if there is none */
  add(type: number | undefined): void {
    (this.#counts[type as number] as number)++;
  }

  of(type: number): number {
    return this.#counts[type] ?? 0;
  }
}

/** Traffic over streams, both inbound and outbound. */
export class StreamTraffic {
  /** Streams opened since the node was created, by direction. */
  readonly begun = { outbound: 0, inbound: 0 };
  /** Streams that are open now. */
  readonly open = { outbound: 0, inbound: 0 };
  readonly messagesIn = new MessageCounts();
  readonly messagesOut = new MessageCounts();
  bytesIn = 0;
  bytesOut = 0;
  /** Error replies that were not sent, because sealing them for peers without a key would use up the messages that our key may seal. */
  withheldErrors = 0;
}

/** Traffic of one extension of this node. */
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

  /** @param times - to how many nodes. Default: 1 */
  sent(bytes: number, times = 1): void {
    this.messagesOut += times;
    this.bytesOut += bytes * times;
  }
}

/** How an attempt to rejoin a failed member ended. */
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
  /** Stalls of this process, and their total duration in milliseconds. */
  stalls = 0;
  stallMs = 0;
  readonly messagesIn = new MessageCounts();
  readonly messagesOut = new MessageCounts();
  readonly streams = new StreamTraffic();
  /** Membership events that were emitted. */
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

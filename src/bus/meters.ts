/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The metrics of the bus.
import type { ExtensionCounter, ExtensionMetrics } from '../index.js';

/** Why a message of a peer was dropped. */
export const dropReasons = {
  'unknown-frame': 'of a type or version that this node does not know',
  'not-a-peer': 'whose sender is no member with the bus',
  'unknown-publisher': 'of a publisher that is no member',
  'pending-full': 'that waited for the first contact with their publisher, beyond the limit',
  'early-full': 'that arrived before an earlier message, beyond the limit',
  'beyond-window': 'that another member relayed too far ahead of the next message',
  unexpected: 'that answer something that this node did not ask for',
  'rate-limited': 'that ask for more than one peer may fetch',
  'invalid-payload': 'whose payload the codec or schema refuses',
} as const;
export type BusDropReason = keyof typeof dropReasons;

/** Gauges, read at each scrape. */
export interface BusGauges {
  readonly queuedMessages: () => number;
  readonly queuedBytes: () => number;
  readonly retainedBytes: () => number;
  readonly publishers: () => number;
}

/** The counters of one node. */
export class BusMeters {
  readonly published: ExtensionCounter;
  readonly delivered: ExtensionCounter;
  readonly duplicates: ExtensionCounter;
  readonly repaired: ExtensionCounter;
  readonly gaps: ExtensionCounter;
  readonly missed: ExtensionCounter;
  readonly fetches: ExtensionCounter;
  readonly answers: ExtensionCounter;
  readonly digests: ExtensionCounter;
  readonly relayed: ExtensionCounter;
  readonly requests: ExtensionCounter;
  readonly overflowed: ExtensionCounter;
  readonly #dropped: Readonly<Record<BusDropReason, ExtensionCounter>>;

  constructor(metrics: ExtensionMetrics, gauges: BusGauges) {
    const counter = (name: string, help: string): ExtensionCounter =>
      metrics.counter(`${name}_total`, help);
    this.published = counter('published', 'Messages that this node published.');
    this.delivered = counter(
      'delivered',
      'Messages of all publishers that were delivered in order.',
    );
    this.duplicates = counter('duplicates', 'Messages that arrived again and were dropped.');
    this.repaired = counter('repaired', 'Messages that arrived as the answer to a fetch.');
    this.gaps = counter('gaps', 'Gap events: messages that can no longer be recovered.');
    this.missed = counter('missed', 'Messages in gaps of known size.');
    this.fetches = counter('fetches', 'Requests for missing messages that this node sent.');
    this.answers = counter('answers', 'Requests for missing messages that this node answered.');
    this.digests = counter('digests', 'Digests that this node sent.');
    this.relayed = counter('relayed', 'Messages passed on to neighbors in a large cluster.');
    this.requests = counter('requests', 'Requests of other nodes that this node answered.');
    this.overflowed = counter('overflowed', 'Messages that slow iterators missed.');
    const reasons = Object.entries(dropReasons).map(([reason, text]) => [
      reason,
      counter(`dropped_${reason.replaceAll('-', '_')}`, `Dropped messages ${text}.`),
    ]);
    this.#dropped = Object.fromEntries(reasons) as Record<BusDropReason, ExtensionCounter>;
    const gauge = (name: string, help: string, read: () => number): void =>
      metrics.gauge(name, help, read);
    gauge('queued_messages', 'Messages that wait to be sent.', gauges.queuedMessages);
    gauge('queued_bytes', 'Bytes of messages that wait to be sent.', gauges.queuedBytes);
    gauge('retained_bytes', 'Memory of messages retained for repair.', gauges.retainedBytes);
    gauge('publishers', 'Publishers that this node receives from.', gauges.publishers);
  }

  drop(reason: BusDropReason, count = 1): void {
    this.#dropped[reason].inc(count);
  }
}

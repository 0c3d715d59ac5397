/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What a bus has seen so far, for people and dashboards. Names come from peers: what is kept is bounded.
import type { BusCore } from './bus-core.js';
import type { BusGap } from './bus.js';
import { busLimits } from './limits.js';
import type { BusRecord } from './records.js';

/** A topic, as one node sees it. */
export interface BusTopicStats {
  readonly topic: string;
  /** Messages that this node published or received, with or without a subscriber. */
  readonly messages: number;
  /** Bytes of their payloads. */
  readonly bytes: number;
  /** The member that published the last one. */
  readonly lastPublisher: string;
  /** Milliseconds since the last one. */
  readonly lastAgo: number;
}

/** A publisher, as one node sees it. */
export interface BusPublisherStats {
  /** The name of the member. */
  readonly publisher: string;
  readonly bootId: string;
  /** The number of its last message that this node has. */
  readonly seq: number;
  /** Its messages that this node retains, to help others. */
  readonly retained: number;
  /** Whether it left, failed or restarted; it is dropped after `grace`. */
  readonly isGone: boolean;
}

/** Gaps in the messages of one member. */
export interface BusGapStats {
  readonly publisher: string;
  /** Events `gap` since the start. */
  readonly gaps: number;
  /** Messages that are missing for certain; those of a publisher that died are not known. */
  readonly missed: number;
}

/** What one bus has seen since its node started, and what it holds. */
export interface BusStats {
  /** The topics, in no particular order: at most 1,000, those with the latest messages. */
  readonly topics: readonly BusTopicStats[];
  /** Messages of topics that are no longer listed. */
  readonly otherMessages: number;
  /** This node, if it has published, and the members that it receives from. */
  readonly publishers: readonly BusPublisherStats[];
  /** Members with gaps: at most 1,000, those with the latest ones. */
  readonly gaps: readonly BusGapStats[];
  /** Bytes of all retained messages. */
  readonly retainedBytes: number;
}

interface Topic {
  messages: number;
  bytes: number;
  publisher: string;
  at: number;
}

/** Counts messages and gaps. */
export class BusStatistics {
  readonly #topics = new Map<string, Topic>();
  readonly #gaps = new Map<string, { gaps: number; missed: number }>();
  #otherMessages = 0;

  /** Counts a message that was published here or received. */
  delivered(publisher: string, { topic, payload }: BusRecord, now: number): void {
    const known = this.#topics.get(topic);
    if (known === undefined) {
      this.#makeRoom();
      this.#topics.set(topic, { messages: 1, bytes: payload.length, publisher, at: now });
      return;
    }
    known.messages++;
    known.bytes += payload.length;
    known.publisher = publisher;
    known.at = now;
  }

  /** Counts a gap. */
  gap({ publisher, missed = 0 }: BusGap): void {
    const known = this.#gaps.get(publisher) ?? { gaps: 0, missed: 0 };
    this.#gaps.delete(publisher);
    this.#gaps.set(publisher, { gaps: known.gaps + 1, missed: known.missed + missed });
    for (const oldest of this.#gaps.keys()) {
      if (this.#gaps.size <= busLimits.statsEntries) break;
      this.#gaps.delete(oldest);
    }
  }

  /** A copy of everything, with the publishers of a running node. */
  read(core: BusCore | undefined): BusStats {
    const now = core?.node.context.clock.now() ?? 0;
    return {
      topics: Array.from(this.#topics, ([topic, { messages, bytes, publisher, at }]) => ({
        topic,
        messages,
        bytes,
        lastPublisher: publisher,
        lastAgo: Math.max(0, now - at),
      })),
      otherMessages: this.#otherMessages,
      publishers: core === undefined ? [] : [...publishersOf(core)],
      gaps: Array.from(this.#gaps, ([publisher, counts]) => ({ publisher, ...counts })),
      retainedBytes: core?.publishers.retainedBytes ?? 0,
    };
  }

  // Only a message of a new topic pays for it. Topics that are in use stay.
  #makeRoom(): void {
    if (this.#topics.size < busLimits.statsEntries) return;
    let oldest: string | undefined;
    let oldestAt = Infinity;
    for (const [topic, { at }] of this.#topics) {
      if (at >= oldestAt) continue;
      oldest = topic;
      oldestAt = at;
    }
    if (oldest === undefined) return;
    this.#otherMessages += this.#topics.get(oldest)?.messages ?? 0;
    this.#topics.delete(oldest);
  }
}

function* publishersOf({ node, outgoing, publishers }: BusCore): Generator<BusPublisherStats> {
  const { high, retained } = outgoing;
  const own = { publisher: node.name, bootId: node.boot, isGone: false };
  if (high > 0) yield { ...own, seq: high, retained: retained.size };
  for (const stream of publishers.all()) {
    yield {
      publisher: stream.publisher,
      bootId: stream.boot,
      seq: stream.next - 1,
      retained: stream.retained.size,
      isGone: publishers.isEnded(stream),
    };
  }
}

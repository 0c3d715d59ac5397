/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Everything that happened, in order: the observations of the nodes, as text and as data for measurements.
import { printable } from 'node-memberlist';
import type { LogFields, MemberChange, Report } from './messages.js';

export type Tone = 'plain' | 'good' | 'warning' | 'bad' | 'quiet' | 'step';

/** One line of the log. */
export interface Entry {
  /** `Date.now()` of the observing process. */
  readonly at: number;
  /** A node, or the director. */
  readonly source: string;
  readonly text: string;
  readonly tone: Tone;
}

/** A change of a member that another node observed. */
export interface Observation {
  readonly at: number;
  readonly observer: string;
  readonly subject: string;
  /** `confirm`: its own probe failed, too, after other nodes had suspected the member. */
  readonly what: MemberChange | 'confirm';
  /** The node that reported the change; the observer itself if it detected it. */
  readonly by: string;
  readonly text: string;
}

const tones: Record<Observation['what'], Tone> = {
  join: 'good',
  update: 'plain',
  suspect: 'warning',
  confirm: 'warning',
  refute: 'good',
  failed: 'bad',
  left: 'quiet',
};

/** Collects entries and observations. */
export class Journal {
  readonly entries: Entry[] = [];
  readonly observations: Observation[] = [];
  readonly #reasons = new Map<string, LogFields>();
  readonly #onEntry: (entry: Entry) => void;

  constructor(init: { onEntry: (entry: Entry) => void }) {
    this.#onEntry = init.onEntry;
  }

  /** Adds a line. It may contain names and metadata chosen by any process that can reach a node's port. */
  add(entry: Entry): void {
    const shown = { ...entry, text: printable(entry.text) };
    this.entries.push(shown);
    this.#onEntry(shown);
  }

  /** Adds a line of the director, with the current time. */
  note(text: string, tone: Tone): void {
    this.add({ at: Date.now(), source: 'director', text, tone });
  }

  /** Adds a report of a node. Events say what changed; the log lines before them say which node reported it. */
  addReport(observer: string, report: Report): void {
    if (report.type === 'event') {
      const { at, change, member } = report;
      const { by = observer, confirmations } =
        this.#reasons.get(`${observer} ${member.name}`) ?? {};
      const reason = { by, own: by === observer, confirmations, meta: member.meta };
      const text = describe(change, member.name, reason);
      this.#observe({ at, observer, subject: member.name, what: change, by, text });
    } else if (report.type === 'log') {
      const { at, fields } = report;
      const { code, peer: subject } = fields;
      if (subject === undefined) return;
      if (code === 'member-suspected' || code === 'member-failed') {
        this.#reasons.set(`${observer} ${subject}`, fields);
      } else if (code === 'probe-unanswered' && this.#wasSuspectedByPeer(observer, subject)) {
        const text = `confirms: ${subject} did not answer its ping either`;
        this.#observe({ at, observer, subject, what: 'confirm', by: observer, text });
      }
    }
  }

  /** Observations about a member since a time, in order of time. */
  about(subject: string, what: Observation['what'], since: number): Observation[] {
    return this.observations
      .filter((one) => one.subject === subject && one.what === what && one.at >= since)
      .sort((one, other) => one.at - other.at);
  }

  #observe(observation: Observation): void {
    this.observations.push(observation);
    const { at, observer, text, what } = observation;
    this.add({ at, source: observer, text, tone: tones[what] });
  }

  // Whether the last observation about the member is a suspicion by another node.
  #wasSuspectedByPeer(observer: string, subject: string): boolean {
    const last = this.observations
      .filter((one) => one.observer === observer && one.subject === subject)
      .at(-1);
    return last?.what === 'suspect' && last.by !== observer;
  }
}

function describe(
  change: MemberChange,
  subject: string,
  reason: { by: string; own: boolean; confirmations: number | undefined; meta: string },
): string {
  const { by, own, confirmations = 0, meta } = reason;
  switch (change) {
    case 'join':
      return `sees ${subject} join`;
    case 'update':
      return `sees new metadata of ${subject}: ${meta}`;
    case 'suspect':
      return own
        ? `suspects ${subject}: no answer to direct or indirect pings`
        : `suspects ${subject}, reported by ${by}`;
    case 'refute':
      return `no longer suspects ${subject}`;
    case 'failed':
      return own
        ? `declares ${subject} failed: suspicion timed out, ${confirmations} confirmations`
        : `marks ${subject} failed, declared by ${by}`;
    case 'left':
      return `sees ${subject} leave`;
  }
}

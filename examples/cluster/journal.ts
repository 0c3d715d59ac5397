/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What happened, in order: what the nodes saw, in words and as data to measure by.
import { printable } from 'node-memberlist';
import type { Happening, LogFields, Report } from './messages.js';

export type Tone = 'plain' | 'good' | 'warning' | 'bad' | 'quiet' | 'step';

/** One line of the log. */
export interface Entry {
  /** `Date.now()`, of the process that noticed. */
  readonly at: number;
  /** A node, or the director. */
  readonly who: string;
  readonly text: string;
  readonly tone: Tone;
}

/** Something that one node noticed about another. */
export interface Observation {
  readonly at: number;
  readonly observer: string;
  readonly subject: string;
  /** `confirm`: its own probe failed too, of a member whom others had suspected before. */
  readonly what: Happening | 'confirm';
  /** Who made it known; the observer itself where it found out for itself. */
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

  /** Adds a line. Whoever reaches a node's port chooses names and metadata that stand in it. */
  add(entry: Entry): void {
    const shown = { ...entry, text: printable(entry.text) };
    this.entries.push(shown);
    this.#onEntry(shown);
  }

  /** Adds a line by the director, as of now. */
  note(text: string, tone: Tone): void {
    this.add({ at: Date.now(), who: 'director', text, tone });
  }

  /**
   * Adds what a node reports. Events say what happened; the log lines before them say through whom.
   */
  addReport(observer: string, report: Report): void {
    if (report.type === 'event') {
      const { at, happening, member } = report;
      const { by = observer, confirmations } =
        this.#reasons.get(`${observer} ${member.name}`) ?? {};
      const reason = { by, own: by === observer, confirmations, meta: member.meta };
      const text = describe(happening, member.name, reason);
      this.#observe({ at, observer, subject: member.name, what: happening, by, text });
    } else if (report.type === 'log') {
      const { at, fields } = report;
      const { code, peer: subject } = fields;
      if (subject === undefined) return;
      if (code === 'member-suspected' || code === 'member-failed') {
        this.#reasons.set(`${observer} ${subject}`, fields);
      } else if (code === 'probe-unanswered' && this.#wasTold(observer, subject)) {
        const text = `confirms: ${subject} did not answer its ping either`;
        this.#observe({ at, observer, subject, what: 'confirm', by: observer, text });
      }
    }
  }

  /** What was noticed about a member since a time, in order of time. */
  about(subject: string, what: Observation['what'], since: number): Observation[] {
    return this.observations
      .filter((one) => one.subject === subject && one.what === what && one.at >= since)
      .sort((one, other) => one.at - other.at);
  }

  #observe(observation: Observation): void {
    this.observations.push(observation);
    const { at, observer, text, what } = observation;
    this.add({ at, who: observer, text, tone: tones[what] });
  }

  // Whether the last that it noticed about the member is a suspicion by somebody else.
  #wasTold(observer: string, subject: string): boolean {
    const last = this.observations
      .filter((one) => one.observer === observer && one.subject === subject)
      .at(-1);
    return last?.what === 'suspect' && last.by !== observer;
  }
}

function describe(
  happening: Happening,
  subject: string,
  reason: { by: string; own: boolean; confirmations: number | undefined; meta: string },
): string {
  const { by, own, confirmations = 0, meta } = reason;
  switch (happening) {
    case 'join':
      return `sees ${subject} join`;
    case 'update':
      return `sees new metadata of ${subject}: ${meta}`;
    case 'suspect':
      return own
        ? `suspects ${subject}: it answered no ping, by any route`
        : `suspects ${subject}, accused by ${by}`;
    case 'refute':
      return `no longer suspects ${subject}`;
    case 'failed':
      return own
        ? `declares ${subject} failed: time is up, ${confirmations} others had confirmed`
        : `takes ${subject} for failed, declared so by ${by}`;
    case 'left':
      return `sees ${subject} leave`;
  }
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What the page shows: a picture of the moment, and the last events. All of it is what this node knows; it
// asks nobody.
import type { Registry } from 'prom-client';
import type { Logger } from '../../config/options.js';
import type { Memberlist } from '../../memberlist.js';
import type { MemberState, Node } from '../../core/member.js';
import { printable, printableJson } from '../../wire/printable.js';
import { showMeta } from '../show-meta.js';
import { nextTurn } from './kept.js';
import { pageLimits } from './limits.js';

const EVENTS_KEPT = 100;
const ACCUSATIONS_KEPT = 50;
/** More are counted but not listed: a page is for people. */
const MEMBERS_SHOWN = 1_000;
const NAME_CHARACTERS = 256;

/** One row of the table. */
export interface ShownMember {
  readonly name: string;
  readonly address: string;
  readonly state: MemberState;
  readonly incarnation: number;
  readonly meta: string;
  readonly isSelf: boolean;
  /** Of our last probe that was answered directly. */
  readonly roundTripMs?: number;
  /** How long ago that was. */
  readonly probedAgoMs?: number;
}

/** Something that happened. `at` is Unix time in milliseconds. */
export interface ShownEvent {
  readonly at: number;
  readonly kind:
    | 'join'
    | 'left'
    | 'failed'
    | 'update'
    | 'suspect'
    | 'recover'
    | 'conflict'
    | 'health'
    | 'message';
  readonly subject: string;
  readonly detail: string;
}

/** Who suspected whom. */
export interface Accusation {
  readonly at: number;
  readonly by: string;
  readonly of: string;
}

/** A picture of the moment. */
export interface Snapshot {
  readonly self: string;
  readonly address: string;
  readonly at: number;
  readonly healthScore: number;
  readonly isLeaving: boolean;
  readonly counts: Readonly<Record<MemberState, number>>;
  readonly members: readonly ShownMember[];
  readonly notShown: number;
  readonly accusations: readonly Accusation[];
  readonly numbers: Readonly<Record<string, number>>;
}

const shownNumbers: Readonly<Record<string, string>> = {
  queue: 'memberlist_broadcast_queue_depth',
  inbox: 'memberlist_inbox_depth',
  packetsIn: 'memberlist_packets_received_total',
  packetsOut: 'memberlist_packets_sent_total',
  bytesIn: 'memberlist_packet_bytes_received_total',
  bytesOut: 'memberlist_packet_bytes_sent_total',
  drops: 'memberlist_drops_total',
  stalls: 'memberlist_stalls_total',
};

/** What the page knows beside the list itself. All of it is bounded: names can be invented. */
export class Watch {
  readonly #events: ShownEvent[] = [];
  readonly #registry: Registry;
  /** Members that failed or left; the list tells of them by name only. */
  readonly #gone = new Set<string>();
  readonly #pings = new Map<string, { ms: number; at: number }>();
  readonly #accusations: Accusation[] = [];
  #list: Memberlist | undefined;
  #unsent = 0;
  #past: Buffer | undefined;
  #told: () => void = () => undefined;

  constructor(components: { registry: Registry }) {
    this.#registry = components.registry;
  }

  /** Begins to watch; `told` is called for each event. */
  start(list: Memberlist, told: () => void): void {
    this.#list = list;
    this.#told = told;
    list.on('join', ({ name, address }) => {
      this.#gone.delete(name);
      this.#note('join', name, `at ${address}`);
    });
    list.on('leave', ({ name }, reason) => {
      this.#pings.delete(name);
      this.#gone.delete(name);
      this.#gone.add(name);
      // The one that is gone for longest gives way.
      for (const first of this.#gone) {
        if (this.#gone.size <= MEMBERS_SHOWN) break;
        this.#gone.delete(first);
      }
      this.#note(reason, name, '');
    });
    list.on('update', ({ name, meta }) => this.#note('update', name, showMeta(meta)));
    list.on('suspect', ({ name }) => this.#note('suspect', name, this.#accuserOf(name)));
    list.on('recover', ({ name }) => this.#note('recover', name, 'refuted the suspicion'));
    list.on('conflict', ({ name, address }, other) =>
      this.#note('conflict', name, `is at ${address}, and claimed at ${other.address}`),
    );
    list.on('health', (score) => this.#note('health', list.localNode.name, `score ${score}`));
    list.on('message', (payload, from) =>
      this.#note('message', from.name ?? from.addr, `${payload.length} bytes`),
    );
  }

  /** A member answered a probe. */
  pinged(name: string, ms: number): void {
    this.#pings.set(name, { ms, at: Date.now() });
  }

  /** A logger that learns from the lines who suspected whom, and passes them on. */
  loggerBefore(next: Logger): Logger {
    const at =
      (level: keyof Logger) =>
      (message: string, fields: { code?: unknown; peer?: unknown; by?: unknown } = {}): void => {
        if (fields.code === 'member-suspected') {
          // Fields are printable already.
          const [by, of] = [shownName(String(fields.by)), shownName(String(fields.peer))];
          this.#accusations.push({ at: Date.now(), by, of });
          this.#accusations.splice(0, this.#accusations.length - ACCUSATIONS_KEPT);
        }
        next[level](message, fields);
      };
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  }

  /** The last events, as a message to a viewer. */
  past(): Buffer {
    this.#past ??= eventBytes('past', this.#events);
    return this.#past;
  }

  /** Events since it was asked last; of very many the last ones. */
  unsent(): readonly ShownEvent[] {
    const count = Math.min(this.#unsent, this.#events.length);
    this.#unsent = 0;
    return this.#events.slice(this.#events.length - count);
  }

  /** The moment, as this node sees it. Made in slices: the table may change between two of them. */
  async snapshot(): Promise<Snapshot> {
    const list = this.#list;
    if (list === undefined) throw new Error('the watch was not started');
    const self = list.localNode;
    const now = Date.now();
    const all = [...list.members(), ...this.#goneOf(list)];
    if (self.state === 'left') all.push(self);
    const shown = await firstByName(all, MEMBERS_SHOWN);
    const members: ShownMember[] = [];
    for (const [i, node] of shown.entries()) {
      if (i > 0 && i % pageLimits.membersATurn === 0) await nextTurn();
      members.push(this.#shown(node, now, self.name));
    }
    const { healthScore } = list;
    return {
      self: shownName(self.name),
      address: self.address,
      at: now,
      healthScore,
      isLeaving: self.state === 'left',
      counts: await this.#counts(),
      members,
      notShown: all.length - members.length,
      accusations: this.#accusations.filter(({ at }) => now - at < 60_000),
      numbers: await this.#numbers(),
    };
  }

  #goneOf(list: Memberlist): Node[] {
    const nodes: Node[] = [];
    for (const name of this.#gone) {
      const node = list.member(name);
      if (node?.state === 'dead' || node?.state === 'left') nodes.push(node);
      else this.#gone.delete(name);
    }
    return nodes;
  }

  #shown(node: Node, now: number, self: string): ShownMember {
    const { name, address, state, incarnation, meta } = node;
    const ping = this.#pings.get(name);
    return {
      name: shownName(name),
      address,
      state,
      incarnation,
      meta: printable(showMeta(meta)),
      isSelf: name === self,
      ...(ping && { roundTripMs: ping.ms, probedAgoMs: now - ping.at }),
    };
  }

  async #counts(): Promise<Record<MemberState, number>> {
    const counts = { alive: 0, suspect: 0, dead: 0, left: 0 };
    const metric = await this.#registry.getSingleMetric('memberlist_members')?.get();
    for (const { labels, value } of metric?.values ?? []) {
      counts[labels.state as MemberState] = value;
    }
    return counts;
  }

  async #numbers(): Promise<Record<string, number>> {
    const read = Object.entries(shownNumbers).map(async ([key, name]) => {
      const metric = await this.#registry.getSingleMetric(name)?.get();
      const total = (metric?.values ?? []).reduce((sum, { value }) => sum + value, 0);
      return [key, total] as const;
    });
    return Object.fromEntries(await Promise.all(read));
  }

  // The line about it comes right before the event.
  #accuserOf(name: string): string {
    const last = this.#accusations.at(-1);
    return last?.of === shownName(name) ? `by ${last.by}` : '';
  }

  #note(kind: ShownEvent['kind'], subject: string, detail: string): void {
    const event = { at: Date.now(), kind, subject: shownName(subject), detail: printable(detail) };
    this.#events.push(event);
    this.#events.splice(0, this.#events.length - EVENTS_KEPT);
    this.#unsent++;
    this.#past = undefined;
    this.#told();
  }
}

/** A message to viewers. JSON has no line ends outside of texts, and in texts they are escaped. */
export function eventBytes(event: string, data: object): Buffer {
  return Buffer.from(`event: ${event}\ndata: ${printableJson(data)}\n\n`);
}

// Twice, as log fields are, gives the same as once.
const shownName = (name: string): string => printable(name, NAME_CHARACTERS);

/** The first of them by name, without sorting all in one turn. */
async function firstByName(nodes: readonly Node[], most: number): Promise<Node[]> {
  const byName = (a: Node, b: Node): number => (a.name < b.name ? -1 : 1);
  let first: Node[] = [];
  for (let from = 0; from < nodes.length; from += most) {
    if (from > 0) await nextTurn();
    first = [...first, ...nodes.slice(from, from + most)].sort(byName).slice(0, most);
  }
  return first;
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What the page shows: a picture of the moment, and the last events. All of it is what this node knows; it
// asks nobody.
import type { Registry } from 'prom-client';
import type { Logger } from '../../config/options.js';
import type { MemberState } from '../../core/member.js';
import type { Memberlist } from '../../memberlist.js';
import { showMeta } from '../show-meta.js';

const EVENTS_KEPT = 100;
const ACCUSATIONS_KEPT = 50;
/** More are counted but not listed: a page is for people. */
const MEMBERS_SHOWN = 1_000;

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

export class Watch {
  readonly events: ShownEvent[] = [];
  readonly #registry: Registry;
  readonly #names = new Set<string>();
  readonly #pings = new Map<string, { ms: number; at: number }>();
  readonly #accusations: Accusation[] = [];
  #list: Memberlist | undefined;
  #told: (event: ShownEvent) => void = () => undefined;

  constructor(components: { registry: Registry }) {
    this.#registry = components.registry;
  }

  /** Begins to watch; `told` is called for each event. */
  start(list: Memberlist, told: (event: ShownEvent) => void): void {
    this.#list = list;
    this.#told = told;
    for (const { name } of list.members()) this.#names.add(name);
    list.on('join', ({ name, address }) => {
      this.#names.add(name);
      this.#note('join', name, `at ${address}`);
    });
    list.on('leave', ({ name }, reason) => this.#note(reason, name, ''));
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

  /** A probe was answered. */
  pinged(name: string, ms: number): void {
    this.#pings.set(name, { ms, at: Date.now() });
  }

  /** A logger that learns from the lines who suspected whom, and passes them on. */
  loggerBefore(next: Logger): Logger {
    const at =
      (level: keyof Logger) =>
      (message: string, fields: { code?: unknown; peer?: unknown; by?: unknown } = {}): void => {
        if (fields.code === 'member-suspected') {
          this.#accusations.push({
            at: Date.now(),
            by: String(fields.by),
            of: String(fields.peer),
          });
          this.#accusations.splice(0, this.#accusations.length - ACCUSATIONS_KEPT);
        }
        next[level](message, fields);
      };
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  }

  /** The moment, as this node sees it. */
  async snapshot(): Promise<Snapshot> {
    const list = this.#list;
    if (list === undefined) throw new Error('the watch was not started');
    const self = list.localNode;
    const now = Date.now();
    const counts = { alive: 0, suspect: 0, dead: 0, left: 0 };
    const members: ShownMember[] = [];
    for (const name of [...this.#names].sort()) {
      const node = list.member(name);
      if (node === undefined) {
        this.#names.delete(name);
        this.#pings.delete(name);
        continue;
      }
      counts[node.state]++;
      const ping = this.#pings.get(name);
      const probe = ping && { roundTripMs: ping.ms, probedAgoMs: now - ping.at };
      const { address, state, incarnation, meta } = node;
      const isSelf = name === self.name;
      members.push({ name, address, state, incarnation, meta: showMeta(meta), isSelf, ...probe });
    }
    const { healthScore } = list;
    return {
      self: self.name,
      address: self.address,
      at: now,
      healthScore,
      isLeaving: self.state === 'left',
      counts,
      members: members.slice(0, MEMBERS_SHOWN),
      notShown: Math.max(0, members.length - MEMBERS_SHOWN),
      accusations: this.#accusations.filter(({ at }) => now - at < 60_000),
      numbers: await this.#numbers(),
    };
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
    return last?.of === name ? `by ${last.by}` : '';
  }

  #note(kind: ShownEvent['kind'], subject: string, detail: string): void {
    const event = { at: Date.now(), kind, subject, detail };
    this.events.push(event);
    this.events.splice(0, this.events.length - EVENTS_KEPT);
    this.#told(event);
  }
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What the page knows beside the member table: the last events, round trips, accusations, members that
// failed or flap. All of it is what this node sees; it asks nobody. All of it is bounded: names can be
// invented.
import type { EventEmitter } from 'node:events';
import type { Logger } from '../../config/options.js';
import type { Node } from '../../core/member.js';
import type { Memberlist } from '../../memberlist.js';
import type { MemberlistEvents } from '../../observability/member-events.js';
import { printable, printableJson } from '../../wire/printable.js';
import { showMeta } from '../show-meta.js';
import { pageLimits } from './limits.js';
import type { Accusation, ProbeResult, ShownEvent } from './messages.js';

const EVENTS_KEPT = 100;
const ACCUSATIONS_KEPT = 50;
const ACCUSATION_MS = 60_000;
const NAME_CHARACTERS = 256;

/** What the page uses of a Memberlist. */
export type PageSource = EventEmitter<MemberlistEvents> &
  Pick<
    Memberlist,
    'localNode' | 'members' | 'member' | 'numMembers' | 'healthScore' | 'keyring' | 'config'
  >;

/** A member that failed or left. */
interface Gone {
  readonly node: Node;
  readonly at: number;
}

export class Watch {
  readonly #events: ShownEvent[] = [];
  /** Members that failed or left, the oldest first; the list tells of them by name only. */
  readonly #gone = new Map<string, Gone>();
  readonly #flapping = new Map<string, { failures: number; at: number }>();
  readonly #suspectedAt = new Map<string, number>();
  /** The least recent first. */
  readonly #pings = new Map<string, { ms: number; at: number }>();
  readonly #newPings = new Set<string>();
  readonly #accusations: Accusation[] = [];
  #list: PageSource | undefined;
  #seq = 0;
  #unsent = 0;
  #past: Buffer | undefined;
  #told: () => void = () => undefined;

  /** Begins to watch; `told` is called for each event. */
  start(list: PageSource, told: () => void): void {
    this.#list = list;
    this.#told = told;
    list.on('join', ({ name, address }) => {
      this.#gone.delete(name);
      this.#note('join', name, `at ${address}`);
    });
    list.on('leave', (node, reason) => this.#left(node, reason));
    list.on('update', ({ name, meta }) => this.#note('update', name, showMeta(meta)));
    list.on('suspect', ({ name }) => {
      this.#suspectedAt.set(name, Date.now());
      this.#note('suspect', name, this.#accuserOf(name));
    });
    list.on('refute', ({ name }) => {
      this.#suspectedAt.delete(name);
      this.#note('refute', name, 'refuted the suspicion');
    });
    list.on('conflict', ({ name, address }, other) =>
      this.#note('conflict', name, `is at ${address}, and claimed at ${other.address}`),
    );
    list.on('flapping', ({ name }, failures) => {
      this.#flapping.set(name, { failures, at: Date.now() });
      keepNewest(this.#flapping, pageLimits.membersShown);
      this.#note('flapping', name, `failed ${failures} times within 10 minutes`);
    });
    for (const kind of ['isolated', 'minority', 'quorum-restored'] as const) {
      list.on(kind, ({ members, expected }) =>
        this.#note(kind, list.localNode.name, `sees ${members} of ${expected} expected members`),
      );
    }
    list.on('health', (score) =>
      this.#note('health', list.localNode.name, score === 0 ? 'healthy' : `degraded ${score}`),
    );
    list.on('message', (payload, from) =>
      this.#note('message', from.name ?? from.addr, `${payload.length} bytes`),
    );
  }

  /** A member answered a probe. */
  pinged(name: string, ms: number): void {
    this.#pings.delete(name);
    this.#pings.set(name, { ms, at: Date.now() });
    this.#newPings.add(name);
    if (this.#newPings.size > pageLimits.probesAHeartbeat) keepNewestName(this.#newPings);
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

  /** Events since the last call; of very many the last ones. */
  unsent(): readonly ShownEvent[] {
    const count = Math.min(this.#unsent, this.#events.length);
    this.#unsent = 0;
    return this.#events.slice(this.#events.length - count);
  }

  /** Accusations of the last minute. */
  accusations(now: number): readonly Accusation[] {
    return this.#accusations.filter(({ at }) => now - at < ACCUSATION_MS);
  }

  /** The last round trip of each member; of very many the most recent ones. */
  probes(): ProbeResult[] {
    const all = [...this.#pings].slice(-pageLimits.membersShown);
    return all.map(([name, { ms, at }]) => [shownName(name), ms, at]);
  }

  /** Round trips since the last call. */
  newProbes(): ProbeResult[] {
    const results: ProbeResult[] = [];
    for (const name of this.#newPings) {
      const ping = this.#pings.get(name);
      if (ping !== undefined) results.push([shownName(name), ping.ms, ping.at]);
    }
    this.#newPings.clear();
    return results;
  }

  /**
   * Members that failed or left. One that left is listed as long as the member table has it, one that failed
   * for an hour at least: whoever looks for it comes later than that.
   */
  gone(now: number): Node[] {
    const nodes: Node[] = [];
    for (const [name, { node, at }] of this.#gone) {
      const current = this.#list?.member(name);
      const isBack = current?.state === 'alive' || current?.state === 'suspect';
      const isOver = node.state === 'left' || now - at > pageLimits.failedMs;
      if (isBack || (current === undefined && isOver)) this.#gone.delete(name);
      else nodes.push(current ?? node);
      // When the table forgets it, its last state is shown.
      if (current !== undefined && this.#gone.has(name))
        this.#gone.set(name, { node: current, at });
    }
    return nodes;
  }

  /** When a member got into its state, if that is not alive and was seen. */
  since({ name, state }: Node): number | undefined {
    if (state === 'suspect') return this.#suspectedAt.get(name);
    return state === 'alive' ? undefined : this.#gone.get(name)?.at;
  }

  /** How often a member failed lately, if it is flapping. */
  failures(name: string): number | undefined {
    return this.#flapping.get(name)?.failures;
  }

  /** How many members are flapping, after those that are calm again were removed. */
  countFlapping(now: number): number {
    for (const [name, { at }] of this.#flapping) {
      if (now - at > pageLimits.flappingMs) this.#flapping.delete(name);
    }
    return this.#flapping.size;
  }

  #left(node: Node, reason: 'left' | 'failed'): void {
    const { name } = node;
    const at = Date.now();
    this.#pings.delete(name);
    this.#suspectedAt.delete(name);
    this.#gone.delete(name);
    this.#gone.set(name, { node, at });
    keepNewest(this.#gone, pageLimits.membersShown);
    const flapping = this.#flapping.get(name);
    if (flapping !== undefined && reason === 'failed') {
      this.#flapping.set(name, { failures: flapping.failures + 1, at });
    }
    this.#note(reason, name, '');
  }

  // The line about it comes right before the event.
  #accuserOf(name: string): string {
    const last = this.#accusations.at(-1);
    return last?.of === shownName(name) ? `by ${last.by}` : '';
  }

  #note(kind: ShownEvent['kind'], subject: string, detail: string): void {
    this.#events.push({
      seq: ++this.#seq,
      at: Date.now(),
      kind,
      subject: shownName(subject),
      detail: printable(detail),
    });
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

/** A name as the page shows it. Twice, as log fields are, gives the same as once. */
export const shownName = (name: string): string => printable(name, NAME_CHARACTERS);

function keepNewest(map: Map<string, unknown>, most: number): void {
  for (const first of map.keys()) {
    if (map.size <= most) return;
    map.delete(first);
  }
}

function keepNewestName(names: Set<string>): void {
  for (const first of names) {
    names.delete(first);
    return;
  }
}

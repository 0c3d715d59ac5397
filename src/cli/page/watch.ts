/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What the page knows in addition to the member table: recent events, round trips, suspicions, failed and
// flapping members. All of it is this node's own view; it asks no other node. All of it is bounded: a peer
// can invent names.
import type { EventEmitter } from 'node:events';
import type { Logger } from '../../config/options.js';
import type { Node } from '../../core/member.js';
import type { Memberlist } from '../../memberlist.js';
import type { MemberlistEvents } from '../../observability/member-events.js';
import { printable, printableJson } from '../../wire/printable.js';
import { showMeta } from '../show-meta.js';
import { pageLimits } from './limits.js';
import type { Suspicion, ProbeResult, ShownEvent } from './messages.js';

const MAX_EVENTS = 100;
const MAX_SUSPICIONS = 50;
const SUSPICION_MS = 60_000;
const NAME_CHARACTERS = 256;

/** The part of a Memberlist that the page uses. */
export type PageSource = EventEmitter<MemberlistEvents> &
  Pick<
    Memberlist,
    'localNode' | 'members' | 'member' | 'numMembers' | 'healthScore' | 'keyring' | 'config'
  >;

/** A member that failed or left. */
interface Departed {
  readonly node: Node;
  readonly at: number;
}

export class Watch {
  readonly #events: ShownEvent[] = [];
  /** Members that failed or left, oldest first; the list returns them only by name. */
  readonly #departed = new Map<string, Departed>();
  readonly #flapping = new Map<string, { failures: number; at: number }>();
  readonly #suspectedAt = new Map<string, number>();
  /** Least recent first. */
  readonly #pings = new Map<string, { ms: number; at: number }>();
  readonly #newPings = new Set<string>();
  readonly #suspicions: Suspicion[] = [];
  #list: PageSource | undefined;
  #seq = 0;
  #unsent = 0;
  #history: Buffer | undefined;
  #onEvent: () => void = () => undefined;

  /** Starts to watch; calls `onEvent` for each event. */
  start(list: PageSource, onEvent: () => void): void {
    this.#list = list;
    this.#onEvent = onEvent;
    list.on('join', ({ name, address }) => {
      this.#departed.delete(name);
      this.#note('join', name, `at ${address}`);
    });
    list.on('leave', (node, reason) => this.#left(node, reason));
    list.on('update', ({ name, meta }) => this.#note('update', name, showMeta(meta)));
    list.on('suspect', ({ name }) => {
      this.#suspectedAt.set(name, Date.now());
      this.#note('suspect', name, this.#suspectedBy(name));
    });
    list.on('refute', ({ name }) => {
      this.#suspectedAt.delete(name);
      this.#note('refute', name, 'refuted the suspicion');
    });
    list.on('conflict', ({ name, address }, other) =>
      this.#note('conflict', name, `is at ${address}, another node claims ${other.address}`),
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

  /** Records that a member answered a probe. */
  pinged(name: string, ms: number): void {
    this.#pings.delete(name);
    this.#pings.set(name, { ms, at: Date.now() });
    this.#newPings.add(name);
    if (this.#newPings.size > pageLimits.probesPerHeartbeat) keepNewestName(this.#newPings);
  }

  /** A logger that reads from the lines which member suspected which, and passes the lines on. */
  loggerBefore(next: Logger): Logger {
    const at =
      (level: keyof Logger) =>
      (message: string, fields: { code?: unknown; peer?: unknown; by?: unknown } = {}): void => {
        if (fields.code === 'member-suspected') {
          // Fields are already printable.
          const [by, of] = [shownName(String(fields.by)), shownName(String(fields.peer))];
          this.#suspicions.push({ at: Date.now(), by, of });
          this.#suspicions.splice(0, this.#suspicions.length - MAX_SUSPICIONS);
        }
        next[level](message, fields);
      };
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  }

  /** The recent events, as a message to a viewer. */
  history(): Buffer {
    this.#history ??= eventBytes('history', this.#events);
    return this.#history;
  }

  /** Events since the last call; only the most recent if there are very many. */
  unsent(): readonly ShownEvent[] {
    const count = Math.min(this.#unsent, this.#events.length);
    this.#unsent = 0;
    return this.#events.slice(this.#events.length - count);
  }

  /** The suspicions of the last minute. */
  suspicions(now: number): readonly Suspicion[] {
    return this.#suspicions.filter(({ at }) => now - at < SUSPICION_MS);
  }

  /** The last round trip of each member; only the most recent if there are very many. */
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
   * Members that failed or left. A member that left is listed as long as the member table has it, a failed one
   * for at least an hour: operators often look for it later than the member table keeps it.
   */
  departed(now: number): Node[] {
    const nodes: Node[] = [];
    for (const [name, { node, at }] of this.#departed) {
      const current = this.#list?.member(name);
      const isBack = current?.state === 'alive' || current?.state === 'suspect';
      const isOver = node.state === 'left' || now - at > pageLimits.failedMs;
      if (isBack || (current === undefined && isOver)) this.#departed.delete(name);
      else nodes.push(current ?? node);
      // After the table has removed it, its last state is shown.
      if (current !== undefined && this.#departed.has(name))
        this.#departed.set(name, { node: current, at });
    }
    return nodes;
  }

  /** When a member entered its state, if that is not alive and was observed. */
  since({ name, state }: Node): number | undefined {
    if (state === 'suspect') return this.#suspectedAt.get(name);
    return state === 'alive' ? undefined : this.#departed.get(name)?.at;
  }

  /** How often a member failed recently, if it is flapping. */
  failures(name: string): number | undefined {
    return this.#flapping.get(name)?.failures;
  }

  /** The number of flapping members, after removing those that are stable again. */
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
    this.#departed.delete(name);
    this.#departed.set(name, { node, at });
    keepNewest(this.#departed, pageLimits.membersShown);
    const flapping = this.#flapping.get(name);
    if (flapping !== undefined && reason === 'failed') {
      this.#flapping.set(name, { failures: flapping.failures + 1, at });
    }
    this.#note(reason, name, '');
  }

  // Its log line comes immediately before the event.
  #suspectedBy(name: string): string {
    const last = this.#suspicions.at(-1);
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
    this.#events.splice(0, this.#events.length - MAX_EVENTS);
    this.#unsent++;
    this.#history = undefined;
    this.#onEvent();
  }
}

/** A message to viewers. JSON has no line breaks outside of strings, and escapes them in strings. */
export function eventBytes(event: string, data: object): Buffer {
  return Buffer.from(`event: ${event}\ndata: ${printableJson(data)}\n\n`);
}

/** A name as the page shows it. Applying it twice, as for log fields, gives the same result. */
export const shownName = (name: string): string => printable(name, NAME_CHARACTERS);

function keepNewest(map: Map<string, unknown>, max: number): void {
  for (const first of map.keys()) {
    if (map.size <= max) return;
    map.delete(first);
  }
}

function keepNewestName(names: Set<string>): void {
  for (const first of names) {
    names.delete(first);
    return;
  }
}

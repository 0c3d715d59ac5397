/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What the extension counts and logs. docs/STATE.md has both tables; a test compares them.
import type { ExtensionContext, ExtensionCounter } from '../index.js';
import { stateLimits } from './limits.js';

/** Counters, by their names in the code. Published as `memberlist_state_<name>`. */
export const stateCounters = {
  pushed: [
    'pushed_packets_total',
    'Packets with writes of this node, or forwarded ones, that were sent.',
  ],
  applied: ['applied_total', 'Changes of maps that were applied.'],
  old: ['old_total', 'Changes of maps that this node had already.'],
  gaps: ['gaps_total', 'Changes that came without earlier ones, which were then asked for.'],
  answers: ['answers_total', 'Packets with changes that were sent to peers that lack them.'],
  streams: ['streams_total', 'Streams with changes that were sent to peers that lack them.'],
  digests: ['digests_total', 'Rounds in which a peer had another hash.'],
  throttled: ['throttled_total', 'Answers that were not sent because the peer asks too often.'],
  strangers: ['unknown_total', 'Messages from, and changes of maps of, nodes that are no members.'],
  cutOff: ['cut_off_total', 'Maps that exceeded a limit and are refused.'],
  ahead: ['boot_ahead_total', 'Boot ids that are more than a day in the future.'],
  replaced: [
    'boot_replaced_total',
    'New boot ids of this node, because a peer had a later map of its name.',
  ],
  invalid: [
    'invalid_values_total',
    'Values that did not pass their codec or schema and are not shown.',
  ],
} as const;

/** Gauges, by their names in the code. */
export const stateGauges = {
  nodes: ['maps', 'Maps that this node has, its own included.'],
  bytes: ['bytes', 'Bytes of all maps, as they count towards the limits.'],
  ownKeys: ['own_keys', 'Keys in this node’s own map.'],
} as const;

/** Codes of log lines: the field `code`. */
export const stateLogCodes = {
  'state-cut-off':
    'The map of a node exceeds a limit of this node, and is not shown. Use the same limits on all nodes.',
  'state-boot-ahead':
    'A node started with a clock that is more than a day ahead of the one here. Its map is not shown. Set the clocks.',
  'state-boot-replaced':
    'A peer has a later map of this node’s name: the clock went back between two runs, two nodes have one name, or a message was forged. This node published its map again.',
  'state-value-invalid':
    'A value of a peer does not pass the codec or the schema here, and is not shown. Do the nodes run different versions of the application?',
} as const;

/** The code of a log line. */
export type StateLogCode = keyof typeof stateLogCodes;

const windowMs = 10_000;

/** The counters and log lines of one node. */
export class Meters {
  readonly #counters: Readonly<Record<keyof typeof stateCounters, ExtensionCounter>>;
  readonly #context: ExtensionContext;
  readonly #lines = new Map<StateLogCode, { since: number; count: number }>();

  constructor(
    context: ExtensionContext,
    gauges: Readonly<Record<keyof typeof stateGauges, () => number>>,
  ) {
    this.#context = context;
    const { metrics } = context;
    const counters = Object.entries(stateCounters).map(
      ([name, [metric, help]]) => [name, metrics.counter(metric, help)] as const,
    );
    this.#counters = Object.fromEntries(counters) as Record<
      keyof typeof stateCounters,
      ExtensionCounter
    >;
    for (const [name, [metric, help]] of Object.entries(stateGauges)) {
      metrics.gauge(metric, help, gauges[name as keyof typeof stateGauges]);
    }
  }

  /** Counts. */
  count(counter: keyof typeof stateCounters, by = 1): void {
    this.#counters[counter].inc(by);
  }

  /** Logs a warning, at most some of a code in ten seconds: peers can cause it. */
  warn(code: StateLogCode, message: string, fields: object): void {
    const now = this.#context.clock.now();
    let lines = this.#lines.get(code);
    if (lines === undefined || now - lines.since >= windowMs) {
      lines = { since: now, count: 0 };
      this.#lines.set(code, lines);
    }
    if (++lines.count <= stateLimits.logLines) this.#context.log.warn(message, { code, ...fields });
  }
}

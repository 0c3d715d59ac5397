/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Upper bounds for the pending work of a node under any faults. In a quiet cluster no pending work is left.

import type { Scenario } from './scenario.js';
import { type Life, timersOf } from './stage.js';
import { Violation } from './violation.js';

/** The pending work of a node. */
export interface Load {
  /** Acks that it waits for: of its own probe, and of indirect probes for other nodes. */
  readonly acks: number;
  readonly suspicions: number;
  /** Queued broadcasts. */
  readonly queue: number;
  readonly streams: number;
  readonly timers: number;
}

/** The number of nodes that ever started, and of their names, forged ones included. */
export interface Counts {
  readonly nodes: number;
  readonly names: number;
}

/** The pending work of a node now. */
export function loadOf(life: Life): Load {
  const { acks, suspicionsRunning, queue } = life.engine;
  return {
    acks: acks.size,
    suspicions: suspicionsRunning,
    queue: queue.numQueued,
    streams: life.transport.openStreams,
    timers: timersOf(life),
  };
}

/** Probing, gossip, push/pull, the queue check and the stall watch. */
const schedulers = 5;
/** In addition to those counted below: settling, a probe's first deadline, the inbox, joins, folded lines. */
const otherTimers = 40;

/** The upper bounds of a node's pending work. */
export function mostOf(scenario: Scenario, counts: Counts, load: Load): Load {
  const { nodes, names } = counts;
  const { probeInterval, probeTimeout, tcpTimeout, pushPullInterval } = scenario.settings;
  // Each peer requests one indirect probe per interval, and the request may be duplicated. Requests that a stall
  // delayed at either end arrive at once; a saturated link delays packets by up to a second.
  const atOnce = 1 + Math.ceil((probeTimeout + 2 * longestHold(scenario) + 1_000) / probeInterval);
  // Each node dials once per probe and once per push/pull, and a few times more after a join. Each stream lasts for at
  // most two timeouts: for the connection and for the answer.
  const dials = 6 + (2 * tcpTimeout) / probeInterval + (2 * tcpTimeout) / pushPullInterval;
  return {
    acks: 1 + 2 * nodes * atOnce,
    suspicions: names,
    // One about each name.
    queue: names,
    streams: Math.ceil(dials * nodes),
    timers: schedulers + otherTimers + 2 * (load.acks + load.suspicions) + 4 * load.streams,
  };
}

/** @throws Violation when the pending work of a node exceeds its bounds. */
export function checkBounds(scenario: Scenario, counts: Counts, lives: readonly Life[]): void {
  for (const life of lives) {
    const load = loadOf(life);
    const most = mostOf(scenario, counts, load);
    for (const what of ['acks', 'suspicions', 'queue', 'streams', 'timers'] as const) {
      if (load[what] <= most[what]) continue;
      const rule = what === 'queue' ? 'the queue is bounded' : `${what} are bounded`;
      throw new Violation(rule, `${life.key}: ${load[what]} of ${most[what]}`);
    }
  }
}

/**
 * Whether a node has no pending work, as between two probes in a quiet cluster. A node without peers cannot send its
 * queue, which stays as it is.
 */
export function isIdle(life: Life, { looksForLost }: { looksForLost: boolean }): boolean {
  const { acks, suspicions, queue, streams, timers } = loadOf(life);
  const isQueueFine = queue === 0 || !life.engine.hasPeers;
  return (
    acks + suspicions + streams === 0 && isQueueFine && timers <= schedulers + Number(looksForLost)
  );
}

/** The longest total duration of the stalls of one node. */
export function longestHold({ steps }: Scenario): number {
  const holds = new Map<string, number>();
  for (const step of steps) {
    if ('ms' in step) holds.set(step.node, (holds.get(step.node) ?? 0) + step.ms);
  }
  return Math.max(0, ...holds.values());
}

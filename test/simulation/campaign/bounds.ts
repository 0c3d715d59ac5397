/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// How much a node may have under way at most, whatever happens to it, and that in a quiet cluster
// nothing of it is left.

import type { Scenario } from './scenario.js';
import { type Life, timersOf } from './stage.js';
import { Violation } from './violation.js';

/** What a node has under way. */
export interface Load {
  /** Acks that it waits for: of its own probe, and of those that it makes for others. */
  readonly acks: number;
  readonly suspicions: number;
  /** Broadcasts that wait to be sent. */
  readonly queue: number;
  readonly streams: number;
  readonly timers: number;
}

/** How many nodes there have been, and how many names, forged ones included. */
export interface Counts {
  readonly nodes: number;
  readonly names: number;
}

/** What a node has under way now. */
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

/** Probing, gossip, push/pull, the look at the queue, and the watch for stalls. */
const schedulers = 5;
/** Beside what is counted below: settling, a probe's first deadline, the inbox, joins, folded lines. */
const otherTimers = 40;

/** What a node may have under way at most. */
export function mostOf(scenario: Scenario, counts: Counts, load: Load): Load {
  const { nodes, names } = counts;
  const { probeInterval, probeTimeout, tcpTimeout, pushPullInterval } = scenario.settings;
  // Each peer asks for one probe in each interval, and the request may come twice. What was held up
  // at its end or at ours comes all at once; a full link holds things up for a second.
  const atOnce = 1 + Math.ceil((probeTimeout + 2 * longestHold(scenario) + 1_000) / probeInterval);
  // Each node dials once in a round of probes and once in a push/pull, has a few more when it joined,
  // and hangs on to each for two timeouts: to be connected, and to be answered.
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

/** @throws Violation when a node has more under way than it may. */
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
 * Whether a node has nothing under way, as between two probes in a quiet cluster. Who is alone has
 * nobody to send its queue to, and it stays as it is.
 */
export function isIdle(life: Life, { looksForLost }: { looksForLost: boolean }): boolean {
  const { acks, suspicions, queue, streams, timers } = loadOf(life);
  const isQueueFine = queue === 0 || !life.engine.hasPeers;
  return (
    acks + suspicions + streams === 0 && isQueueFine && timers <= schedulers + Number(looksForLost)
  );
}

/** How long all the stalls of one node are together, at most. */
export function longestHold({ steps }: Scenario): number {
  const holds = new Map<string, number>();
  for (const step of steps) {
    if ('ms' in step) holds.set(step.node, (holds.get(step.node) ?? 0) + step.ms);
  }
  return Math.max(0, ...holds.values());
}

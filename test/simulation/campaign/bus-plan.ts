/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// How the bus is used in a scenario.

import type { Dice } from './dice.js';
import { BusWatch } from './bus-watch.js';
import type { DrawnWorld, ToolkitPart } from './toolkit.js';

/** The bus of a scenario. */
export interface BusPlan {
  /** Mean time between two actions of one node, in milliseconds. */
  readonly intervalMs: number;
  /** Up to this many peers a message is sent to each directly. */
  readonly directPeers: number;
  readonly retention: { readonly messages: number; readonly bytes: number; readonly age: number };
  readonly grace: number;
  /** The largest payload. */
  readonly largeBytes: number;
  /** Whether `n1` runs without a bus. */
  readonly isPartial: boolean;
}

/** A bus on each node, and its users. */
export const busPart: ToolkitPart<BusPlan> = {
  draw: drawBus,
  watch: (plan, world) => new BusWatch(plan, world),
  simpler: simplerBuses,
};

/** About how often one node acts, at most. */
const mostActions = 60;
/** The same for all nodes together. */
const mostOfAll = 600;

/** Longer scenarios are about membership. */
const longestMs = 600_000;

/** A third of the scenarios have a bus. */
function drawBus(dice: Dice, { nodes, settings, healAt }: DrawnWorld): BusPlan | undefined {
  if (!dice.chance(0.35) || healAt > longestMs) return undefined;
  const { probeInterval } = settings;
  const drawnMs = probeInterval * dice.between(0.3, 3);
  const most = Math.min(mostActions, mostOfAll / nodes);
  const largeBytes = dice.pick([1_000, 5_000, 60_000]);
  return {
    intervalMs: Math.round(Math.max(drawnMs, healAt / most)),
    // As in a cluster of thousands, messages are passed on.
    directPeers: dice.chance(0.5) ? 64 : dice.whole(1, 3),
    largeBytes,
    retention: {
      messages: dice.pick([8, 50, 10_000]),
      bytes: dice.pick([2 * largeBytes + 5_000, 4_194_304]),
      age: probeInterval * dice.whole(10, 60),
    },
    grace: probeInterval * dice.whole(5, 30),
    isPartial: dice.chance(0.3),
  };
}

/** Plans that are easier to understand. */
function simplerBuses(plan: BusPlan): BusPlan[] {
  const changes: Partial<BusPlan>[] = [
    { isPartial: false },
    { directPeers: 64 },
    { largeBytes: 100 },
    { retention: { messages: 10_000, bytes: 4_194_304, age: plan.retention.age } },
    { intervalMs: plan.intervalMs * 3 },
  ];
  const simpler = changes.map((change) => ({ ...plan, ...change }));
  const before = JSON.stringify(plan);
  return simpler.filter((each) => JSON.stringify(each) !== before && each.intervalMs < 1e7);
}

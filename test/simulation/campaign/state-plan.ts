/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// How the shared state is used in a scenario.

import type { Dice } from './dice.js';
import { StateWatch } from './state-watch.js';
import type { DrawnWorld, ToolkitPart } from './toolkit.js';

/** The shared state of a scenario. */
export interface StatePlan {
  /** Mean time between two actions of one node, in milliseconds. */
  readonly intervalMs: number;
  /** The number of keys of each node. */
  readonly keys: number;
  /** The longest value. */
  readonly valueBytes: number;
  readonly syncInterval: number;
  readonly keepAfterLeave: number;
  readonly keepDeleted: number;
  /** Whether `n1` runs without shared state. */
  readonly isPartial: boolean;
}

/** Shared state on each node, and its users. */
export const statePart: ToolkitPart<StatePlan> = {
  draw: drawState,
  watch: (plan, world) => new StateWatch(plan, world),
  simpler: simplerStates,
};

const mostActions = 60;
const mostOfAll = 600;
/** Longer scenarios are about membership, and reconciliation never ends. */
const longestMs = 600_000;

/** A third of the scenarios have shared state. */
function drawState(dice: Dice, { nodes, settings, healAt }: DrawnWorld): StatePlan | undefined {
  if (!dice.chance(0.35) || healAt > longestMs) return undefined;
  const { probeInterval } = settings;
  const drawnMs = probeInterval * dice.between(0.3, 3);
  const most = Math.min(mostActions, mostOfAll / nodes);
  return {
    intervalMs: Math.round(Math.max(drawnMs, healAt / most)),
    keys: dice.pick([2, 5, 20]),
    valueBytes: dice.pick([20, 200, 3_000]),
    syncInterval: dice.pick([200, 500, 1_000]),
    keepAfterLeave: dice.chance(0.3) ? 0 : probeInterval * dice.whole(5, 40),
    keepDeleted: Math.max(1_000, probeInterval * dice.whole(5, 100)),
    isPartial: dice.chance(0.3),
  };
}

function simplerStates(plan: StatePlan): StatePlan[] {
  const changes: Partial<StatePlan>[] = [
    { isPartial: false },
    { valueBytes: 20 },
    { keys: 2 },
    { keepDeleted: 600_000 },
    { intervalMs: plan.intervalMs * 3 },
  ];
  const simpler = changes.map((change) => ({ ...plan, ...change }));
  const before = JSON.stringify(plan);
  return simpler.filter((each) => JSON.stringify(each) !== before && each.intervalMs < 1e7);
}

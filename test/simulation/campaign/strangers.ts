/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Scenarios with members that do not exist, and with addresses that are used again by others. All of it is drawn
// with dice of its own, so that scenarios without it are what they were.

import { agreementMs } from './agreement.js';
import type { Dice } from './dice.js';
import { mostNodesOfLong, rejoinMs } from './long.js';
import type { Forgery, Scenario, Settings, Step } from './scenario.js';

const hour = 3_600_000;

/** A few forgeries among the steps of any scenario; in one of four. */
export function drawForgeries(
  dice: Dice,
  world: { nodes: number; healAt: number },
): readonly Step[] {
  if (!dice.chance(0.25)) return [];
  const count = dice.whole(1, 3);
  return Array.from({ length: count }, () => {
    const at = Math.round(world.healAt * dice.unit());
    const forgery = drawForgery(dice, { ...world, count: dice.whole(5, 120) });
    return { at, do: 'forge', ...forgery };
  });
}

function drawForgery(dice: Dice, world: { nodes: number; count: number }): Forgery {
  const node = (): string => `n${dice.whole(0, world.nodes - 1)}`;
  return {
    to: node(),
    count: world.count,
    where: dice.pick(['one', 'each', 'each', node()]),
    state: dice.pick([0, 0, 0, 1, 2, 3]),
    // The longest are longer than any node lets in.
    nameBytes: dice.pick([0, 0, 0, 200, 5_000]),
    byStream: dice.chance(0.6),
  };
}

type Rest = Pick<Scenario, 'network' | 'steps' | 'healAt' | 'crowded' | 'rejoins'>;

/**
 * Crowded scenarios: a table of hundreds of made-up members comes to one node or to all, and then a real member
 * is killed. It must be found dead in a time that does not depend on how many are made up.
 */
export function drawCrowded(dice: Dice, nodes: number, settings: Settings): Rest {
  const { probeInterval } = settings;
  const at = probeInterval * dice.whole(15, 25);
  const count = dice.whole(500, 1_200);
  const where = dice.pick(['one', 'each', 'each', 'each', 'n1']);
  const toAll = dice.chance(0.5);
  const forgery = { count, where, state: 0, nameBytes: 0, byStream: true };
  const targets = toAll ? Array.from({ length: nodes }, (_, i) => `n${i}`) : ['n0'];
  const forgeries = targets.map((to): Step => ({ at, do: 'forge', to, ...forgery }));
  const killAt = at + probeInterval * dice.whole(5, 20);
  const kill: Step = { at: killAt, do: 'crash', node: `n${nodes - 1}`, silent: dice.chance(0.5) };
  const steps = [...forgeries, kill];
  return { network: quiet(dice, settings), steps, healAt: killAt + probeInterval, crowded: true };
}

/**
 * Reused addresses: a member fails, and once it is forgotten its address is a node's of another cluster, or one's with
 * another name in the same cluster; after minutes or after hours. The nodes look for whom they lost all the time.
 */
export function drawReused(dice: Dice, nodes: number, settings: Settings): Rest {
  const { probeInterval } = settings;
  const at = probeInterval * dice.whole(10, 20);
  const node = `n${dice.whole(1, nodes - 1)}`;
  const forgottenMs = agreementMs(settings, nodes);
  const longer = dice.chance(0.25) ? hour * dice.between(1, 3) : forgottenMs * dice.between(0, 1);
  const takenAt = Math.round(at + forgottenMs + longer);
  const crash: Step = { at, do: 'crash', node, silent: dice.chance(0.5) };
  const steps: Step[] = [crash];
  if (dice.chance(0.7)) steps.push({ at: takenAt, do: 'take', of: node });
  else steps.push({ at: takenAt, do: 'restart', node, moved: false, name: 'm0' });
  const healAt = takenAt + rejoinMs(settings) * dice.whole(5, 20);
  return { network: quiet(dice, settings), steps, healAt, rejoins: true };
}

function quiet(dice: Dice, { probeTimeout }: Settings): Scenario['network'] {
  const median = probeTimeout * dice.between(0.005, 0.05);
  return { latency: { min: median / 2, max: median } };
}

/** One in twenty-five of the others each, of few nodes. */
export function drawSpecial(dice: Dice, nodes: number, settings: Settings): Rest | undefined {
  const isCrowded = dice.chance(0.04);
  const isReused = dice.chance(0.05);
  if (nodes > mostNodesOfLong || nodes < 3) return undefined;
  if (isCrowded) return drawCrowded(dice, nodes, settings);
  return isReused ? drawReused(dice, nodes, settings) : undefined;
}

/**
 * How long a killed member may be unfound in a crowded table: verified members are probed at least every
 * 2v + 16 rounds at first and then every other round, with as much again for rounds that take longer, and one
 * suspicion of the longest kind.
 */
export function foundMs(
  { probeInterval, suspicionMult }: Settings,
  real: number,
  all: number,
): number {
  const rounds = 2 * 2 * (2 * real + 16);
  const suspicion = 6 * suspicionMult * Math.max(1, Math.log10(all));
  return (rounds + suspicion) * probeInterval;
}

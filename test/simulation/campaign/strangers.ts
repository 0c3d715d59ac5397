/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Scenarios with forged members, and with addresses that another node uses later. They are drawn with dice of their
// own, so that scenarios without them stay as they are.

import { agreementMs } from './agreement.js';
import type { Dice } from './dice.js';
import { mostNodesOfLong, rejoinMs } from './long.js';
import type { Forgery, Scenario, Settings, Step } from './scenario.js';

const hour = 3_600_000;

/** One scenario in four has one or two forgeries among its steps. */
export function drawForgeries(
  dice: Dice,
  world: { nodes: number; healAt: number },
): readonly Step[] {
  if (!dice.chance(0.25)) return [];
  const count = dice.whole(1, 2);
  return Array.from({ length: count }, () => {
    const at = Math.round(world.healAt * dice.unit());
    const forgery = drawForgery(dice, { ...world, count: dice.whole(5, 60) });
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
 * Crowded scenarios: one node or all of them get tables with hundreds of forged members, and then a real member is
 * killed. It must be found dead in a time that hardly depends on the number of forged members.
 */
export function drawCrowded(dice: Dice, nodes: number, settings: Settings): Rest {
  const { probeInterval } = settings;
  const at = probeInterval * dice.whole(15, 25);
  const total = dice.whole(200, 600);
  const where = dice.pick(['one', 'each', 'each', 'each', 'n1']);
  const toAll = dice.chance(0.5);
  const targets = toAll ? Array.from({ length: nodes }, (_, i) => `n${i}`) : ['n0'];
  const count = Math.ceil(total / targets.length);
  const forgery = { count, where, state: 0, nameBytes: 0, byStream: true };
  const forgeries = targets.map((to): Step => ({ at, do: 'forge', to, ...forgery }));
  const killAt = at + probeInterval * dice.whole(5, 20);
  const kill: Step = { at: killAt, do: 'crash', node: `n${nodes - 1}`, silent: dice.chance(0.5) };
  const steps = [...forgeries, kill];
  return { network: quiet(dice, settings), steps, healAt: killAt + probeInterval, crowded: true };
}

/**
 * Reused addresses: a member fails. Once it is forgotten, minutes or hours later, a node of another cluster, or a node
 * of another name in the same cluster, starts at its address. All that time the nodes look for the members they lost.
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

/** Of scenarios with few nodes one in twenty-five is crowded, and one in twenty is about a reused address. */
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

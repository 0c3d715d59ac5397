/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Calm scenarios: a few nodes on a network without faults, so that each round of gossip reaches all of them. Each step
// ends before the next one begins, and stalls are shorter than any suspicion. Nothing is random there, and the
// invariants are stricter.

import type { Dice } from './dice.js';
import { keyPhases, type Scenario, type Settings, type Step } from './scenario.js';

/** In units of `suspicionMult` probe intervals: the longest suspicion times out between two steps. */
const suspicionsApart = 10;

export function drawCalm(
  dice: Dice,
  nodes: number,
  settings: Settings,
): Pick<Scenario, 'network' | 'steps' | 'healAt'> {
  const { probeInterval, probeTimeout, suspicionMult } = settings;
  const apart = suspicionsApart * suspicionMult * probeInterval;
  const count = dice.whole(2, 6);
  const steps = Array.from({ length: count }, (_, i) => {
    const node = `n${dice.whole(0, nodes - 1)}`;
    return drawStep(dice, { at: (i + 1) * apart, apart, node, nodes, settings });
  });
  const median = probeTimeout * dice.between(0.005, 0.05);
  const network = { latency: { min: median / 2, max: median } };
  return { network, steps: steps.flat(), healAt: (count + 1) * apart };
}

interface Place {
  readonly at: number;
  readonly apart: number;
  readonly node: string;
  readonly nodes: number;
  readonly settings: Settings;
}

const kinds = [
  'freeze',
  'block',
  'update',
  'slander',
  'leave',
  'crash',
  'restart',
  'return',
  'key',
] as const;

function drawStep(dice: Dice, { at, apart, node, nodes, settings }: Place): Step[] {
  const { probeInterval, suspicionMult } = settings;
  const kind = dice.pick(kinds);
  switch (kind) {
    case 'freeze':
    case 'block': {
      const ms = Math.round(probeInterval * suspicionMult * dice.between(0.2, 0.5));
      return [{ at, do: kind, node, ms }];
    }
    case 'update':
      return [{ at, do: kind, node, meta: `${node} at ${at}` }];
    case 'slander':
      return [{ at, do: kind, node, to: `n${dice.whole(0, nodes - 1)}`, dead: dice.chance(0.5) }];
    case 'crash':
      return [{ at, do: kind, node, silent: dice.chance(0.5) }];
    case 'restart': {
      // Before any node suspects it. Half of them restart under another name, and the old name must be found dead.
      const name = dice.chance(0.5) ? { name: `m${at}` } : {};
      const back = at + Math.round(probeInterval * dice.between(0.1, 0.8));
      return [
        { at, do: 'crash', node, silent: false },
        { at: back, do: kind, node, moved: false, ...name },
      ];
    }
    case 'key':
      return keyPhases.map((phase, i) => ({ at: at + (i * apart) / 4, do: kind, phase }));
    default:
      return [{ at, do: kind, node }];
  }
}

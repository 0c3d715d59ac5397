/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Which extensions a scenario has, and which nodes run them. Drawn with dice of its own: a scenario without extensions
// does not depend on it.

import { SeededRandom } from '../../../src/testing/index.js';
import type { Dice } from './dice.js';
import type { ExtensionPlan, Scenario, Settings } from './scenario.js';

/** The extensions, with the versions that nodes announce. */
export const extensionVersions: Readonly<Record<string, number>> = { alpha: 1, beta: 200 };

/** About how often one extension acts in a scenario, at most. */
const mostActions = 60;

/** Half of the scenarios have one or two extensions. */
export function drawExtensions(
  dice: Dice,
  world: { nodes: number; settings: Settings; healAt: number },
): Pick<Scenario, 'extensions'> {
  if (!dice.chance(0.5)) return {};
  const names = Object.keys(extensionVersions).slice(0, dice.whole(1, 2));
  const shares = Object.fromEntries(names.map((name) => [name, 0.2 + dice.rounded(0.6)]));
  // In a large cluster, and in a long scenario, each acts less often: the campaign has to keep its speed.
  const spread = dice.between(1, 4) * (1 + world.nodes / 15);
  const drawnMs = world.settings.probeInterval * spread;
  const intervalMs = Math.round(Math.max(drawnMs, world.healAt / mostActions));
  const throws = dice.chance(0.5) ? 0.1 : 0;
  return { extensions: { shares, intervalMs, throws } };
}

/** The extensions that a node runs in each of its lives, in the order of its configuration. */
export function extensionsOf(scenario: Scenario, key: string): readonly string[] {
  const { shares = {} } = scenario.extensions ?? ({} as Partial<ExtensionPlan>);
  const random = new SeededRandom(`extensions of ${key}, seed ${scenario.seed}`);
  const isReversed = random.next() < 0.5;
  const names = Object.entries(shares).filter(([, share]) => {
    const drawn = random.next() < share;
    if (key === 'n0' || key === 'n2') return true;
    return drawn && !['n1', 'x0', 'x1'].includes(key);
  });
  const order = names.map(([name]) => name);
  return isReversed ? order.reverse() : order;
}

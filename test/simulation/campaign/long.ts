/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Long scenarios: a cluster is partitioned into two or three parts for longer than dead members are kept. Nodes try to
// reconnect to failed members, and the campaign joins no node: in the end all must be one cluster again.

import { agreementMs } from './agreement.js';
import type { Dice } from './dice.js';
import type { Scenario, Settings, Step } from './scenario.js';

/** Larger clusters take longer and find nothing more. */
export const mostNodesOfLong = 12;

/** The interval of reconnect attempts in a long scenario. */
export function rejoinMs({ probeInterval }: Settings): number {
  return 10 * probeInterval;
}

export function drawLong(
  dice: Dice,
  nodes: number,
  settings: Settings,
): Pick<Scenario, 'network' | 'steps' | 'healAt'> {
  const { probeInterval, probeTimeout } = settings;
  const names = Array.from({ length: nodes }, (_, i) => `n${i}`);
  const parts = nodes > 4 && dice.chance(0.3) ? 3 : 2;
  const groups = Array.from({ length: parts }, (): string[] => []);
  // None is empty.
  for (const [i, name] of names.entries()) {
    groups[i < parts ? i : dice.whole(0, parts - 1)]?.push(name);
  }
  const at = probeInterval * dice.whole(10, 20);
  const lastsMs = agreementMs(settings, nodes) * dice.between(1, 1.5);
  const healAt = Math.round(at + lastsMs);
  const steps: Step[] = [{ at, do: 'partition', groups, oneWay: false }];
  if (dice.chance(0.5)) {
    const node = dice.pick(names);
    const when = Math.round(at + lastsMs * dice.between(0.3, 0.9));
    steps.push({ at: when, do: 'update', node, meta: `${node} while it was cut off` });
  }
  const median = probeTimeout * dice.between(0.005, 0.05);
  const loss = dice.chance(0.5) ? dice.rounded(0.1) : 0;
  return { network: { latency: { min: median / 2, max: median }, loss }, steps, healAt };
}

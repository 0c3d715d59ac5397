/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Makes a scenario that fails smaller, as long as it goes on failing: fewer steps, fewer faults of the
// network, fewer nodes.

import type { Scenario } from './scenario.js';

/** Gives what was wrong; undefined when the scenario passes. */
export type Judge = (scenario: Scenario) => Promise<string | undefined>;

/** The smallest scenario that was found to fail. */
export async function shrink(scenario: Scenario, judge: Judge): Promise<Scenario> {
  let smallest = scenario;
  for (let before: Scenario | undefined; before !== smallest;) {
    before = smallest;
    for (const candidate of candidates(smallest)) {
      if ((await judge(candidate)) === undefined) continue;
      smallest = candidate;
      break;
    }
  }
  return smallest;
}

/** Smaller ones, the smallest first. */
function* candidates(scenario: Scenario): Generator<Scenario> {
  const { steps, nodes, network } = scenario;
  for (
    let size = Math.ceil(steps.length / 2);
    size >= 1;
    size = size > 1 ? Math.ceil(size / 2) : 0
  ) {
    for (let at = 0; at < steps.length; at += size) {
      yield { ...scenario, steps: [...steps.slice(0, at), ...steps.slice(at + size)] };
    }
  }
  for (const fault of ['loss', 'duplication', 'reordering', 'streamBreaks', 'bandwidth'] as const) {
    if (network[fault]) yield { ...scenario, network: { ...network, [fault]: undefined } };
  }
  if (scenario.encrypted) yield { ...scenario, encrypted: false };
  for (const fewer of [Math.ceil(nodes / 2), nodes - 1]) {
    if (fewer >= 2 && fewer < nodes) yield withNodes(scenario, fewer);
  }
  const last = steps.at(-1)?.at ?? 0;
  if (scenario.healAt > last + 1) yield { ...scenario, healAt: last + 1 };
}

/** Steps of nodes that are not there any more are passed over. */
function withNodes(scenario: Scenario, nodes: number): Scenario {
  return { ...scenario, nodes };
}

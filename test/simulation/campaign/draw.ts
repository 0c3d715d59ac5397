/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Draws a whole scenario from one number.

import type { LinkOptions } from '../../../src/testing/index.js';
import { drawCalm } from './calm.js';
import { Dice } from './dice.js';
import { drawExtensions } from './extension-plan.js';
import { drawLong, mostNodesOfLong } from './long.js';
import type { Scenario, Settings } from './scenario.js';
import { drawSteps } from './steps.js';
import { drawForgeries, drawSpecial } from './strangers.js';
import { drawToolkit, type PartName } from './toolkit.js';

/** Options that override what the seed decides. */
export interface ScenarioOptions {
  readonly nodes?: number | undefined;
  /** The upper bound of the number of nodes, without `nodes`. */
  readonly maxNodes?: number | undefined;
  /** Only calm ones. */
  readonly calm?: boolean | undefined;
  /** The parts of the toolkit that it may have. Default: the usual ones */
  readonly toolkit?: readonly PartName[] | undefined;
}

/** Draws a scenario: half of them have extensions, and some have parts of the toolkit. */
export function drawScenario(seed: number, options: ScenarioOptions = {}): Scenario {
  const { steps, ...others } = drawFaults(seed, options);
  const extensions = drawExtensions(new Dice(-0.125 - seed), others);
  return { ...others, ...extensions, ...drawToolkit(seed, others, options.toolkit), steps };
}

/**
 * Draws a scenario without extensions. One in eight is calm: three or four nodes on a network without faults, with
 * stalls that are shorter than any suspicion. Nothing is random there, and no running node may be declared dead.
 */
function drawFaults(seed: number, options: ScenarioOptions): Scenario {
  const dice = new Dice(seed);
  const isCalm = (dice.chance(0.125) && (options.nodes ?? 4) <= 4) || options.calm === true;
  const size = isCalm ? dice.whole(3, 4) : 3 + Math.floor(58 * dice.unit() ** 3);
  const { maxNodes = size, nodes = Math.min(size, maxNodes) } = options;
  const settings = drawSettings(dice);
  const encrypted = dice.chance(0.3);
  if (isCalm)
    return { seed, nodes, settings, encrypted, isCalm, ...drawCalm(dice, nodes, settings) };
  // Dice of its own, as for slices, keep all other scenarios unchanged.
  const longDice = new Dice(-1 - seed);
  if (longDice.chance(0.08) && nodes <= mostNodesOfLong) {
    const rejoins = true;
    const long = drawLong(longDice, nodes, settings);
    return { seed, nodes, settings, encrypted, isCalm, rejoins, ...long };
  }
  const special = drawSpecial(new Dice(-0.25 - seed), nodes, settings);
  if (special !== undefined) return { seed, nodes, settings, encrypted, isCalm, ...special };
  const network = drawNetwork(dice, settings);
  const healAt = settings.probeInterval * dice.whole(30, 80);
  const drawn = drawSteps(dice, { nodes, settings, healAt });
  const forgeries = drawForgeries(new Dice(-0.75 - seed), { nodes, healAt });
  const steps = [...drawn, ...forgeries].sort((a, b) => a.at - b.at);
  const slices = drawSlices(new Dice(-0.5 - seed));
  return { seed, nodes, settings, encrypted, isCalm, ...slices, network, steps, healAt };
}

// The product uses slices of hundreds of members, which no scenario has. With a few members in a slice each exchange
// is interrupted, and the table changes meanwhile. Sixty concurrent joins still end within `tcpTimeout`.
function drawSlices(dice: Dice): Pick<Scenario, 'slices'> {
  if (!dice.chance(0.3)) return {};
  return { slices: { records: dice.whole(3, 12), turnMs: dice.between(0.02, 0.2) } };
}

function drawSettings(dice: Dice): Settings {
  const probeInterval = dice.pick([200, 500, 1_000]);
  return {
    probeInterval,
    probeTimeout: Math.round(probeInterval * dice.between(0.25, 0.6)),
    gossipInterval: probeInterval / dice.pick([2, 5]),
    pushPullInterval: probeInterval * dice.whole(8, 30),
    suspicionMult: dice.whole(3, 5),
    indirectChecks: dice.whole(1, 3),
    retransmitMult: dice.whole(3, 4),
    gossipToTheDeadTime: probeInterval * dice.whole(15, 40),
    deadNodeReclaimTime: dice.chance(0.3) ? probeInterval * 5 : 0,
    tcpTimeout: probeInterval * dice.whole(4, 10),
    udpBufferSize: dice.chance(0.3) ? dice.whole(512, 1_400) : 1_400,
    enableCompression: dice.chance(0.5),
    disableTcpPings: dice.chance(0.2),
    settleAfterJoin: dice.chance(0.8),
    label: dice.chance(0.2) ? 'campaign' : '',
  };
}

/** Each fault occurs in half of the scenarios. */
function drawNetwork(dice: Dice, { probeTimeout }: Settings): LinkOptions {
  const median = probeTimeout * dice.between(0.005, 0.05);
  const share = (max: number): number => (dice.chance(0.5) ? dice.rounded(max) : 0);
  return {
    latency: dice.chance(0.5)
      ? { median, max: probeTimeout * dice.between(0.5, 3) }
      : { min: median / 2, max: median * 2 },
    loss: share(0.3),
    duplication: share(0.2),
    reordering: share(0.2),
    streamBreaks: share(0.2),
    bandwidth: dice.chance(0.15) ? dice.whole(50_000, 500_000) : undefined,
  };
}

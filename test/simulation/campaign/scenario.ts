/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One number draws a whole scenario: the nodes, how they are configured, what is wrong with the
// network, and what happens when. A scenario is plain data, so that it can be printed, replayed and
// made smaller.

import type { LinkOptions } from '../../../src/testing/index.js';
import { SeededRandom } from '../../../src/testing/index.js';

/** What happens at one moment. A step whose node is not there, or not in that state, is passed over. */
export type Step = { readonly at: number } & (
  | { readonly do: 'crash'; readonly node: string; readonly silent: boolean }
  | { readonly do: 'leave'; readonly node: string }
  | {
      readonly do: 'restart';
      readonly node: string;
      readonly name?: string;
      readonly moved: boolean;
    }
  | { readonly do: 'add'; readonly node: string; readonly name?: string }
  | { readonly do: 'freeze' | 'block' | 'jump'; readonly node: string; readonly ms: number }
  | {
      readonly do: 'partition';
      readonly groups: readonly (readonly string[])[];
      readonly oneWay: boolean;
    }
  | { readonly do: 'heal' }
  | { readonly do: 'link'; readonly from: string; readonly to: string; readonly loss: number }
  | { readonly do: 'breakStreams'; readonly node: string }
  | { readonly do: 'update'; readonly node: string; readonly meta: string }
  | { readonly do: 'rotate' }
  /** Somebody is told a lie about a node: that it is dead, or does not answer. */
  | { readonly do: 'slander'; readonly node: string; readonly to: string; readonly dead: boolean }
);

/** The settings that all nodes have. */
export interface Settings {
  readonly probeInterval: number;
  readonly probeTimeout: number;
  readonly gossipInterval: number;
  readonly pushPullInterval: number;
  readonly suspicionMult: number;
  readonly indirectChecks: number;
  readonly retransmitMult: number;
  readonly gossipToTheDeadTime: number;
  readonly deadNodeReclaimTime: number;
  readonly tcpTimeout: number;
  readonly udpBufferSize: number;
  readonly enableCompression: boolean;
  readonly disableTcpPings: boolean;
  readonly settleAfterJoin: boolean;
  readonly label: string;
}

/** A scenario. */
export interface Scenario {
  readonly seed: number;
  /** `n0`, `n1` … */
  readonly nodes: number;
  readonly settings: Settings;
  readonly encrypted: boolean;
  readonly isCalm: boolean;
  /** The faults of the whole network, until it is healed. */
  readonly network: LinkOptions;
  readonly steps: readonly Step[];
  /** When the faults end. */
  readonly healAt: number;
}

/** What is not left to the seed. */
export interface ScenarioOptions {
  readonly nodes?: number | undefined;
  /** No more than so many, when `nodes` does not say how many. */
  readonly maxNodes?: number | undefined;
}

/**
 * Draws a scenario. One in eight is calm: three or four nodes, who all hear of everything at once, on
 * a network without faults, with stalls that are shorter than any suspicion. There nothing is left to
 * chance, and nobody who lives may be called dead.
 */
export function drawScenario(seed: number, options: ScenarioOptions = {}): Scenario {
  const dice = new Dice(seed);
  const isCalm = dice.chance(0.125) && (options.nodes ?? 4) <= 4;
  const drawn = isCalm ? dice.whole(3, 4) : 3 + Math.floor(58 * dice.unit() ** 3);
  const { maxNodes = drawn, nodes = Math.min(drawn, maxNodes) } = options;
  const settings = drawSettings(dice);
  const encrypted = dice.chance(0.3);
  if (isCalm)
    return { seed, nodes, settings, encrypted, isCalm, ...drawCalm(dice, nodes, settings) };
  const network = drawNetwork(dice, settings);
  const healAt = settings.probeInterval * dice.whole(30, 80);
  const steps = drawSteps(dice, { nodes, settings, healAt });
  return { seed, nodes, settings, encrypted, isCalm, network, steps, healAt };
}

/** Steps so far apart that one is over before the next one comes. */
function drawCalm(
  dice: Dice,
  nodes: number,
  { probeInterval, probeTimeout, suspicionMult }: Settings,
): Pick<Scenario, 'network' | 'steps' | 'healAt'> {
  const apart = 5 * suspicionMult * probeInterval;
  const steps = Array.from({ length: dice.whole(2, 6) }, (_, i): Step => {
    const at = (i + 1) * apart;
    const node = `n${dice.whole(0, nodes - 1)}`;
    const ms = Math.round(probeInterval * suspicionMult * dice.between(0.2, 0.5));
    const kinds = ['freeze', 'freeze', 'block', 'update', 'slander', 'leave', 'crash'] as const;
    const kind = dice.pick(kinds);
    if (kind === 'update') return { at, do: kind, node, meta: `${node} at ${at}` };
    if (kind === 'crash') return { at, do: kind, node, silent: dice.chance(0.5) };
    if (kind === 'slander') {
      return { at, do: kind, node, to: `n${dice.whole(0, nodes - 1)}`, dead: dice.chance(0.5) };
    }
    return kind === 'leave' ? { at, do: kind, node } : { at, do: kind, node, ms };
  });
  const median = probeTimeout * dice.between(0.005, 0.05);
  const network = { latency: { min: median / 2, max: median } };
  return { network, steps, healAt: (steps.length + 1) * apart };
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

/** Each fault is there in every other. */
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

function drawSteps(
  dice: Dice,
  world: { nodes: number; settings: Settings; healAt: number },
): Step[] {
  const { nodes, settings, healAt } = world;
  const draw = new StepDice(dice, nodes, settings.probeInterval);
  const count = dice.whole(0, 8 + Math.floor(nodes / 2));
  const times = Array.from({ length: count }, () => Math.round(healAt * dice.unit()));
  const steps = times.sort((a, b) => a - b).flatMap((at) => draw.steps(at));
  return steps.filter(({ at }) => at <= healAt).sort((a, b) => a.at - b.at);
}

/** Draws steps one after the other; it knows which names there have been. */
class StepDice {
  readonly #dice: Dice;
  readonly #names: string[];
  readonly #probeInterval: number;
  readonly #partitions: boolean;
  #added = 0;

  constructor(dice: Dice, nodes: number, probeInterval: number) {
    this.#dice = dice;
    this.#names = Array.from({ length: nodes }, (_, i) => `n${i}`);
    this.#probeInterval = probeInterval;
    this.#partitions = dice.chance(0.6);
  }

  /** A step, and now and then what follows from it: who crashed comes back before it is forgotten. */
  steps(at: number): Step[] {
    const step = this.#step(at);
    if (step.do !== 'crash' && step.do !== 'leave') return [step];
    const later = at + Math.round(this.#probeInterval * this.#dice.between(0.1, 10));
    return this.#dice.chance(0.6) ? [step, this.#restart(later, step.node)] : [step];
  }

  #step(at: number): Step {
    const dice = this.#dice;
    const node = dice.pick(this.#names);
    const ms = Math.round(this.#probeInterval * dice.between(0.2, 12));
    const kinds = ['crash', 'crash', 'restart', 'leave', 'update', 'update'];
    kinds.push('freeze', 'block', 'jump', 'breakStreams', 'add', 'rotate', 'link', 'slander');
    if (this.#partitions) kinds.push('partition', 'partition', 'heal', 'heal');
    const kind = dice.pick(kinds) as Step['do'];
    switch (kind) {
      case 'crash':
        return { at, do: kind, node, silent: dice.chance(0.5) };
      case 'restart':
        return this.#restart(at, node);
      case 'add': {
        // Now and then one that takes the name of another.
        const own = `m${this.#added++}`;
        this.#names.push(own);
        return dice.chance(0.25)
          ? { at, do: kind, node: own, name: node }
          : { at, do: kind, node: own };
      }
      case 'freeze':
      case 'block':
      case 'jump':
        return { at, do: kind, node, ms };
      case 'partition':
        return { at, do: kind, groups: this.#groups(), oneWay: dice.chance(0.3) };
      case 'link': {
        const loss = dice.chance(0.5) ? 1 : dice.rounded(0.8);
        return { at, do: kind, from: node, to: dice.pick(this.#names), loss };
      }
      case 'slander':
        return { at, do: kind, node, to: dice.pick(this.#names), dead: dice.chance(0.5) };
      case 'update':
        return { at, do: kind, node, meta: `${node} at ${at}`.padEnd(dice.whole(0, 200), '.') };
      case 'heal':
      case 'rotate':
        return { at, do: kind };
      default:
        return { at, do: kind, node };
    }
  }

  #restart(at: number, node: string): Step {
    const dice = this.#dice;
    const moved = dice.chance(0.25);
    if (!dice.chance(0.25)) return { at, do: 'restart', node, moved };
    const name = `m${this.#added++}`;
    this.#names.push(name);
    return { at, do: 'restart', node, moved, name };
  }

  #groups(): string[][] {
    const groups: string[][] = Array.from({ length: this.#dice.whole(2, 3) }, () => []);
    for (const name of this.#names) this.#dice.pick(groups).push(name);
    return groups;
  }
}

/** Draws from a seed. */
class Dice {
  readonly #random: SeededRandom;

  constructor(seed: number) {
    this.#random = new SeededRandom(`campaign ${seed}`);
  }

  unit(): number {
    return this.#random.next();
  }

  chance(share: number): boolean {
    return this.#random.next() < share;
  }

  between(min: number, max: number): number {
    return min + (max - min) * this.#random.next();
  }

  whole(min: number, max: number): number {
    return min + Math.floor((max - min + 1) * this.#random.next());
  }

  /** From 0 to `max`, in hundredths. */
  rounded(max: number): number {
    return Math.round(100 * max * this.#random.next()) / 100;
  }

  pick<T>(list: readonly T[]): T {
    return list[Math.floor(list.length * this.#random.next())] as T;
  }
}

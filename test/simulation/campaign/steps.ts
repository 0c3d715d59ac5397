/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Draws the steps of a scenario.

import type { Dice } from './dice.js';
import { keyPhases, type Settings, type Step } from './scenario.js';

/** Draws steps at any time before the faults end. Many require others, and each may be skipped. */
export function drawSteps(
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

/** Draws steps one after the other, and knows all names that were used. */
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

  /** A step and the steps that follow from it: a crashed node may restart before it is removed. */
  steps(at: number): Step[] {
    const step = this.#step(at);
    if (step.do === 'key') return this.#rotation(at);
    if (step.do !== 'crash' && step.do !== 'leave') return [step];
    const later = at + Math.round(this.#probeInterval * this.#dice.between(0.1, 10));
    return this.#dice.chance(0.6) ? [step, this.#restart(later, step.node)] : [step];
  }

  /** Rotations may overlap. */
  #rotation(from: number): Step[] {
    let at = from;
    return keyPhases.map((phase) => {
      const step: Step = { at, do: 'key', phase };
      at += Math.round(this.#probeInterval * this.#dice.between(0.2, 6));
      return step;
    });
  }

  #step(at: number): Step {
    const dice = this.#dice;
    const node = dice.pick(this.#names);
    const ms = Math.round(this.#probeInterval * dice.between(0.2, 12));
    const kinds: Exclude<Step['do'], 'forge' | 'take'>[] = [
      'crash',
      'crash',
      'restart',
      'leave',
      'return',
      'update',
      'update',
    ];
    kinds.push('freeze', 'block', 'jump', 'breakStreams', 'add', 'key', 'link', 'slander');
    if (this.#partitions) kinds.push('partition', 'partition', 'heal', 'heal');
    const kind = dice.pick(kinds);
    switch (kind) {
      case 'crash':
        return { at, do: kind, node, silent: dice.chance(0.5) };
      case 'restart':
        return this.#restart(at, node);
      case 'add': {
        // One in four uses the name of another node.
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
        return { at, do: kind };
      case 'key':
        return { at, do: kind, phase: 'add' };
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

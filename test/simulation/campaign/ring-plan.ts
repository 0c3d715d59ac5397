/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The ring and the singleton of a scenario: in a quarter of the scenarios all nodes have both.

import type { Dice } from './dice.js';
import { RingWatch } from './ring-watch.js';
import { SingletonWatch } from './singleton-watch.js';
import type { DrawnWorld, PartWatch, ToolkitPart, ToolkitWorld } from './toolkit.js';

/** The options of all nodes. */
export interface RingPlan {
  /** In milliseconds. */
  readonly settle: number;
  /** Whether weights and a filter are read from the metadata, in the ring. */
  readonly readsMeta: boolean;
  readonly replicas: number;
  readonly minMembers: number;
  readonly stopInMinority: boolean;
  /** Whether the nodes know how many they are. */
  readonly knowsSize: boolean;
  /** The time that a task needs to end when it is aborted, in milliseconds. */
  readonly endMs: number;
  /** The lease of the singleton: its duration, and the share of time in which a node cannot reach the store. */
  readonly lease?: { readonly ttl: number; readonly outages: number };
}

/** The ring, shares and a singleton on each node. */
export const ringPart: ToolkitPart<RingPlan> = {
  draw: drawRing,
  watch: (plan, world) => both(new RingWatch(plan, world), new SingletonWatch(plan, world)),
};

function drawRing(dice: Dice, { nodes, settings }: DrawnWorld): RingPlan | undefined {
  if (!dice.chance(0.25)) return undefined;
  const { probeInterval } = settings;
  const ttl = Math.round(probeInterval * dice.between(4, 15));
  const lease = { ttl, outages: dice.chance(0.7) ? dice.rounded(0.5) : 0 };
  const hasLease = dice.chance(0.5);
  return {
    settle: Math.round(probeInterval * dice.between(0.3, 4)),
    readsMeta: dice.chance(0.7),
    replicas: dice.whole(1, 3),
    minMembers: dice.chance(0.5) ? 1 : dice.whole(1, Math.ceil(nodes / 2)),
    stopInMinority: dice.chance(0.6),
    knowsSize: dice.chance(0.7),
    endMs: dice.chance(0.5) ? Math.round(probeInterval * dice.between(0.05, 0.8)) : 0,
    ...(hasLease && { lease }),
  };
}

function both(ring: RingWatch, singleton: SingletonWatch): PartWatch {
  const watches: PartWatch[] = [ring, singleton];
  return {
    started: (life) => watches.forEach((watch) => watch.started?.(life)),
    emitted: (key, event) => watches.forEach((watch) => watch.emitted?.(key, event)),
    look: () => watches.forEach((watch) => watch.look?.()),
    healed: () => watches.forEach((watch) => watch.healed?.()),
    async agreed() {
      for (const watch of watches) await watch.agreed?.();
    },
    rest: () => watches.forEach((watch) => watch.rest?.()),
    wake: () => watches.forEach((watch) => watch.wake?.()),
    ended: () => watches.forEach((watch) => watch.ended?.()),
  };
}

/** A world of which the watches above need no more. */
export type RingWorld = Pick<
  ToolkitWorld,
  'scenario' | 'now' | 'fail' | 'running' | 'run' | 'later'
>;

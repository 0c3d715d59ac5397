/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What ships on top of membership and runs in scenarios: each part draws its plan with dice of its own, so that a scenario
// without the part does not depend on it, and then watches the nodes. To add a part: a plan in `ToolkitPlans`, an entry in
// `parts`, and files of its own.

import type { Extension, MembershipEvent } from '../../../src/index.js';
import { Dice } from './dice.js';
import { busPart, type BusPlan } from './bus-plan.js';
import { ringPart, type RingPlan } from './ring-plan.js';
import type { Scenario, Settings } from './scenario.js';
import type { Life } from './stage.js';
import { statePart, type StatePlan } from './state-plan.js';
import { Violation } from './violation.js';

/** The plans of the parts of a scenario; a part that is missing does not run. */
export interface ToolkitPlans {
  readonly bus?: BusPlan;
  readonly state?: StatePlan;
  readonly ring?: RingPlan;
}

/** What a plan may depend on. */
export interface DrawnWorld {
  readonly nodes: number;
  readonly settings: Settings;
  readonly healAt: number;
  readonly isCalm: boolean;
}

/** What a part needs to know of the run. */
export interface ToolkitWorld {
  readonly scenario: Scenario;
  now(): number;
  /** Called with everything that does not hold. */
  fail(error: Error): void;
  running(): readonly Life[];
  /** A node leaves in this incarnation. */
  leaves(name: string, incarnation: number): void;
  /** Lets time pass, with all checks. */
  run(ms: number): Promise<void>;
  /** Calls back later, in the time of the cluster. */
  later(ms: number, callback: () => void): void;
}

/** A part in one run. All methods are optional. */
export interface PartWatch {
  /** The extensions that a node runs in its next life. Those that are watched count their timers themselves. */
  use?(key: string): readonly Extension[];
  /** A life of a node began. */
  started?(life: Life): void;
  /** A node emits a membership event. */
  emitted?(key: string, event: MembershipEvent): void;
  /** What holds at any time. Called at least once per probe interval, and after each step. */
  look?(): void;
  /** The faults are over. */
  healed?(): void;
  /** All nodes agree on the members. */
  agreed?(): Promise<void>;
  /** From now on nothing may be pending, in particular no timer. */
  rest?(): void;
  /** The members that are gone are forgotten: may let time pass until nothing happens any more. */
  quiet?(): Promise<void>;
  /** The end of the rest. */
  wake?(): void;
  /** All nodes were shut down. */
  ended?(): void;
  /** What happened, for the summary of many seeds. */
  counts?(): Readonly<Record<string, number>>;
}

/** A part: how its plan is drawn, and how it is watched. */
export interface ToolkitPart<Plan> {
  /** @returns undefined in scenarios without the part */
  draw(dice: Dice, world: DrawnWorld): Plan | undefined;
  watch(plan: Plan, world: ToolkitWorld): PartWatch;
  /** Plans that are easier to understand. */
  simpler?(plan: Plan): readonly Plan[];
}

/** All parts. The order is that of their methods. */
const parts: {
  readonly [Name in keyof ToolkitPlans]-?: ToolkitPart<NonNullable<ToolkitPlans[Name]>>;
} = {
  bus: busPart,
  state: statePart,
  ring: ringPart,
};
/** The name of a part. */
export type PartName = keyof ToolkitPlans;
/** The names of all parts. */
export const partNames = Object.keys(parts) as readonly PartName[];
/** The parts that scenarios have if nothing else is asked for. docs/CAMPAIGN.md says why the bus is not one of them. */
export const usualParts: readonly PartName[] = ['state', 'ring'];

/**
 * Draws the plans of parts, each with dice of its own.
 *
 * @param wanted - the parts that the scenario may have
 */
export function drawToolkit(
  seed: number,
  world: DrawnWorld,
  wanted: readonly PartName[] = usualParts,
): Pick<Scenario, 'toolkit'> {
  const plans = wanted.flatMap((name) => {
    const plan: unknown = parts[name].draw(new Dice(`${name} of ${seed}`), world);
    return plan === undefined ? [] : [[name, plan] as const];
  });
  return plans.length === 0 ? {} : { toolkit: Object.fromEntries(plans) };
}

/** Smaller ones: without one part, and with simpler parts. */
export function* simplerToolkits(toolkit: ToolkitPlans): Generator<ToolkitPlans> {
  for (const name of partNames) {
    const { [name]: plan, ...others } = toolkit;
    if (plan === undefined) continue;
    yield others;
    for (const simpler of parts[name].simpler?.(plan as never) ?? []) {
      yield { ...toolkit, [name]: simpler };
    }
  }
}

/** The parts of one run. */
export class Toolkit {
  readonly #world: ToolkitWorld;
  readonly #watches: readonly PartWatch[];
  /** The addresses of nodes that ran each watched extension. */
  readonly #places = new Map<string, Set<string>>();

  constructor(world: ToolkitWorld) {
    this.#world = world;
    const { toolkit = {} } = world.scenario;
    this.#watches = partNames.flatMap((name) => {
      const plan = toolkit[name];
      const part = parts[name] as ToolkitPart<unknown>;
      return plan === undefined ? [] : [part.watch(plan, world)];
    });
  }

  use(key: string): Extension[] {
    return this.#watches.flatMap((watch) => watch.use?.(key) ?? []);
  }

  started(life: Life): void {
    for (const { name } of life.toolkit) {
      const places = this.#places.get(name) ?? new Set();
      this.#places.set(name, places.add(life.transport.addr));
    }
    for (const watch of this.#watches) watch.started?.(life);
  }

  emitted(key: string, event: MembershipEvent): void {
    for (const watch of this.#watches) watch.emitted?.(key, event);
  }

  /** Whether a node may receive a message that it cannot use: another node at its address had the extension. */
  mayReceive(detail: string, address: string): boolean {
    for (const [name, places] of this.#places) {
      if (detail.includes(` ${name},`) && places.has(address)) return true;
    }
    return false;
  }

  /** An extension threw. Returns false if it is none of these. */
  threw(key: string, extension: string, error: Error): boolean {
    if (!this.#places.has(extension)) return false;
    const what = `${extension} on ${key} at ${this.#world.now()}: ${error.stack}`;
    this.#world.fail(new Violation('no extension of the product throws', what));
    return true;
  }

  counts(): Readonly<Record<string, number>> {
    const all = this.#watches.map((watch) => watch.counts?.() ?? {});
    return Object.assign({}, ...all) as Record<string, number>;
  }

  look(): void {
    for (const watch of this.#watches) watch.look?.();
  }

  healed(): void {
    for (const watch of this.#watches) watch.healed?.();
  }

  async agreed(): Promise<void> {
    for (const watch of this.#watches) await watch.agreed?.();
  }

  rest(): void {
    for (const watch of this.#watches) watch.rest?.();
  }

  async quiet(): Promise<void> {
    for (const watch of this.#watches) await watch.quiet?.();
  }

  wake(): void {
    for (const watch of this.#watches) watch.wake?.();
  }

  ended(): void {
    for (const watch of this.#watches) watch.ended?.();
  }
}

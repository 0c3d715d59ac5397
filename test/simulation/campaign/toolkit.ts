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
import { ringPart, type RingPlan } from './ring-plan.js';
import type { Scenario, Settings } from './scenario.js';
import type { Life } from './stage.js';

/** The plans of the parts of a scenario; a part that is missing does not run. */
export interface ToolkitPlans {
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
  /** Lets time pass, with all checks. */
  run(ms: number): Promise<void>;
  /** Calls back later, in the time of the cluster. */
  later(ms: number, callback: () => void): void;
}

/** A part in one run. All methods are optional. */
export interface PartWatch {
  /** The extensions that a node runs in its next life. */
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
  /** The end of the rest. */
  wake?(): void;
  /** All nodes were shut down. */
  ended?(): void;
}

/** A part: how its plan is drawn, and how it is watched. */
export interface ToolkitPart<Plan> {
  /** @returns undefined in scenarios without the part */
  draw(dice: Dice, world: DrawnWorld): Plan | undefined;
  watch(plan: Plan, world: ToolkitWorld): PartWatch;
}

/** All parts. The order is that of their methods. */
const parts: {
  readonly [Name in keyof ToolkitPlans]-?: ToolkitPart<NonNullable<ToolkitPlans[Name]>>;
} = {
  ring: ringPart,
};
const names = Object.keys(parts) as (keyof ToolkitPlans)[];

/** Draws the plans of all parts, each with dice of its own. */
export function drawToolkit(seed: number, world: DrawnWorld): Pick<Scenario, 'toolkit'> {
  const plans = names.flatMap((name) => {
    const plan = parts[name].draw(new Dice(`${name} of ${seed}`), world);
    return plan === undefined ? [] : [[name, plan] as const];
  });
  return plans.length === 0 ? {} : { toolkit: Object.fromEntries(plans) };
}

/** The parts of one run. */
export class Toolkit {
  readonly #watches: readonly PartWatch[];

  constructor(world: ToolkitWorld) {
    const { toolkit = {} } = world.scenario;
    this.#watches = names.flatMap((name) => {
      const plan = toolkit[name];
      return plan === undefined ? [] : [parts[name].watch(plan, world)];
    });
  }

  use(key: string): Extension[] {
    return this.#watches.flatMap((watch) => watch.use?.(key) ?? []);
  }

  started(life: Life): void {
    for (const watch of this.#watches) watch.started?.(life);
  }

  emitted(key: string, event: MembershipEvent): void {
    for (const watch of this.#watches) watch.emitted?.(key, event);
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

  wake(): void {
    for (const watch of this.#watches) watch.wake?.();
  }

  ended(): void {
    for (const watch of this.#watches) watch.ended?.();
  }
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The parts of the toolkit in a scenario: which there are, and what the campaign calls on each. Each part draws its plan
// from a random stream of its own, so a part changes neither the faults nor the other parts.

import type { Extension, MembershipEvent } from '../../../src/index.js';
import { type BusPlan, drawBus, simplerBuses } from './bus-plan.js';
import { BusWatch } from './bus-watch.js';
import { Dice } from './dice.js';
import type { Scenario } from './scenario.js';
import type { Life } from './stage.js';
import { Violation } from './violation.js';
import { type Attendant, WatchedExtension } from './watched-extension.js';

/** The parts of a scenario. */
export interface ToolkitPlan {
  readonly bus?: BusPlan;
}

/** What a part needs to know of the run. */
export interface ToolkitWorld {
  readonly scenario: Scenario;
  now(): number;
  /** Called with everything that does not hold. */
  fail(error: Error): void;
  /** The last life of a node; undefined before it started. */
  life(key: string): Life | undefined;
  running(): readonly Life[];
  /** A node leaves in this incarnation. */
  leaves(name: string, incarnation: number): void;
  /** Lets time pass, with all checks of the campaign. */
  run(ms: number): Promise<void>;
}

/** An extension for one life of one node, and who uses it. */
export interface Equipment {
  readonly extension: Extension;
  readonly attendant: Omit<Attendant, 'leaves'>;
}

/** A part in one run. */
export interface ToolkitWatch {
  /** The extension for a life of a node that is about to start; undefined if this node does not run it. */
  equip(key: string): Equipment | undefined;
  /** A life of a node began. */
  started?(life: Life): void;
  /** A node emits a membership event. */
  emitted?(observer: string, event: MembershipEvent): void;
  /** What holds at any time, once per probe interval. */
  look?(): void;
  /** The faults are over: nothing new is begun. */
  rest?(): void;
  /** All nodes agree. */
  agreed?(): Promise<void>;
  /** The cluster is about to be idle. */
  quiet?(): Promise<void>;
  /** All nodes are about to be shut down: there is much to do. */
  wake?(): void;
  /** All nodes were shut down. */
  ended?(): void;
  /** What happened, for the summary of many seeds. */
  counts?(): Readonly<Record<string, number>>;
}

interface Part<Name extends keyof ToolkitPlan> {
  readonly name: Name;
  readonly draw: (dice: Dice, scenario: Scenario) => ToolkitPlan[Name];
  readonly watch: (plan: NonNullable<ToolkitPlan[Name]>, world: ToolkitWorld) => ToolkitWatch;
  /** Plans that are easier to understand. */
  readonly simpler: (plan: NonNullable<ToolkitPlan[Name]>) => readonly ToolkitPlan[Name][];
}

type Parts = { readonly [Name in keyof ToolkitPlan]-?: Part<Name> };

/** All parts. Their order is that of the extensions of a node. */
const parts: Parts = {
  bus: {
    name: 'bus',
    draw: drawBus,
    watch: (plan, world) => new BusWatch(plan, world),
    simpler: simplerBuses,
  },
};
const names = Object.keys(parts) as (keyof ToolkitPlan)[];

/** Draws the parts of a scenario. */
export function drawToolkit(scenario: Scenario): Pick<Scenario, 'toolkit'> {
  const drawn = names.map((name) => {
    return [name, parts[name].draw(new Dice(`${name} of ${scenario.seed}`), scenario)] as const;
  });
  const present = drawn.filter(([, plan]) => plan !== undefined);
  return present.length === 0 ? {} : { toolkit: Object.fromEntries(present) as ToolkitPlan };
}

/** Smaller ones: without one part, and with simpler parts. */
export function* simplerToolkits(toolkit: ToolkitPlan): Generator<ToolkitPlan> {
  for (const name of names) {
    const { [name]: plan, ...others } = toolkit;
    if (plan === undefined) continue;
    yield others;
    for (const simpler of simplerPlans(name, plan)) yield { ...toolkit, [name]: simpler };
  }
}

function simplerPlans<Name extends keyof ToolkitPlan>(
  name: Name,
  plan: NonNullable<ToolkitPlan[Name]>,
): readonly ToolkitPlan[Name][] {
  return (parts[name] as Part<Name>).simpler(plan);
}

/** The toolkit of one run. */
export class Toolkit {
  readonly #world: ToolkitWorld;
  readonly #watches = new Map<string, ToolkitWatch>();
  /** The addresses of nodes that ran each part. */
  readonly #places = new Map<string, Set<string>>();

  constructor(world: ToolkitWorld) {
    this.#world = world;
    for (const name of names) this.#add(name);
  }

  #add<Name extends keyof ToolkitPlan>(name: Name): void {
    const plan = this.#world.scenario.toolkit?.[name];
    if (plan === undefined) return;
    this.#watches.set(name, (parts[name] as Part<Name>).watch(plan, this.#world));
    this.#places.set(name, new Set());
  }

  /** The extensions for a life of a node that is about to start. */
  forLife(key: string): WatchedExtension[] {
    return [...this.#watches.values()].flatMap((watch) => {
      const equipment = watch.equip(key);
      if (equipment === undefined) return [];
      const { extension, attendant } = equipment;
      const leaves = (name: string, incarnation: number): void =>
        this.#world.leaves(name, incarnation);
      return [new WatchedExtension(extension, { ...attendant, leaves })];
    });
  }

  /** A life of a node began. */
  started(life: Life): void {
    for (const { name } of life.toolkit) this.#places.get(name)?.add(life.transport.addr);
    for (const watch of this.#watches.values()) watch.started?.(life);
  }

  emitted(observer: string, event: MembershipEvent): void {
    for (const watch of this.#watches.values()) watch.emitted?.(observer, event);
  }

  /** Whether a node without a part may receive its messages: another node at its address had it. */
  mayReceive(detail: string, address: string): boolean {
    for (const [name, places] of this.#places) {
      if (detail.includes(` ${name},`) && places.has(address)) return true;
    }
    return false;
  }

  /** An extension threw; whether it is one of these. */
  threw(key: string, extension: string, error: Error): boolean {
    if (!this.#watches.has(extension)) return false;
    const what = `${extension} on ${key} at ${this.#world.now()}: ${error.stack}`;
    this.#world.fail(new Violation('no extension of the product throws', what));
    return true;
  }

  look(): void {
    for (const watch of this.#watches.values()) watch.look?.();
  }

  rest(): void {
    for (const watch of this.#watches.values()) watch.rest?.();
  }

  async agreed(): Promise<void> {
    for (const watch of this.#watches.values()) await watch.agreed?.();
  }

  async quiet(): Promise<void> {
    for (const watch of this.#watches.values()) await watch.quiet?.();
  }

  wake(): void {
    for (const watch of this.#watches.values()) watch.wake?.();
  }

  counts(): Readonly<Record<string, number>> {
    const all = [...this.#watches.values()].map((watch) => watch.counts?.() ?? {});
    return Object.assign({}, ...all) as Record<string, number>;
  }

  ended(): void {
    for (const watch of this.#watches.values()) watch.ended?.();
  }
}

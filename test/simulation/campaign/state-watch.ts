/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The shared state in one run of a scenario: who uses it, and what must hold.

import type { ExtensionContext, MembershipEvent } from '../../../src/index.js';
import type { StateChange } from '../../../src/state/index.js';
import { StateDriver, type Values } from './state-driver.js';
import type { StatePlan } from './state-plan.js';
import type { Life } from './stage.js';
import type { PartWatch, ToolkitWorld } from './toolkit.js';
import { Violation } from './violation.js';
import { WatchedExtension } from './watched-extension.js';

/** The time after agreement in which all nodes must have the same state. */
const equalMs = 15_000;
/** Looks until the next one that compares all maps with the events. */
const looksApart = 10;

/** Watches the shared state of one run. */
export class StateWatch implements PartWatch {
  readonly #plan: StatePlan;
  readonly #world: ToolkitWorld;
  readonly #drivers: StateDriver[] = [];
  readonly #byKey = new Map<string, StateDriver>();
  /** Names that two nodes had at a time. */
  readonly #twins = new Set<string>();
  /** A restarted node may have an earlier clock than before. */
  readonly #clocksJump: boolean;
  #looksLeft = 0;
  #changes = 0;

  constructor(plan: StatePlan, world: ToolkitWorld) {
    this.#plan = plan;
    this.#world = world;
    this.#clocksJump = world.scenario.steps.some((step) => step.do === 'jump');
  }

  use(key: string): WatchedExtension[] {
    if (key === 'x0' || key === 'x1' || (this.#plan.isPartial && key === 'n1')) return [];
    const driver = new StateDriver({
      key,
      index: this.#drivers.length,
      seed: this.#world.scenario.seed,
      plan: this.#plan,
      changed: (reader, change) => this.#changed(reader, change),
    });
    this.#drivers.push(driver);
    this.#byKey.set(key, driver);
    const attendant = {
      attached: (context: ExtensionContext) => driver.attached(context),
      stopped: () => driver.stopped(),
      leaves: (name: string, incarnation: number) => this.#world.leaves(name, incarnation),
    };
    return [new WatchedExtension(driver.state, attendant)];
  }

  started({ key, list }: Life): void {
    const { name } = list.config;
    for (const life of this.#world.running()) {
      if (life.key !== key && life.list.config.name === name) this.#twins.add(name);
    }
  }

  emitted(observer: string, event: MembershipEvent): void {
    // The map may be dropped, and come back from a node that has less of it.
    if (event.type === 'leave') this.#byKey.get(observer)?.seen.delete(event.node.name);
  }

  look(): void {
    if (this.#looksLeft-- > 0) return;
    this.#looksLeft = looksApart;
    for (const driver of this.#running()) {
      this.#checkMirror(driver);
      const { bytes, nodes } = driver.state.sizes;
      const most = nodes * 2 * this.#mostBytes();
      if (bytes <= most) continue;
      this.#fail('the shared state is bounded', `${driver.key}: ${bytes} of ${most}`);
    }
  }

  healed(): void {
    for (const driver of this.#drivers) driver.rest();
  }

  /** A write of each node reaches all, and all have the same state. */
  async agreed(): Promise<void> {
    for (const driver of this.#running()) driver.write();
    await this.#becomeEqual();
    for (const driver of this.#running()) this.#checkMirror(driver);
  }

  /** The maps of members that are gone are dropped, and what has a time to live has expired. */
  async quiet(): Promise<void> {
    const { keepAfterLeave, intervalMs } = this.#plan;
    const { probeInterval } = this.#world.scenario.settings;
    const deadline = this.#world.now() + keepAfterLeave + 2 * intervalMs + 5_000;
    const isLeft = (): boolean => (this.#leftover() ?? this.#unexpired()) !== undefined;
    while (isLeft() && this.#world.now() < deadline) await this.#world.run(probeInterval);
    const leftover = this.#leftover();
    if (leftover !== undefined) this.#fail('the map of a member that is gone is dropped', leftover);
    const unexpired = this.#unexpired();
    if (unexpired !== undefined) this.#fail('a key with a time to live expires', unexpired);
    await this.#becomeEqual();
  }

  wake(): void {
    for (const driver of this.#running()) for (let i = 0; i < 10; i++) driver.write();
  }

  ended(): void {
    for (const { key, isStopped } of this.#drivers) {
      if (!isStopped) this.#fail('an extension is stopped once', `state on ${key}: not at all`);
    }
  }

  counts(): Readonly<Record<string, number>> {
    return { 'changes of state': this.#changes };
  }

  // A reader is told of a change.
  #changed(reader: StateDriver, { name, key, value, previous }: StateChange<Values>): void {
    this.#changes++;
    const where = `${reader.key} at ${this.#world.now()}: ${key} of ${name}`;
    if (reader.isStopped) this.#fail('the shared state calls nothing after its stop', where);
    let mirrored = reader.mirror.get(name);
    if (mirrored === undefined) reader.mirror.set(name, (mirrored = new Map<string, string>()));
    if (mirrored.get(key) !== previous) {
      this.#fail('change events tell what the maps hold', `${where} was ${mirrored.get(key)}`);
    }
    if (value === undefined) mirrored.delete(key);
    else mirrored.set(key, value);
    if (mirrored.size === 0) reader.mirror.delete(name);
    if (value !== undefined && !this.#twins.has(name))
      this.#see(reader, { name, key, value, where });
  }

  #see(
    reader: StateDriver,
    { name, key, value, where }: { name: string; key: string; value: string; where: string },
  ): void {
    const [life = -1, write = -1] = value.split(':', 2).map(Number);
    const writer = this.#drivers[life];
    const isRight = writer !== undefined && (writer.name === name || writer.name === '');
    if (!isRight || write >= writer.writes + 1) {
      return this.#fail('a value is one that its node wrote', `${where}: ${value}`);
    }
    const seen = reader.seen.get(name) ?? new Map<string, readonly [number, number]>();
    reader.seen.set(name, seen);
    const before = seen.get(key);
    seen.set(key, [life, write]);
    if (before === undefined || life > before[0]) return;
    if (life < before[0]) {
      if (this.#clocksJump) return;
      this.#fail('the map of an earlier incarnation does not return', `${where}: ${value}`);
    } else if (write <= before[1]) {
      const rule = 'no older or deleted value returns';
      this.#fail(rule, `${where}: write ${write} after ${before[1]}`);
    }
  }

  #checkMirror({ key, mirror, state }: StateDriver): void {
    let count = 0;
    for (const [name, values] of state.entries()) {
      const mirrored = mirror.get(name);
      for (const [each, value] of Object.entries(values)) {
        count++;
        if (mirrored?.get(each) === value) continue;
        const what = `${key}: ${each} of ${name} is ${value}, not ${mirrored?.get(each)}`;
        return this.#fail('change events tell what the maps hold', what);
      }
    }
    const size = [...mirror.values()].reduce((sum, each) => sum + each.size, 0);
    if (size !== count) {
      const extra = [...mirror].flatMap(([name, values]) =>
        [...values.keys()]
          .filter((each) => state.get(name, each) === undefined)
          .map((each) => `${each} of ${name}`),
      );
      const what = `${key}: ${count} keys, not ${size}: ${extra.join(', ')}`;
      this.#fail('change events tell what the maps hold', what);
    }
  }

  async #becomeEqual(): Promise<void> {
    const { probeInterval } = this.#world.scenario.settings;
    const deadline = this.#world.now() + equalMs;
    let wrong = this.#difference();
    while (wrong !== undefined && this.#world.now() < deadline) {
      await this.#world.run(probeInterval / 2);
      wrong = this.#difference();
    }
    if (wrong !== undefined) this.#fail('after agreement all nodes have the same state', wrong);
  }

  /** Where a reader has something else than the writer has written. */
  #difference(): string | undefined {
    const running = this.#running();
    for (const writer of running) {
      if (this.#twins.has(writer.name)) continue;
      for (const reader of running) {
        const values = reader.state.of(writer.name);
        const keys = Object.keys(values).filter((key) => key !== 'ttl');
        if (keys.length !== writer.written.size) {
          return `${reader.key} has ${keys.length} of ${writer.written.size} keys of ${writer.key}`;
        }
        const key = keys.find((each) => values[each] !== writer.written.get(each));
        if (key !== undefined) return `${reader.key}: ${key} of ${writer.key} is ${values[key]}`;
      }
    }
    return undefined;
  }

  /** A map of a member that does not run. */
  #leftover(): string | undefined {
    const running = this.#running();
    const names = new Set(running.map(({ name }) => name));
    for (const reader of running) {
      for (const [name] of reader.state.entries()) {
        if (!names.has(name)) return `${reader.key} has the map of ${name}`;
      }
    }
    return undefined;
  }

  /** A key whose time to live is over. */
  #unexpired(): string | undefined {
    for (const { key, state } of this.#running()) {
      for (const [name, { ttl }] of state.entries()) {
        if (ttl !== undefined && !this.#twins.has(name)) return `${key}: ${name}, ${ttl}`;
      }
    }
    return undefined;
  }

  /** What the map of one node can count. */
  #mostBytes(): number {
    const { keys, valueBytes } = this.#plan;
    return (keys + 1) * (valueBytes + 200);
  }

  #running(): StateDriver[] {
    return this.#world.running().flatMap(({ key }) => {
      const driver = this.#byKey.get(key);
      return driver === undefined || driver.isStopped ? [] : [driver];
    });
  }

  #fail(rule: string, detail: string): void {
    this.#world.fail(new Violation(rule, `${detail} (${this.#world.now()})`));
  }
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The bus in one run of a scenario: who uses it, and what must hold.

import type { ExtensionContext, MembershipEvent } from '../../../src/index.js';
import { longestHold } from './bounds.js';
import { BusDriver } from './bus-driver.js';
import { BusLedger, type BusLife, type Publication } from './bus-ledger.js';
import type { BusPlan } from './bus-plan.js';
import type { Scenario } from './scenario.js';
import type { Life } from './stage.js';
import type { PartWatch, ToolkitWorld } from './toolkit.js';
import { Violation } from './violation.js';
import { WatchedExtension } from './watched-extension.js';

/** The time after agreement in which a message must have reached all members. */
const reachMs = 15_000;
/** Payloads of this length are sent over streams. */
const streamBytes = 300;
/** Memory of a retained message beyond its payload, at most. */
const overheadBytes = 300;
/** How often messages that are too old are removed, and the last digests. */
const trimMs = 15_000;

/** Watches the bus of one run. */
export class BusWatch implements PartWatch {
  readonly ledger: BusLedger;
  readonly #plan: BusPlan;
  readonly #world: ToolkitWorld;
  readonly #drivers: BusDriver[] = [];

  constructor(plan: BusPlan, world: ToolkitWorld) {
    this.#plan = plan;
    this.#world = world;
    const { scenario } = world;
    const holdMs = longestHold(scenario);
    this.ledger = new BusLedger({
      now: () => world.now(),
      fail: (error) => world.fail(error),
      retention: plan.retention,
      // The publisher and the receiver may be held, or their clocks jump.
      inFlightMs: (publication) => 2 * holdMs + onTheWayMs(scenario, publication),
      clocksJump: scenario.steps.some((step) => step.do === 'jump'),
    });
  }

  use(key: string): WatchedExtension[] {
    if (key === 'x0' || key === 'x1' || (this.#plan.isPartial && key === 'n1')) return [];
    const driver = new BusDriver({
      key,
      index: this.#drivers.length,
      seed: this.#world.scenario.seed,
      plan: this.#plan,
      ledger: this.ledger,
      now: () => this.#world.now(),
      fail: (error) => this.#world.fail(error),
    });
    this.#drivers.push(driver);
    const attendant = {
      attached: (context: ExtensionContext) => driver.attached(context),
      leaving: (isLeaving: boolean) => driver.leaving(isLeaving),
      stopped: () => driver.stopped(),
      leaves: (name: string, incarnation: number) => this.#world.leaves(name, incarnation),
    };
    return [new WatchedExtension(driver.bus, attendant)];
  }

  started({ key, list }: Life): void {
    const { name } = list.config;
    const isTwin = this.#world
      .running()
      .some((life) => life.key !== key && life.list.config.name === name);
    if (isTwin) this.ledger.addTwin(name);
  }

  emitted(observer: string, event: MembershipEvent): void {
    if (event.type !== 'join' && event.type !== 'leave' && event.type !== 'update') return;
    const { name, extensions, address } = event.node;
    const isListed = event.type !== 'leave' && extensions.bus !== undefined;
    this.ledger.listed(observer, name, isListed ? address : undefined);
  }

  look(): void {
    const { messages, bytes } = this.#plan.retention;
    const largest = this.#plan.largeBytes + 2 * overheadBytes;
    for (const { key, toolkit } of this.#world.running()) {
      const gauges = toolkit.find(({ name }) => name === 'bus')?.gauges;
      if (gauges === undefined) continue;
      const retained = gauges.get('retained_bytes')?.() ?? 0;
      const publishers = 1 + (gauges.get('publishers')?.() ?? 0);
      const most = publishers * Math.min(bytes, messages * largest);
      if (retained > most)
        this.#fail('retained messages are bounded', `${key}: ${retained} of ${most}`);
    }
  }

  healed(): void {
    for (const driver of this.#drivers) driver.rest();
  }

  /** A message of each node reaches all members. */
  async agreed(): Promise<void> {
    const sent = new Map<BusLife, number>();
    for (const driver of this.#drivers) {
      const life = this.ledger.life(driver.key);
      if (life?.bootId !== driver.bus.bootId) continue;
      const seq = driver.publish();
      if (seq !== undefined) sent.set(life, seq);
    }
    const deadline = this.#world.now() + reachMs;
    const { probeInterval } = this.#world.scenario.settings;
    let lacking = this.#lacking(sent);
    while (lacking !== undefined && this.#world.now() < deadline) {
      await this.#world.run(probeInterval / 2);
      lacking = this.#lacking(sent);
    }
    if (lacking !== undefined) this.#fail('after agreement a message reaches all members', lacking);
  }

  /** When the retained messages have expired, the bus does nothing any more. */
  async quiet(): Promise<void> {
    const { probeInterval } = this.#world.scenario.settings;
    const { retention, grace } = this.#plan;
    const deadline = this.#world.now() + retention.age + grace + trimMs;
    while (this.#timers() > 0 && this.#world.now() < deadline) await this.#world.run(probeInterval);
    this.ledger.settled();
    for (const { key, toolkit } of this.#world.running()) {
      const bus = toolkit.find(({ name }) => name === 'bus');
      if (bus === undefined) continue;
      if (bus.timers > 0) this.#fail('an idle bus does nothing', `${key}: ${bus.timers} timers`);
      const retained = bus.gauges.get('retained_bytes')?.() ?? 0;
      if (retained > 0)
        this.#fail('retained messages are bounded', `${key}: ${retained} in the end`);
    }
    const before = this.#sent();
    await this.#world.run(3 * probeInterval);
    const more = this.#sent() - before;
    if (more > 0) this.#fail('an idle bus does nothing', `it sends ${more} messages`);
  }

  wake(): void {
    for (const driver of this.#drivers) driver.wake();
  }

  counts(): Readonly<Record<string, number>> {
    const { deliveries, gaps } = this.ledger;
    return { 'bus deliveries': deliveries, 'bus gaps': gaps };
  }

  ended(): void {
    for (const { key, open } of this.#drivers) {
      if (open > 0) this.#fail('operations of the bus end with their node', `${key}: ${open}`);
    }
  }

  #lacking(sent: ReadonlyMap<BusLife, number>): string | undefined {
    for (const life of this.ledger.running()) {
      for (const [publisher, seq] of sent) {
        if (this.ledger.isTwin(life.name) || this.ledger.isTwin(publisher.name)) continue;
        if (!publisher.isRunning || life.from(publisher).has(seq)) continue;
        return `${life.key} lacks ${seq} of ${publisher.key}`;
      }
    }
    return undefined;
  }

  #timers(): number {
    return this.#buses().reduce((sum, { timers }) => sum + timers, 0);
  }

  #sent(): number {
    return this.#buses().reduce((sum, { sent }) => sum + sent, 0);
  }

  #buses(): Life['toolkit'] {
    return this.#world
      .running()
      .flatMap(({ toolkit }) => toolkit.filter(({ name }) => name === 'bus'));
  }

  #fail(rule: string, detail: string): void {
    this.#world.fail(new Violation(rule, `${detail} at ${this.#world.now()}`));
  }
}

// A message to a node that ended may reach the next node at its address.
function onTheWayMs({ settings, network }: Scenario, { payload }: Publication): number {
  const { probeTimeout, tcpTimeout } = settings;
  const narrowMs = network.bandwidth === undefined ? 0 : 2_000;
  const streamMs = payload.length > streamBytes ? 4 * tcpTimeout : 0;
  return 6 * probeTimeout + narrowMs + streamMs;
}

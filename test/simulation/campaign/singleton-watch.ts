/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What must hold of singletons, whatever goes wrong.

import type { MembershipEvent } from '../../../src/index.js';
import {
  runSingleton,
  type Lease,
  type Singleton,
  type SingletonStoppedError,
} from '../../../src/ring/index.js';
import { candidatesOf, Changes, isStalled, ownersByDefinition } from './candidates.js';
import { LeaseStore } from './lease-store.js';
import type { RingPlan, RingWorld } from './ring-plan.js';
import type { Life } from './stage.js';
import type { PartWatch } from './toolkit.js';
import { Violation } from './violation.js';

const name = 'mailer';
const everybody = (): number => 1;

/** A task that was called and has not ended. */
interface Running {
  readonly life: Life;
  readonly holder: string | undefined;
  isAborted: boolean;
  /** Something forbade it when the campaign last looked. */
  obstacle: string | undefined;
}

interface Watched {
  readonly life: Life;
  readonly changes: Changes;
  singleton: Singleton;
}

/** Watches the singletons of one run. */
export class SingletonWatch implements PartWatch {
  readonly #plan: RingPlan;
  readonly #world: RingWorld;
  readonly #store: LeaseStore | undefined;
  readonly #watched = new Map<string, Watched>();
  readonly #running = new Set<Running>();
  #isOver = false;

  constructor(plan: RingPlan, world: RingWorld) {
    this.#plan = plan;
    this.#world = world;
    this.#store = plan.lease && new LeaseStore(world, plan.lease);
  }

  started(life: Life): void {
    const changes = new Changes(life, everybody);
    this.#watched.set(life.key, { life, changes, singleton: this.#run(life, changes) });
  }

  emitted(key: string, event: MembershipEvent): void {
    if (!('node' in event)) return;
    this.#watched.get(key)?.changes.event(event.node, this.#plan.settle);
  }

  look(): void {
    for (const task of this.#running) {
      if (task.isAborted || isStalled(task.life)) task.obstacle = undefined;
      else this.#look(task);
    }
  }

  healed(): void {
    this.#store?.heal();
  }

  /** In the end the task runs on its owner alone, if there are enough members, and else nowhere. */
  async agreed(): Promise<void> {
    const { settle, lease, endMs } = this.#plan;
    await this.#world.run(6 * settle + 3 * (lease?.ttl ?? 0) + endMs + 100);
    const members = this.#world.running().filter(({ list }) => list.state === 'running');
    const pairs = members.map(({ list }) => [list.config.name, 1] as const);
    const isEnough = pairs.length >= this.#plan.minMembers && !this.#isMinority(pairs.length);
    const owner = isEnough ? ownersByDefinition(pairs, name)[0] : undefined;
    const runners = Array.from(this.#running, ({ life }) => life.list.config.name);
    if (runners.join(' ') === (owner ?? '')) return;
    const states = members.map(({ key }) => `${key} ${this.#watched.get(key)?.singleton.state}`);
    const what = `${runners.join(' ')} instead of ${owner}: ${states.join(', ')}`;
    this.#fail('in the end a task runs on its owner alone', what);
  }

  rest(): void {
    for (const { singleton } of this.#watched.values()) void singleton.stop();
  }

  wake(): void {
    for (const { key } of this.#world.running()) {
      const watched = this.#watched.get(key);
      if (watched) watched.singleton = this.#run(watched.life, watched.changes);
    }
  }

  ended(): void {
    this.#isOver = true;
    for (const { life, isAborted } of this.#running) {
      if (!isAborted) this.#fail('a shutdown aborts the task', life.key);
    }
  }

  #run(life: Life, changes: Changes): Singleton {
    const { settle, minMembers, stopInMinority, lease } = this.#plan;
    const known: { holder: string | undefined } = { holder: undefined };
    const task = (signal: AbortSignal): Promise<void> =>
      this.#task(life, { signal, changes, holder: known.holder });
    return runSingleton(life.list, name, task, {
      ...{ settle, minMembers, stopInMinority },
      ...(lease && { lease: this.#leaseFor(life, known), leaseTtl: lease.ttl }),
    });
  }

  /** The store, which remembers who asked last. */
  #leaseFor({ key }: Life, known: { holder: string | undefined }): Lease {
    const lease = (this.#store as LeaseStore).for(key);
    return {
      ...lease,
      acquire: (request) => {
        known.holder = request.holder;
        return lease.acquire(request);
      },
    };
  }

  #task(
    life: Life,
    {
      signal,
      changes,
      holder,
    }: { signal: AbortSignal; changes: Changes; holder: string | undefined },
  ): Promise<void> {
    const task: Running = { life, holder, isAborted: false, obstacle: undefined };
    this.#checkStart(task, changes);
    this.#running.add(task);
    return new Promise((resolve) => {
      const end = (): void => {
        this.#running.delete(task);
        resolve();
      };
      signal.addEventListener('abort', () => {
        task.isAborted = true;
        const { reason } = signal.reason as SingletonStoppedError;
        // Of a process that has ended nothing is left.
        if (reason === 'shutdown' || this.#plan.endMs === 0) end();
        else life.list.config.clock.setTimer(this.#plan.endMs, end);
      });
    });
  }

  #checkStart(task: Running, changes: Changes): void {
    const { key } = task.life;
    const at = `${key} at ${this.#world.now()}`;
    const obstacle = this.#obstacleFor(task);
    if (obstacle !== undefined)
      this.#fail('a task starts only where it may run', `${at}: ${obstacle}`);
    if (!changes.isSettled(this.#plan.settle)) this.#fail('a task starts after settle', at);
    const others = [...this.#running].filter(({ life }) => !isStalled(life));
    if (this.#store !== undefined && others.length > 0) {
      const what = `${at}, and on ${others.map(({ life }) => life.key).join(' ')}`;
      this.#fail('with a lease two tasks never run', what);
    }
    if (others.some(({ life }) => life === task.life)) {
      this.#fail('a node runs a task once', at);
    }
  }

  #look(task: Running): void {
    const before = task.obstacle;
    task.obstacle = this.#obstacleFor(task);
    // An abort comes at the end of a turn of the event loop, and a stall may have ended just now.
    if (task.obstacle === undefined || before === undefined) return;
    const what = `${task.life.key} at ${this.#world.now()}: ${task.obstacle}`;
    this.#fail('a task is aborted where it must not run', what);
  }

  /** Why a task must not run where it does; undefined if it may. */
  #obstacleFor({ life, holder }: Running): string | undefined {
    const { list, engine } = life;
    if (list.state !== 'running') return `the node is ${list.state}`;
    if (this.#store !== undefined && !this.#store.isHeldBy(holder)) return 'its lease is not valid';
    const all = candidatesOf(life, everybody);
    if (all.length < this.#plan.minMembers) return `${all.length} members`;
    let alive = 0;
    for (const { state } of engine.table) if (state === 'alive') alive++;
    if (this.#isMinority(alive)) return `${alive} are alive`;
    const [owner] = ownersByDefinition(all, name);
    return owner === list.config.name ? undefined : `${owner} owns it`;
  }

  #isMinority(present: number): boolean {
    const { stopInMinority, knowsSize } = this.#plan;
    const expected = knowsSize ? this.#world.scenario.nodes : 1;
    return stopInMinority && 2 * present <= expected;
  }

  #fail(rule: string, detail: string): void {
    if (!this.#isOver || rule.includes('shutdown')) this.#world.fail(new Violation(rule, detail));
  }
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The nodes of a simulated cluster, by name and by address, including those that have ended.

import type { VirtualClock } from './virtual-clock.js';
import type { MemoryNetwork } from './memory-network.js';
import type { SimulatedNode } from './simulated-node.js';

/** How many nodes join at a time in `joinAll`: half of the joins that one node accepts concurrently. */
const concurrentJoins = 64;
/** A node that cannot join retries after a second, like a service on a bad network, up to this many attempts. */
const joinAttempts = 5;
const retryJoinMs = 1_000;

/** The nodes of one cluster. */
export class ClusterNodes {
  readonly #clock: VirtualClock;
  readonly #network: MemoryNetwork;
  readonly #nodes = new Map<string, SimulatedNode>();
  readonly #byAddr = new Map<string, SimulatedNode>();
  readonly #indices = new Map<string, number>();
  readonly #lives = new Map<string, number>();
  #timersLeft = 0;
  #running: readonly SimulatedNode[] = [];
  #runningNames: ReadonlySet<string> = new Set();
  #runningAsOf = -1;
  /** A node whose member list differed in the last check of `converged`, and the changes until then. */
  #disagreement: { readonly node: SimulatedNode; readonly changes: number } | undefined;

  constructor({ clock, network }: { clock: VirtualClock; network: MemoryNetwork }) {
    this.#clock = clock;
    this.#network = network;
  }

  /** The index of a name, which it keeps, and the number of its next life, from 1. */
  nextLife(name: string): { readonly index: number; readonly life: number } {
    const index = this.#indices.get(name) ?? this.#indices.size;
    this.#indices.set(name, index);
    const life = (this.#lives.get(name) ?? 0) + 1;
    this.#lives.set(name, life);
    return { index, life };
  }

  /** Adds a started node, which replaces an ended one with its name. */
  add(name: string, node: SimulatedNode): void {
    this.#timersLeft += this.#nodes.get(name)?.timersLeft ?? 0;
    this.#nodes.set(name, node);
    this.#byAddr.set(node.transport.addr, node);
    this.#runningAsOf = -1;
  }

  /** The last node at an address. */
  at(addr: string): SimulatedNode | undefined {
    return this.#byAddr.get(addr);
  }

  /** The last node with a name. @throws RangeError if there was none */
  known(name: string): SimulatedNode {
    const node = this.#nodes.get(name);
    if (node === undefined) throw new RangeError(`no node is called "${name}"`);
    return node;
  }

  /** The running node with a name. @throws Error if it does not run */
  alive(name: string): SimulatedNode {
    const node = this.known(name);
    if (!node.isRunning) throw new Error(`${name} is not running`);
    return node;
  }

  /** @throws Error if a node with this name runs */
  checkNotRunning(name: string): void {
    if (this.#nodes.get(name)?.isRunning === true) throw new Error(`${name} is running`);
  }

  /** The running nodes, in the order in which their names were first used. */
  running(): readonly SimulatedNode[] {
    // Computed again only after a node has started or ended, for whatever reason.
    if (this.#runningAsOf !== this.#network.changes) {
      this.#runningAsOf = this.#network.changes;
      this.#running = [...this.#nodes.values()].filter(({ isRunning }) => isRunning);
      this.#runningNames = new Set(this.#running.map(({ list }) => list.config.name));
    }
    return this.#running;
  }

  /** Timers of nodes that were still set when the node had ended. */
  get timersLeft(): number {
    let count = this.#timersLeft;
    for (const node of this.#nodes.values()) count += node.timersLeft;
    return count;
  }

  /**
   * Whether every running node lists exactly the running nodes as members, all alive.
   *
   * @param events - the number of membership events so far
   */
  converged(events: number): boolean {
    // No member list changes without an event, so a negative result holds until the next one.
    const changes = events + this.#network.changes;
    if (this.#disagreement?.changes === changes) return false;
    const running = this.running();
    const names = this.#runningNames;
    const agrees = ({ list }: SimulatedNode): boolean =>
      list.numMembers === names.size &&
      list.members().every(({ name, state }) => state === 'alive' && names.has(name));
    // The node that disagreed last time is checked first.
    const last = this.#disagreement?.node;
    const stillDisagrees = last?.isRunning === true && !agrees(last);
    const node = stillDisagrees ? last : running.find((each) => !agrees(each));
    this.#disagreement = node && { node, changes };
    return node === undefined;
  }

  /** Joins a node through a seed, with retries. @throws JoinError of the last attempt */
  async join(node: SimulatedNode, seed: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await node.list.join([seed]);
        return;
      } catch (error) {
        if (attempt === joinAttempts || !node.isRunning) throw error;
        await new Promise<void>((resolve) => this.#clock.setTimer(retryJoinMs, resolve));
      }
    }
  }

  /**
   * Joins all running nodes through one of them, 64 at a time.
   *
   * @returns the errors of nodes that could not join
   */
  async joinAll(through: string): Promise<readonly unknown[]> {
    const { seed } = this.alive(through);
    const waiting = this.running().filter(({ name }) => name !== through);
    const errors: unknown[] = [];
    const work = async (): Promise<void> => {
      for (let node = waiting.shift(); node !== undefined; node = waiting.shift()) {
        await this.join(node, seed).catch((error: unknown) => errors.push(error));
      }
    };
    await Promise.all(Array.from({ length: concurrentJoins }, work));
    return errors;
  }
}

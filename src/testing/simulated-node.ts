/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One node of a simulated cluster: the production Memberlist with a clock, a source of randomness and
// a transport of the simulation's, and the ways in which its process can misbehave.

import type { MemberlistConfig } from '../config/options.js';
import type { MembershipEvent } from '../core/membership/events.js';
import { Memberlist } from '../memberlist.js';
import type { NodeSeams } from '../node/seams.js';
import type { MemoryNetwork } from './memory-network.js';
import type { MemoryTransport } from './memory-transport.js';
import { NodeClock } from './node-clock.js';
import type { SeededRandom } from './seeded-random.js';
import type { VirtualClock } from './virtual-clock.js';

/** What a simulated node is made of. */
export interface SimulatedNodeInit {
  readonly name: string;
  /** `'ip:port'`, `'new'`, or undefined: the one that it had, or the next free one. */
  readonly addr: string | undefined;
  readonly config: MemberlistConfig;
  readonly seams: NodeSeams;
  readonly random: SeededRandom;
  /** How long a turn of its event loop takes. */
  readonly turnMs: number | undefined;
  /** Called with every membership event. */
  readonly onMembershipEvent: (event: MembershipEvent) => void;
}

/** One life of one node. */
export class SimulatedNode {
  readonly name: string;
  readonly clock: NodeClock;
  readonly transport: MemoryTransport;
  /** Whether what it sends is encrypted. */
  readonly isSealed: boolean;
  readonly #base: VirtualClock;
  #list: Memberlist | undefined;
  #frozenUntil = -Infinity;
  #blockedUntil = -Infinity;
  #timersLeft = 0;

  private constructor(world: World, { name, addr, config, turnMs }: SimulatedNodeInit) {
    this.name = name;
    this.#base = world.clock;
    this.clock = new NodeClock(world.clock, { turnMs });
    this.transport = world.network.transport(name, { addr, clock: this.clock });
    const { secretKey, keyring, keyFile } = config;
    this.isSealed = [secretKey, keyring, keyFile].some((key) => key !== undefined);
  }

  /** Starts one. @throws what `Memberlist.create` throws. */
  static async start(world: World, init: SimulatedNodeInit): Promise<SimulatedNode> {
    const node = new SimulatedNode(world, init);
    const { clock, transport } = node;
    const { random, onMembershipEvent } = init;
    // Discovery has its own stream of random numbers, so that a rejoin changes no other random decision.
    const seams = { discoveryRandom: random.fork('discovery'), ...init.seams };
    // Thousands of virtual nodes would log many warnings; `DEBUG=memberlist:*` shows them.
    const logger = init.config.logger ?? false;
    const config = { name: init.name, ...init.config, logger, clock, random, transport };
    const list = await Memberlist.createWith(config, seams);
    node.#list = list;
    list.on('join', (member) => onMembershipEvent({ type: 'join', node: member }));
    list.on('leave', (member, reason) =>
      onMembershipEvent({ type: 'leave', node: member, reason }),
    );
    list.on('update', (member, previousMeta) =>
      onMembershipEvent({ type: 'update', node: member, previousMeta }),
    );
    list.on('suspect', (member) => onMembershipEvent({ type: 'suspect', node: member }));
    list.on('refute', (member) => onMembershipEvent({ type: 'refute', node: member }));
    list.on('conflict', (existing, other) =>
      onMembershipEvent({ type: 'conflict', existing, other }),
    );
    list.on('health', (score) => onMembershipEvent({ type: 'health', score }));
    return node;
  }

  get list(): Memberlist {
    return this.#list as Memberlist;
  }

  get isRunning(): boolean {
    return this.transport.isRunning;
  }

  /** What others join it by. */
  get seed(): string {
    const { localNode, config } = this.list;
    return config.requireNodeNames ? `${localNode.name}/${localNode.address}` : localNode.address;
  }

  /** Timers that were still set when it had ended. */
  get timersLeft(): number {
    return this.#timersLeft;
  }

  /** Ends the process: everything stops at once, and the system closes its sockets. */
  kill(): void {
    void this.list.shutdown();
    // What it cancels itself it has cancelled by then.
    this.#base.afterTurn(() => this.bury());
  }

  /** Its timers, if any are left, will not fire any more. */
  bury(): void {
    this.#timersLeft += this.clock.pending;
    this.clock.stop();
  }

  /** What it sends and what it is sent waits for so many milliseconds; its timers run on. */
  block(ms: number): void {
    this.#blockedUntil = Math.max(this.#blockedUntil, this.#base.now() + ms);
    this.transport.gates.inward.shut();
    this.transport.gates.outward.shut();
    this.#base.setTimer(ms, () => this.#release());
  }

  /** Its event loop stalls for so many milliseconds. */
  freeze(ms: number): void {
    this.#frozenUntil = Math.max(this.#frozenUntil, this.#base.now() + ms);
    this.transport.gates.inward.shut();
    this.clock.freeze();
    this.#base.setTimer(ms, () => this.#release());
  }

  #release(): void {
    const now = this.#base.now();
    const { inward, outward } = this.transport.gates;
    const readSockets = (): void => {
      if (now >= this.#frozenUntil && now >= this.#blockedUntil) inward.open();
    };
    if (now >= this.#frozenUntil && this.clock.isFrozen) this.clock.thaw(readSockets);
    else readSockets();
    if (now >= this.#blockedUntil) outward.open();
  }
}

/** What all nodes share. */
export interface World {
  readonly clock: VirtualClock;
  readonly network: MemoryNetwork;
}

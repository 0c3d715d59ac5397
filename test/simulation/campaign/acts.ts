/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Executes the steps of a scenario, one after the other.

import { MemberlistError } from '../../../src/index.js';
import { layersFor } from '../../../src/security/layers.js';
import { encodeMessage } from '../../../src/wire/message-codec.js';
import { MessageType } from '../../../src/wire/message-type.js';
import { PacketCodec } from '../../../src/wire/packet-codec.js';
import { Forger } from './forger.js';
import type { EventWatch } from './invariants.js';
import type { Step } from './scenario.js';
import type { Life, Stage } from './stage.js';
import type { Toolkit } from './toolkit.js';
import { Violation } from './violation.js';

/** Takes the steps of a scenario. */
export class Acts {
  readonly #stage: Stage;
  readonly #watch: EventWatch;
  readonly #toolkit: Toolkit;
  readonly #fail: (failure: Error) => void;
  readonly #forger: Forger;
  readonly #ops: Promise<unknown>[] = [];

  /** @param init.fail - called with each error of an operation that no caller awaits */
  constructor(
    components: { stage: Stage; watch: EventWatch; toolkit: Toolkit },
    init: { fail: (e: Error) => void },
  ) {
    this.#stage = components.stage;
    this.#watch = components.watch;
    this.#toolkit = components.toolkit;
    this.#fail = init.fail;
    this.#forger = new Forger(components);
  }

  /** Settles when all operations that were started have ended. */
  get ops(): Promise<unknown> {
    return Promise.all(this.#ops);
  }

  /** Registers a node that started. */
  started(key: string): void {
    const life = this.#stage.started(key);
    const { name, address } = life.list.localNode;
    this.#watch.started(key, name, address);
    this.#toolkit.started(life);
  }

  /** Lets all nodes join through the first one. */
  joinAll(): void {
    this.#let(this.#stage.cluster.joinAll(), this.#stage.keysOfAll);
  }

  /** Executes a step. Returns false, and does nothing, when the step is not applicable. */
  async take(step: Step): Promise<boolean> {
    if ('node' in step && !this.#fits(step)) return false;
    const { cluster, metas } = this.#stage;
    switch (step.do) {
      case 'crash':
        cluster.crash(step.node, { silent: step.silent });
        break;
      case 'leave':
        this.#leaves(step.node);
        this.#let(cluster.leave(step.node));
        break;
      case 'return':
        this.#let(this.#return(step.node));
        break;
      case 'restart':
        return this.#restart(step);
      case 'add':
        await this.#add(step);
        break;
      case 'freeze':
      case 'block':
      case 'jump':
        cluster[step.do](step.node, step.ms);
        break;
      case 'breakStreams':
        cluster.breakStreams(step.node);
        break;
      case 'update':
        metas.set(step.node, step.meta);
        this.#let(cluster.node(step.node).updateNode());
        break;
      case 'slander':
        return this.#slander(step.node, step.to, step.dead);
      case 'forge':
        if (!this.#stage.has(step.to) || !this.#stage.isRunning(step.to)) return false;
        this.#let(this.#forger.forge(step));
        break;
      case 'take':
        return this.#takeAddress(step.of);
      case 'key':
        this.#stage.keys.rotate(step.phase);
        break;
      default:
        return this.#changeNetwork(step);
    }
    return true;
  }

  #changeNetwork(step: Extract<Step, { do: 'partition' | 'heal' | 'link' }>): boolean {
    const { cluster } = this.#stage;
    if (step.do === 'heal') cluster.heal();
    else if (step.do === 'partition') {
      cluster.partition(this.#inhabited(step.groups), { oneWay: step.oneWay });
    } else if (this.#stage.has(step.from) && this.#stage.has(step.to)) {
      cluster.link(step.from, step.to, { loss: step.loss });
    } else return false;
    return true;
  }

  /** The groups without nodes that never started; of several nodes at one address only the running one. */
  #inhabited(groups: readonly (readonly string[])[]): string[][] {
    const addrOf = (key: string): string => this.#stage.life(key).transport.addr;
    const bearers = new Map<string, string>();
    for (const key of groups.flat()) {
      if (!this.#stage.has(key)) continue;
      if (this.#stage.isRunning(key) || !bearers.has(addrOf(key))) bearers.set(addrOf(key), key);
    }
    const chosen = new Set(bearers.values());
    return groups.map((group) => group.filter((key) => chosen.has(key)));
  }

  /** Whether a step is applicable: a node that is to start must not run, the nodes of all other steps must. */
  #fits(step: Step & { node: string }): boolean {
    const { node } = step;
    if (step.do === 'add') return !this.#stage.has(node);
    if (step.do === 'restart') return this.#stage.has(node) && !this.#stage.isRunning(node);
    return this.#stage.isRunning(node);
  }

  #leaves(key: string): void {
    const { name, incarnation } = this.#stage.life(key).list.localNode;
    this.#watch.leaves(name, incarnation);
  }

  /** Leaves, and joins again when the leave was gossiped or timed out. */
  async #return(key: string): Promise<void> {
    const { list, transport } = this.#stage.life(key);
    this.#leaves(key);
    try {
      await list.leave();
    } finally {
      if (transport.isRunning) {
        const { name } = list.config;
        // The node is alive again as soon as it tries to join; the join itself may fail.
        const joining = list.join(this.#seedsFor(key));
        this.#watch.returned(name);
        await joining;
      }
    }
  }

  async #add({ node, name }: Extract<Step, { do: 'add' }>): Promise<void> {
    const config = name === undefined ? {} : { name };
    await this.#stage.cluster.addNode(node, { join: false, config });
    this.#join(node);
  }

  async #restart({ node, name = node, moved }: Extract<Step, { do: 'restart' }>): Promise<boolean> {
    if (this.#stage.has(name) && name !== node) return false;
    const { addr: home } = this.#stage.life(node).transport;
    // Another node may run at its address by now.
    const isTaken = this.#stage.running().some(({ transport }) => transport.addr === home);
    const addr = moved || isTaken ? { addr: 'new' } : {};
    await this.#stage.cluster.restart(node, { name, join: false, ...addr });
    this.#stage.reborn.add(name);
    this.#join(name);
    return true;
  }

  /** Joins through any other running node, if there is one. */
  #join(key: string): void {
    this.started(key);
    const through = this.#anybodyBut(key);
    if (through === undefined) this.#stage.loners.add(key);
    else this.#let(this.#joinThrough(this.#stage.life(key), through), [key]);
  }

  /** @throws Violation when the node does not know the member that it joined through */
  async #joinThrough({ key, list, engine }: Life, through: Life): Promise<void> {
    const { name, address } = through.list.localNode;
    await list.join([address]);
    // A member that leaves announces it, and an unknown member that left is not added.
    const isThere = through.list.localNode.state === 'alive' && name !== list.config.name;
    if (!isThere || engine.table.get(name) !== undefined) return;
    const detail = `${key} has joined through ${name}, of whom it has not heard`;
    throw new Violation('a join adds the contacted member', detail);
  }

  /** Starts two nodes of another cluster, one of them at the address of a node that has ended. */
  async #takeAddress(of: string): Promise<boolean> {
    if (!this.#stage.has(of) || this.#stage.isRunning(of)) return false;
    const { addr } = this.#stage.life(of).transport;
    const keys = ['x0', 'x1'] as const;
    if (this.#stage.running().some((life) => life.transport.addr === addr)) return false;
    for (const key of keys) this.#stage.strangers.add(key);
    const { cluster } = this.#stage;
    const other = await cluster.addNode(keys[1], { join: false, addr: 'new' });
    const taker = await cluster.addNode(keys[0], { join: false, addr });
    for (const key of keys) this.#stage.strangerStarted(key);
    this.#let(taker.join([other.localNode.address]));
    return true;
  }

  #seedsFor(key: string): string[] {
    const other = this.#anybodyBut(key);
    return other ? [other.list.localNode.address] : [];
  }

  #anybodyBut(key: string): Life | undefined {
    return this.#stage.running().find((life) => life.key !== key);
  }

  /** Sends one node a false claim about another one, which has to refute it. */
  #slander(about: string, to: string, isDead: boolean): boolean {
    if (about === to || !this.#stage.isRunning(to)) return false;
    const { name: node, incarnation } = this.#stage.life(about).list.localNode;
    this.#watch.slandered(node);
    const type = isDead ? MessageType.dead : MessageType.suspect;
    const lie = encodeMessage({ type, node, incarnation, from: 'somebody' });
    const { config, localNode } = this.#stage.life(to).list;
    const packet = new PacketCodec(layersFor(config)).encode([lie], { checksum: false });
    // The receiver is also the source, so no partition blocks the packet.
    const { address } = localNode;
    this.#stage.cluster.network.carry(packet, address, address);
    return true;
  }

  /** An operation that may fail in documented ways; `loners` are then nodes that could not join. */
  #let(promise: Promise<unknown>, loners: readonly string[] = []): void {
    const judged = promise.catch((error: unknown) => {
      for (const key of loners) this.#stage.loners.add(key);
      const isTold = (each: unknown): boolean => each instanceof MemberlistError;
      const several = error instanceof AggregateError && !isTold(error);
      const errors: unknown[] = several ? error.errors : [error];
      const wrong = errors.find((each) => !isTold(each));
      if (wrong !== undefined) this.#fail(wrong as Error);
    });
    this.#ops.push(judged);
  }
}

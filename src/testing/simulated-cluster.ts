/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A whole cluster in one process and in virtual time, determined by a seed. It runs the production Memberlist;
// only clock, randomness and transport are replaced.

import { EventEmitter } from 'node:events';
import type { Clock } from '../core/ports.js';
import type { MembershipEvent } from '../core/membership/events.js';
import type { Memberlist } from '../memberlist.js';
import type { WaitOptions } from '../node/operation-options.js';
import type { NodeSeams } from '../node/seams.js';
import { checkClusterOptions, checkDuration } from './check-options.js';
import { ClusterNodes } from './cluster-nodes.js';
import type {
  AddNodeOptions,
  RestartOptions,
  SimulatedClusterEvents,
  SimulatedClusterOptions,
} from './cluster-options.js';
import { Driver } from './driver.js';
import type { LinkChanges } from './links.js';
import { MemoryNetwork } from './memory-network.js';
import type { NetworkStats } from './network-options.js';
import { SeededRandom } from './seeded-random.js';
import { SimulatedNode } from './simulated-node.js';
import { Trace, type TraceEntry } from './trace.js';
import { VirtualClock } from './virtual-clock.js';

/** The parts to replace in a node. */
type SeamsOf = (name: string, index: number) => NodeSeams;

const defaultLatency = { min: 0.5, max: 2 };
const defaultTimeoutMs = 60_000;
const defaultTraceLength = 10_000;

/**
 * A cluster in virtual time. Time passes only while `run`, `runUntil`, `during`, `joinAll`, `leave` or a joining
 * `restart` or `addNode` is awaited. Every run with the same seed is identical, as long as nothing waits for
 * the real world.
 *
 * ```ts
 * const cluster = await SimulatedCluster.create({ size: 50, seed: 7 });
 * await cluster.joinAll();
 * await cluster.runUntil(() => cluster.converged());
 * cluster.crash('n3');
 * await cluster.runUntil(() => cluster.node('n0').member('n3')?.state === 'dead');
 * await cluster.close();
 * ```
 *
 * `node(name).config.clock` is the clock of that node, for services that should stall with it.
 */
export class SimulatedCluster
  extends EventEmitter<SimulatedClusterEvents>
  implements AsyncDisposable
{
  /** The seed of this run. */
  readonly seed: number | string;
  /** The common clock, for timers of your own. Only the cluster advances it. */
  readonly clock: Clock;
  /** The network between the nodes. */
  readonly network: MemoryNetwork;
  readonly #options: SimulatedClusterOptions;
  readonly #seamsOf: SeamsOf;
  readonly #clock = new VirtualClock();
  readonly #driver = new Driver(this.#clock);
  readonly #random: SeededRandom;
  readonly #trace: Trace;
  readonly #nodes: ClusterNodes;
  readonly #internalErrors: { readonly node: string; readonly error: Error }[] = [];
  #hasJoined = false;

  private constructor(options: SimulatedClusterOptions, seamsOf: SeamsOf) {
    super();
    this.#seamsOf = seamsOf;
    const { seed = 0, network = {}, traceLength = defaultTraceLength } = options;
    this.#options = options;
    this.seed = seed;
    this.clock = this.#clock;
    this.#random = new SeededRandom(seed);
    this.network = new MemoryNetwork({
      latency: defaultLatency,
      ...network,
      seed: `${seed} network`,
      clock: this.#clock,
    });
    this.#nodes = new ClusterNodes({ clock: this.#clock, network: this.network });
    this.#trace = new Trace({
      now: () => this.#clock.now(),
      keep: traceLength,
      // A sender outside the cluster encrypts if the receiving node does.
      isSealed: (from, to) => (this.#nodes.at(from) ?? this.#nodes.at(to))?.isSealed === true,
    });
    this.network.addTap(this.#trace);
  }

  /**
   * Starts nodes `n0` to `n<size − 1>`, which have not joined each other yet.
   *
   * @throws RangeError for an invalid size, turn, trace length or network; ConfigError of the nodes
   */
  static create(options: SimulatedClusterOptions): Promise<SimulatedCluster> {
    return SimulatedCluster.createWith(options, () => ({}));
  }

  /** @internal Starts a cluster whose nodes have some of their parts replaced. */
  static async createWith(
    options: SimulatedClusterOptions,
    seamsOf: SeamsOf,
  ): Promise<SimulatedCluster> {
    checkClusterOptions(options);
    const cluster = new SimulatedCluster(options, seamsOf);
    for (let i = 0; i < options.size; i++) await cluster.#start(`n${i}`, {});
    return cluster;
  }

  /** Virtual milliseconds since the cluster was created. */
  get now(): number {
    return this.#clock.now();
  }

  /** The names of the running nodes, in the order in which the names were first used. */
  names(): string[] {
    return this.#nodes.running().map(({ name }) => name);
  }

  /**
   * The running node with a name, or else the last one that had it.
   *
   * @throws RangeError if there was none
   */
  node(name: string): Memberlist {
    return this.#nodes.known(name).list;
  }

  /**
   * Joins all nodes through one, 64 at a time. A node that fails retries up to four times, a second apart.
   *
   * @param options.through - default: `n0`
   * @throws AggregateError with the errors of nodes that could not join, after all others have joined
   */
  async joinAll(options: { readonly through?: string | undefined } = {}): Promise<void> {
    const { through = 'n0' } = options;
    this.#nodes.alive(through);
    this.#hasJoined = true;
    const errors = await this.#driver.during(this.#nodes.joinAll(through), 'joinAll');
    if (errors.length > 0) throw new AggregateError(errors, `${errors.length} could not join`);
  }

  /** Lets time pass. @throws errors of `event` listeners and timer callbacks, and internal errors of the library */
  run(ms: number): Promise<void> {
    return this.#driver.run(ms);
  }

  /**
   * Lets time pass until `condition` is true. It is evaluated after all work of each point in time.
   *
   * @param options.timeout - virtual milliseconds; default: 60,000
   * @returns the virtual milliseconds that it took
   * @throws TimeoutError; errors of `condition`; errors of `run`
   */
  async runUntil(
    condition: () => boolean,
    options: { readonly timeout?: number | undefined } = {},
  ): Promise<number> {
    const startedAt = this.now;
    const what = `runUntil (seed ${this.seed}, from ${startedAt} ms on)`;
    await this.#driver.until(condition, options.timeout ?? defaultTimeoutMs, what);
    return this.now - startedAt;
  }

  /**
   * Lets time pass until a promise settles, and returns its result. Use it to await an operation of a node:
   * `await cluster.during(cluster.node('n0').updateNode())`. Without it, time does not pass and the operation
   * never completes.
   *
   * @throws Error if no event is left that could settle the promise
   */
  during<T>(promise: Promise<T>): Promise<T> {
    return this.#driver.during(promise, 'a promise');
  }

  /** Whether every running node lists exactly the running nodes as members, all alive. */
  converged(): boolean {
    return this.#nodes.converged(this.#trace.recorded);
  }

  /**
   * Starts another node.
   *
   * @param name - its name in this cluster; `config.name` may differ, for two nodes with the same member name
   * @throws Error if it is running; JoinError, in which case the node keeps running
   */
  async addNode(name: string, options: AddNodeOptions = {}): Promise<Memberlist> {
    this.#nodes.checkNotRunning(name);
    const node = await this.#driver.hold(this.#start(name, options));
    const first = this.#nodes.running().find((other) => other !== node);
    if ((options.join ?? this.#hasJoined) && first) {
      await this.#driver.during(this.#nodes.join(node, first.seed), `${name}.join`);
    }
    return node.list;
  }

  /**
   * Ends a node's process without a leave. Its streams break, and new connections to it are refused.
   *
   * @param options.silent - the machine disappears, too: no other node receives a reset or a refusal
   */
  crash(name: string, options: { readonly silent?: boolean | undefined } = {}): void {
    const node = this.#nodes.alive(name);
    if (options.silent === true) {
      this.network.blackhole(node.transport.addr);
      node.transport.vanish();
    }
    node.kill();
    this.#trace.lifecycle(name, 'crash');
  }

  /**
   * Restarts a node that crashed or left, with empty state; by default with the same name and address.
   *
   * @throws Error if it is running; JoinError, in which case the node keeps running
   */
  async restart(name: string, options: RestartOptions = {}): Promise<Memberlist> {
    this.#nodes.checkNotRunning(name);
    const before = this.#nodes.known(name);
    const { name: newName = name, addr = before.transport.addr, ...others } = options;
    return this.addNode(newName, { ...others, addr });
  }

  /**
   * Lets a node leave gracefully, then ends it.
   *
   * @param options - as for `Memberlist.leave`
   * @throws TimeoutError if the leave could not be broadcast in time; the node ends anyway
   */
  async leave(name: string, options?: WaitOptions): Promise<void> {
    const node = this.#nodes.alive(name);
    try {
      await this.#driver.during(node.list.leave(options), `${name}.leave`);
    } finally {
      if (node.isRunning) {
        node.kill();
        this.#trace.lifecycle(name, 'leave');
      }
    }
  }

  /**
   * Delays everything that a node sends and receives until `ms` milliseconds have passed, then delivers it in
   * order. The node's timers continue.
   */
  block(name: string, ms: number): void {
    this.#nodes.alive(name).block(checkDuration(ms));
  }

  /**
   * Stalls a node's event loop for `ms` milliseconds. Then its overdue timers fire; then it reads what has
   * arrived meanwhile; then callbacks for the end of the turn run.
   */
  freeze(name: string, ms: number): void {
    this.#nodes.alive(name).freeze(checkDuration(ms));
  }

  /** Moves a node's clock forward, as after its machine's sleep. Timers that are then due fire late. */
  jump(name: string, ms: number): void {
    this.#nodes.alive(name).clock.jump(checkDuration(ms));
  }

  /**
   * Lets nodes communicate only within their group. Nodes in no group communicate with all others.
   *
   * @param options.oneWay - later groups still receive from earlier groups, but not the other way round
   */
  partition(
    groups: readonly (readonly string[])[],
    options: { readonly oneWay?: boolean | undefined } = {},
  ): void {
    this.network.partition(groups, options);
  }

  /** Removes partitions and the faults of single links; their latency and bandwidth remain. */
  heal(): void {
    this.network.heal();
  }

  /** Changes properties of the link from one node to another, but not of the opposite direction. */
  link(from: string, to: string, changes: LinkChanges): void {
    this.network.link(from, to, changes);
  }

  /** Breaks all open streams of a node. */
  breakStreams(name: string): void {
    this.#nodes.alive(name).transport.breakStreams();
  }

  /** The traffic so far: in total, and by sending node. */
  stats(): NetworkStats {
    return this.network.stats();
  }

  /** The most recent events of all nodes, oldest first. */
  trace(): TraceEntry[] {
    return this.#trace.entries();
  }

  /**
   * A hash of everything so far: every event, and every packet and piece of a stream with its time, sender,
   * receiver and bytes (only the length if encrypted). The same seed gives the same digest on every machine.
   */
  digest(): string {
    return this.#trace.digest();
  }

  /**
   * Internal exceptions that the library caught, oldest first. Each one also rejects the current `run`, or else
   * the next one.
   */
  get internalErrors(): readonly { readonly node: string; readonly error: Error }[] {
    return this.#internalErrors;
  }

  /**
   * Timers on nodes' clocks that were still set after the node had ended. 0, unless this library or a service
   * that uses its node's clock leaks timers.
   */
  get timersLeft(): number {
    return this.#nodes.timersLeft;
  }

  /**
   * Ends all nodes, and discards all pending events.
   *
   * @throws an internal exception of the library or an error of an `event` listener that no `run` has thrown yet
   */
  async close(): Promise<void> {
    const running = this.#nodes.running();
    await Promise.all(running.map(({ list }) => list.shutdown()));
    await this.#driver.settle();
    for (const node of running) node.bury();
    this.#clock.clear();
    this.#driver.throwFailure();
  }

  /** The same as `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #start(name: string, { config, addr }: AddNodeOptions): Promise<SimulatedNode> {
    const { index, life } = this.#nodes.nextLife(name);
    const { config: common = {} } = this.#options;
    const node = await SimulatedNode.start(
      { clock: this.#clock, network: this.network },
      {
        name,
        addr,
        config: { ...(typeof common === 'function' ? common(name, index) : common), ...config },
        random: this.#random.fork(`node ${name}, life ${life}`),
        turnMs: this.#options.turnMs,
        onMembershipEvent: (event) => this.#onMembershipEvent(name, event),
        seams: {
          internalError: (error) => this.#onInternalError(name, error),
          ...this.#seamsOf(name, index),
        },
      },
    );
    this.#nodes.add(name, node);
    this.#trace.lifecycle(name, 'start');
    return node;
  }

  #onMembershipEvent(observer: string, event: MembershipEvent): void {
    this.#trace.event(observer, event);
    try {
      this.emit('event', observer, event);
    } catch (error) {
      // Thrown here, the error would be caught by the Memberlist, like errors of its own listeners.
      this.#driver.fail(error as Error);
    }
  }

  // A node continues after an internal error; a test must not.
  #onInternalError(node: string, error: Error): void {
    this.#internalErrors.push({ node, error });
    this.#driver.fail(error);
  }
}

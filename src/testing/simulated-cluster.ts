/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A whole cluster in one process, in virtual time, decided by a seed. It runs the production
// Memberlist; clock, randomness and transport are exchanged, and nothing else.

import { EventEmitter } from 'node:events';
import type { Clock } from '../core/ports.js';
import type { MembershipEvent } from '../core/membership/events.js';
import { ConfigError } from '../errors.js';
import type { Memberlist } from '../memberlist.js';
import type { WaitOptions } from '../node/operation-options.js';
import type { NodeSeams } from '../node/seams.js';
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
/** So many join at a time, in `joinAll`: half of what one node lets in. */
const joinsAtOnce = 64;
/** Who cannot join tries again after a second, as a service does whose network is bad; so often. */
const joinAttempts = 5;
const retryJoinMs = 1_000;

/**
 * A cluster in virtual time. Time passes while `run`, `runUntil`, `joinAll`, `leave` or a joining
 * `restart` or `addNode` is awaited, and stands still otherwise. Everything that happens in one run
 * of a seed happens in every run of it, as long as nothing waits for the real world.
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
 * `node(name).config.clock` is the clock of that node, for services that are to stall with it.
 */
export class SimulatedCluster
  extends EventEmitter<SimulatedClusterEvents>
  implements AsyncDisposable
{
  /** What decides this run. */
  readonly seed: number | string;
  /** The common clock, for timers of your own. Only the cluster advances it. */
  readonly clock: Clock;
  /** What the nodes talk through. */
  readonly network: MemoryNetwork;
  readonly #options: SimulatedClusterOptions;
  readonly #seamsOf: SeamsOf;
  readonly #clock = new VirtualClock();
  readonly #driver = new Driver(this.#clock);
  readonly #random: SeededRandom;
  readonly #trace: Trace;
  readonly #nodes = new Map<string, SimulatedNode>();
  readonly #byAddr = new Map<string, SimulatedNode>();
  readonly #indices = new Map<string, number>();
  readonly #lives = new Map<string, number>();
  readonly #internalErrors: { readonly node: string; readonly error: Error }[] = [];
  #timersLeft = 0;
  #hasJoined = false;
  /** Whose list disagreed when `converged` last looked, and when that was. */
  #dissent: { readonly node: SimulatedNode; readonly changes: number } | undefined;
  #runningNodes: readonly SimulatedNode[] = [];
  #runningNames: ReadonlySet<string> = new Set();
  #runningAsOf = -1;

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
    this.#trace = new Trace({
      now: () => this.#clock.now(),
      keep: traceLength,
      // A sender that is no node of the cluster encrypts if the node that it sends to does.
      isSealed: (from, to) => (this.#byAddr.get(from) ?? this.#byAddr.get(to))?.isSealed === true,
    });
    this.network.tapWith(this.#trace);
  }

  /**
   * Starts nodes `n0` to `n<size − 1>`, each a cluster of its own until it joins.
   *
   * @throws RangeError for a size, a turn, a trace or a network that cannot be; ConfigError of the nodes.
   */
  static create(options: SimulatedClusterOptions): Promise<SimulatedCluster> {
    return SimulatedCluster.createWith(options, () => ({}));
  }

  /** @internal Starts a cluster whose nodes have some of their parts replaced. */
  static async createWith(
    options: SimulatedClusterOptions,
    seamsOf: SeamsOf,
  ): Promise<SimulatedCluster> {
    const { size } = options;
    if (!Number.isInteger(size) || size < 0) {
      throw new RangeError(`size must be a whole number, 0 or more; not ${size}`);
    }
    const { traceLength = 0, turnMs = 0 } = options;
    if (!(Number.isInteger(traceLength) || traceLength === Infinity) || traceLength < 0) {
      throw new RangeError(`traceLength must be a whole number or infinite; not ${traceLength}`);
    }
    if (!(turnMs >= 0 && turnMs < Infinity)) {
      throw new RangeError(`turnMs must be a number, 0 or more; not ${turnMs}`);
    }
    checkExtensions(options.config);
    const cluster = new SimulatedCluster(options, seamsOf);
    for (let i = 0; i < size; i++) await cluster.#start(`n${i}`, {});
    return cluster;
  }

  /** Virtual milliseconds since the cluster was made. */
  get now(): number {
    return this.#clock.now();
  }

  /** The names of the nodes that run, in the order in which they first came. */
  names(): string[] {
    return this.#running().map(({ name }) => name);
  }

  /**
   * A node: the running one of that name, else the last one that was.
   *
   * @throws RangeError when there was none.
   */
  node(name: string): Memberlist {
    return this.#known(name).list;
  }

  /**
   * Lets all nodes join through one, 64 at a time. Who cannot tries four times more, a second apart.
   *
   * @param options.through - `n0` by default
   * @throws AggregateError with what kept nodes from joining, once all others have.
   */
  async joinAll(options: { readonly through?: string | undefined } = {}): Promise<void> {
    const { through = 'n0' } = options;
    const { seed } = this.#alive(through);
    this.#hasJoined = true;
    const waiting = this.#running().filter(({ name }) => name !== through);
    const errors: unknown[] = [];
    const work = async (): Promise<void> => {
      for (let node = waiting.shift(); node !== undefined; node = waiting.shift()) {
        await this.#join(node, seed).catch((error: unknown) => errors.push(error));
      }
    };
    const all = Promise.all(Array.from({ length: joinsAtOnce }, work));
    await this.#driver.during(all, 'joinAll');
    if (errors.length > 0) throw new AggregateError(errors, `${errors.length} could not join`);
  }

  /** Lets time pass. @throws what a listener of `event`, a timer's callback, or the library inside itself throws. */
  run(ms: number): Promise<void> {
    return this.#driver.run(ms);
  }

  /**
   * Lets time pass until something holds. It is looked at whenever all is done that happens at one
   * time.
   *
   * @param options.timeout - virtual milliseconds; 60,000 by default
   * @returns the virtual milliseconds that it took
   * @throws TimeoutError; what `holds` throws; what `run` throws
   */
  async runUntil(
    holds: () => boolean,
    options: { readonly timeout?: number | undefined } = {},
  ): Promise<number> {
    const startedAt = this.now;
    const what = `runUntil (seed ${this.seed}, from ${startedAt} ms on)`;
    await this.#driver.until(holds, options.timeout ?? defaultTimeoutMs, what);
    return this.now - startedAt;
  }

  /**
   * Lets time pass until a promise is settled, and gives what it gives: to await what a node does, as
   * in `await cluster.during(cluster.node('n0').updateNode())`. Awaited without this, it waits for
   * time that does not pass.
   *
   * @throws Error when nothing is left that could happen.
   */
  during<T>(promise: Promise<T>): Promise<T> {
    return this.#driver.during(promise, 'a promise');
  }

  /** Every running node lists exactly the running nodes as members, all alive. */
  converged(): boolean {
    // Nobody changes their mind without an event; a no stays a no until there is one.
    const changes = this.#trace.recorded + this.network.changes;
    if (this.#dissent?.changes === changes) return false;
    const running = this.#running();
    const names = this.#runningNames;
    const agrees = ({ list }: SimulatedNode): boolean =>
      list.numMembers === names.size &&
      list.members().every(({ name, state }) => state === 'alive' && names.has(name));
    // Who disagreed the last time is asked first.
    const last = this.#dissent?.node;
    const isStill = last?.isRunning === true && !agrees(last);
    const node = isStill ? last : running.find((each) => !agrees(each));
    this.#dissent = node && { node, changes };
    return node === undefined;
  }

  /**
   * Starts one more node.
   *
   * @param name - what it is called here; `config.name` may differ, for two nodes of one name
   * @throws Error when it runs already; JoinError, with the node running.
   */
  async addNode(name: string, options: AddNodeOptions = {}): Promise<Memberlist> {
    if (this.#nodes.get(name)?.isRunning === true) throw new Error(`${name} is running`);
    const node = await this.#driver.hold(this.#start(name, options));
    const first = this.#running().find((other) => other !== node);
    const mayJoin = options.join ?? this.#hasJoined;
    if (mayJoin && first) await this.#driver.during(this.#join(node, first.seed), `${name}.join`);
    return node.list;
  }

  /**
   * Ends a node's process, without warning. Its streams break and dialling it is refused, unless it
   * is silent: then its machine is gone as well, and nobody is told anything.
   */
  crash(name: string, options: { readonly silent?: boolean | undefined } = {}): void {
    const node = this.#alive(name);
    if (options.silent === true) {
      this.network.darken(node.transport.addr);
      node.transport.vanish();
    }
    node.kill();
    this.#trace.life(name, 'crash');
  }

  /**
   * Starts a node again that crashed or left, with an empty memory: by default under the same name at
   * the same address.
   *
   * @throws Error when it runs; JoinError, with the node running.
   */
  async restart(name: string, options: RestartOptions = {}): Promise<Memberlist> {
    const before = this.#known(name);
    if (before.isRunning) throw new Error(`${name} is running`);
    const { name: newName = name, addr = before.transport.addr, ...others } = options;
    return this.addNode(newName, { ...others, addr });
  }

  /**
   * Lets a node leave in good order, then ends it.
   *
   * @param options - as for `Memberlist.leave`
   * @throws TimeoutError when the others could not be told in time; the node has ended all the same.
   */
  async leave(name: string, options?: WaitOptions): Promise<void> {
    const node = this.#alive(name);
    try {
      await this.#driver.during(node.list.leave(options), `${name}.leave`);
    } finally {
      if (node.isRunning) {
        node.kill();
        this.#trace.life(name, 'leave');
      }
    }
  }

  /**
   * Holds up what a node sends and what it is sent, for so many milliseconds; then all of it goes
   * its way, in order. The node's timers run on.
   */
  block(name: string, ms: number): void {
    this.#alive(name).block(checkDuration(ms));
  }

  /**
   * Stalls a node's event loop for so many milliseconds. Afterwards its timers fire, late; then it
   * reads what has come in the meantime; then come callbacks for the end of the turn.
   */
  freeze(name: string, ms: number): void {
    this.#alive(name).freeze(checkDuration(ms));
  }

  /**
   * Lets a node's clock jump forward, as after its machine's sleep: what is due by then fires late.
   */
  jump(name: string, ms: number): void {
    this.#alive(name).clock.jump(checkDuration(ms));
  }

  /**
   * Lets only nodes of the same group hear each other. Who is in no group hears everybody.
   *
   * @param options.oneWay - earlier groups are still heard by later ones, but do not hear them
   */
  partition(
    groups: readonly (readonly string[])[],
    options: { readonly oneWay?: boolean | undefined } = {},
  ): void {
    this.network.partition(groups, options);
  }

  /** Undoes partitions and what is wrong with single links; their latency and bandwidth stay. */
  heal(): void {
    this.network.heal();
  }

  /** Changes what the link from one node to another is like; the opposite one stays as it is. */
  link(from: string, to: string, changes: LinkChanges): void {
    this.network.link(from, to, changes);
  }

  /** Breaks all streams that a node has open. */
  breakStreams(name: string): void {
    this.#alive(name).transport.breakStreams();
  }

  /** What was sent so far: in total, and by each node. */
  stats(): NetworkStats {
    return this.network.stats();
  }

  /** The last events of all nodes, oldest first. */
  trace(): TraceEntry[] {
    return this.#trace.entries();
  }

  /**
   * A hash of everything that happened so far: every event, and every packet and piece of a stream
   * with its time, its way and its bytes (only its length where it is encrypted). The same seed gives
   * the same digest on any machine.
   */
  digest(): string {
    return this.#trace.digest();
  }

  /**
   * Exceptions inside the library that its nodes caught, oldest first. Each also ends the `run` that is under way, or
   * else the next one, with that error.
   */
  get internalErrors(): readonly { readonly node: string; readonly error: Error }[] {
    return this.#internalErrors;
  }

  /**
   * Timers on clocks of nodes that were still set when the node had ended. 0, unless something leaks:
   * in this library, or in a service that uses its node's clock.
   */
  get timersLeft(): number {
    let count = this.#timersLeft;
    for (const node of this.#nodes.values()) count += node.timersLeft;
    return count;
  }

  /**
   * Ends all nodes, and forgets what is still under way.
   *
   * @throws what no `run` has thrown yet: an exception inside the library, or of a listener of `event`
   */
  async close(): Promise<void> {
    const running = this.#running();
    await Promise.all(running.map(({ list }) => list.shutdown()));
    await this.#driver.settle();
    for (const node of running) node.bury();
    this.#clock.clear();
    this.#driver.throwFailure();
  }

  /** `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #start(name: string, { config, addr }: AddNodeOptions): Promise<SimulatedNode> {
    const index = this.#indices.get(name) ?? this.#indices.size;
    this.#indices.set(name, index);
    const life = (this.#lives.get(name) ?? 0) + 1;
    this.#lives.set(name, life);
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
          internalError: (error) => this.#failed(name, error),
          ...this.#seamsOf(name, index),
        },
      },
    );
    this.#timersLeft += this.#nodes.get(name)?.timersLeft ?? 0;
    this.#nodes.set(name, node);
    this.#runningAsOf = -1;
    this.#byAddr.set(node.transport.addr, node);
    this.#trace.life(name, 'start');
    return node;
  }

  async #join(node: SimulatedNode, seed: string): Promise<void> {
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

  #onMembershipEvent(observer: string, event: MembershipEvent): void {
    this.#trace.event(observer, event);
    try {
      this.emit('event', observer, event);
    } catch (error) {
      // The Memberlist would catch it, as it does with its own listeners' errors.
      this.#driver.fail(error as Error);
    }
  }

  // A node goes on after it; a test must not.
  #failed(node: string, error: Error): void {
    this.#internalErrors.push({ node, error });
    this.#driver.fail(error);
  }

  /** Who runs; found out anew only when somebody started or ended, in whatever way. */
  #running(): readonly SimulatedNode[] {
    if (this.#runningAsOf !== this.network.changes) {
      this.#runningAsOf = this.network.changes;
      this.#runningNodes = [...this.#nodes.values()].filter(({ isRunning }) => isRunning);
      this.#runningNames = new Set(this.#runningNodes.map(({ list }) => list.config.name));
    }
    return this.#runningNodes;
  }

  #known(name: string): SimulatedNode {
    const node = this.#nodes.get(name);
    if (node === undefined) throw new RangeError(`no node is called "${name}"`);
    return node;
  }

  #alive(name: string): SimulatedNode {
    const node = this.#known(name);
    if (!node.isRunning) throw new Error(`${name} is not running`);
    return node;
  }
}

function checkDuration(ms: number): number {
  if (Number.isFinite(ms) && ms >= 0) return ms;
  throw new RangeError(`a duration must be 0 ms or more, not ${ms}`);
}

/** @throws ConfigError when all nodes would share the same extensions */
function checkExtensions(config: SimulatedClusterOptions['config']): void {
  if (typeof config !== 'object' || !Array.isArray(config.use) || config.use.length === 0) return;
  const rule = 'must be a function that makes extensions here, as each node needs its own';
  throw new ConfigError([{ field: 'config.use', value: config.use, rule }]);
}

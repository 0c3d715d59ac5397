/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A task that runs on one member of the cluster.
import {
  ConfigError,
  type Memberlist,
  type ServiceContext,
  type SingletonStopReason,
  type Timer,
} from '../index.js';
import { Candidates } from './candidates.js';
import { check, checkList, rules } from './check.js';
import { Listeners } from './listeners.js';
import { SingletonMeters } from './meters.js';
import {
  singletonSettings,
  type SingletonOptions,
  type SingletonSettings,
} from './singleton-options.js';
import { SingletonRun, type RunEnd, type SingletonTask } from './singleton-run.js';
import type { Singleton, SingletonEvents, SingletonState } from './singleton-types.js';
import { RendezvousTable } from './table.js';
import type { Hash64 } from './hash.js';

/**
 * Runs a task on one member of the cluster: on the owner of its name by rendezvous hashing over the members that are
 * alive or suspect. All members that pass `filter` must call this with the same name and options. When ownership moves,
 * the task is aborted at once, and started on the new owner when its member list has not changed for `settle`.
 *
 * Members may disagree, as in a partition or before a failure is detected: then the task may run twice, or not at all,
 * for a while. A `lease` prevents the former. docs/RING.md has the measured distributions.
 *
 * ```ts
 * const mailer = runSingleton(list, 'mailer', async (signal) => {
 *   while (!signal.aborted) await sendNextMail({ signal });
 * });
 * ```
 *
 * On `leave` of the node the task is aborted, and the leave waits for its end. On `shutdown` without a leave it is
 * aborted, and nothing waits.
 *
 * @param task - called with a signal that is aborted with a {@link SingletonStoppedError}. What it throws then is ignored.
 *   When it returns or throws earlier, it is called again after a pause (`restart`, `retry`)
 * @throws ConfigError for wrong arguments, or a name that a singleton of this node has already; ShutdownError
 */
export function runSingleton(
  list: Memberlist,
  name: string,
  task: SingletonTask,
  options: SingletonOptions = {},
): Singleton {
  checkList(list, 'runSingleton');
  check('name', name, rules.name);
  check('task', task, rules.callback);
  const used = names.get(list) ?? new Set();
  if (used.has(name)) {
    const rule =
      'this node has a singleton with this name already; await its stop(), or choose another name';
    throw new ConfigError([{ field: 'name', value: name, rule }]);
  }
  const singleton = new MemberSingleton(list, { name, task, options });
  names.set(list, used.add(name));
  return singleton;
}

/** The names of the singletons of each node: a second one would run the task twice on the same node. */
const names = new WeakMap<Memberlist, Set<string>>();

class MemberSingleton implements Singleton {
  readonly name: string;
  readonly #list: Memberlist;
  readonly #task: SingletonTask;
  readonly #settings: SingletonSettings;
  readonly #candidates: Candidates;
  readonly #context: ServiceContext;
  readonly #listeners: Listeners<SingletonEvents>;
  readonly #meters: SingletonMeters;
  readonly #seeds = new Map<string, Hash64>();
  #owner: string | undefined;
  #isOwnerStale = true;
  #run: SingletonRun | undefined;
  #whenEnded: Promise<void> = Promise.resolve();
  #evaluation: Timer | undefined;
  #pause: Timer | undefined;
  #failures = 0;
  #isDone = false;
  /** Set for good by `stop` and a shutdown, and until it comes back by a leave. */
  #end: 'stopped' | 'shutdown' | 'leave' | undefined;

  constructor(
    list: Memberlist,
    init: { name: string; task: SingletonTask; options: SingletonOptions },
  ) {
    this.name = init.name;
    this.#list = list;
    this.#task = init.task;
    this.#settings = singletonSettings(list, init.options);
    const candidates = new Candidates(list, init.options, {
      changed: () => {
        this.#isOwnerStale = true;
        this.#evaluateSoon();
      },
      settled: () => {
        this.#isOwnerStale = true;
        this.#evaluate();
      },
    });
    this.#candidates = candidates;
    if (list.state !== 'running') this.#end = 'leave';
    this.#context = list.addService({
      name: `singleton ${init.name}`,
      metrics: 'singleton',
      changed: (event) => {
        if ('node' in event) candidates.memberChanged(event.node);
        this.#evaluateSoon();
      },
      updated: () => candidates.selfChanged(),
      leaving: () => this.#leaves(),
      resumed: () => this.#returns(),
      stopped: () => this.#finish('shutdown'),
    });
    this.#listeners = new Listeners(this.#context.reportError);
    this.#meters = new SingletonMeters(this.#context.metrics, () => this.running);
    candidates.start(this.#context);
  }

  get state(): SingletonState {
    if (this.#run !== undefined) {
      if (this.#run.reason !== undefined) return 'stopping';
      return this.#run.isTaskRunning ? 'running' : 'acquiring';
    }
    if (this.#end === 'stopped' || this.#end === 'shutdown') return 'stopped';
    if (this.#pause !== undefined) return 'pausing';
    return this.#isDone ? 'done' : 'waiting';
  }

  get running(): boolean {
    return this.#run?.isTaskRunning === true;
  }

  get owner(): string | undefined {
    if (this.#isOwnerStale) {
      this.#owner = new RendezvousTable(this.#candidates.list(), this.#seeds).owner(this.name);
      this.#isOwnerStale = false;
    }
    return this.#owner;
  }

  on<Name extends keyof SingletonEvents>(
    event: Name,
    listener: (event: SingletonEvents[Name]) => unknown,
  ): this {
    this.#listeners.add(event, listener);
    return this;
  }

  off<Name extends keyof SingletonEvents>(
    event: Name,
    listener: (event: SingletonEvents[Name]) => unknown,
  ): this {
    this.#listeners.remove(event, listener);
    return this;
  }

  stop(): Promise<void> {
    this.#finish('stopped');
    return this.#whenEnded;
  }

  #leaves(): Promise<void> {
    this.#end ??= 'leave';
    this.#candidates.selfLeaves();
    this.#evaluate();
    return this.#whenEnded;
  }

  #returns(): void {
    if (this.#end === 'leave') this.#end = undefined;
    this.#candidates.selfReturns();
    this.#evaluateSoon();
  }

  #finish(end: 'stopped' | 'shutdown'): void {
    if (this.#end === 'stopped' || this.#end === 'shutdown') return;
    this.#end = end;
    this.#evaluate();
    this.#candidates.stop();
    // While the task ends, its lease is renewed with the timers of this service.
    void this.#whenEnded.then(() => {
      names.get(this.#list)?.delete(this.name);
      this.#context.remove();
    });
  }

  /** A merge of member lists changes them one by one: only the result counts. */
  #evaluateSoon(): void {
    this.#evaluation ??= this.#context.clock.afterTurn(() => this.#evaluate());
  }

  #evaluate(): void {
    this.#evaluation?.cancel();
    this.#evaluation = undefined;
    const obstacle = this.#obstacle;
    if (obstacle !== undefined) {
      this.#run?.abort(obstacle);
      this.#pause?.cancel();
      this.#pause = undefined;
      this.#isDone = false;
      this.#failures = 0;
      return;
    }
    const isFree = this.#run === undefined && this.#pause === undefined && !this.#isDone;
    if (isFree && this.#candidates.isSettled) this.#start();
  }

  /** Why the task must not run here; undefined if it may. */
  get #obstacle(): SingletonStopReason | undefined {
    const { minMembers, stopInMinority } = this.#settings;
    if (this.#end !== undefined) return this.#end;
    if (stopInMinority && this.#isMinority) return 'minority';
    if (this.#candidates.size < minMembers) return 'too-few-members';
    return this.owner === this.#list.config.name ? undefined : 'moved';
  }

  /**
   * In a minority, or about to be: a suspect member may be on the other side of a partition. Suspicions that are over soon
   * cost a restart; waiting for their end would let the task run twice for all that time.
   */
  get #isMinority(): boolean {
    const list = this.#list;
    if (list.clusterHealth !== 'healthy') return true;
    const alive = list.members().filter(({ state }) => state === 'alive').length;
    return 2 * alive <= list.clusterSize.expected;
  }

  #start(): void {
    const { clock, random } = this.#context;
    const { name } = this;
    const digits = Array.from({ length: 4 }, () => Math.floor(random.next() * 2 ** 32));
    const unique = digits.map((each) => each.toString(16).padStart(8, '0')).join('');
    const run = new SingletonRun({
      ...{ name, clock, settings: this.#settings, task: this.#task },
      holder: `${this.#list.config.name} ${unique}`,
      started: () => this.#started(),
      ended: (end) => this.#ended(end),
      leaseFailed: (error) => this.#failed('lease', error),
    });
    this.#run = run;
    const startedAt = clock.now();
    this.#whenEnded = run.toEnd().then((end) => this.#runEnded(end, clock.now() - startedAt));
  }

  #started(): void {
    const { name } = this;
    this.#context.log.debug('the task starts');
    this.#meters.starts.inc();
    this.#listeners.emit('start', { name });
  }

  #ended(end: RunEnd): void {
    const { name } = this;
    const reason = end.how === 'aborted' ? end.reason : undefined;
    this.#context.log.debug('the task has ended', { reason: reason ?? end.how });
    if (end.how === 'threw') this.#failed('task', end.error);
    if (end.how === 'aborted') this.#meters.aborted(end.reason);
    this.#listeners.emit('stop', { name, reason });
  }

  #failed(source: 'task' | 'lease', error: unknown): void {
    this.#meters.failed[source].inc();
    // A store that does not answer is no mistake of the application, and the event is enough.
    if (source === 'task') this.#context.reportError('the task', error);
    else this.#context.log.debug('a call of the lease failed', { error });
    this.#listeners.emit('error', { name: this.name, source, error });
  }

  #runEnded(end: RunEnd, durationMs: number): void {
    const { restart, minRetryMs, maxRetryMs } = this.#settings;
    this.#run = undefined;
    if (end.how !== 'aborted') {
      this.#isDone = restart === 'never' || (restart === 'on-error' && end.how === 'returned');
      this.#failures = durationMs > maxRetryMs ? 1 : this.#failures + 1;
    }
    if (this.#end === undefined && end.how !== 'aborted' && !this.#isDone) {
      const pauseMs = Math.min(maxRetryMs, minRetryMs * 2 ** (this.#failures - 1));
      this.#pause = this.#context.clock.setTimer(pauseMs, () => {
        this.#pause = undefined;
        this.#evaluate();
      });
    }
    this.#evaluateSoon();
  }
}

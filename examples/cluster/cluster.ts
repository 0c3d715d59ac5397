/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// All node processes together: starts them, receives their reports, waits for expected reports, and makes sure
// that no process is left.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Place } from './addresses.js';
import { Journal, type Entry } from './journal.js';
import type { Report } from './messages.js';
import { NodeProcess } from './node-process.js';

const stopGraceMs = 1_000;

/** A node that runs or will be started. */
export interface NodePlan {
  readonly name: string;
  readonly place: Place;
  readonly meta: string;
}

export interface ClusterOptions {
  readonly plans: readonly NodePlan[];
  readonly onEntry: (entry: Entry) => void;
  /** Aborted when the user interrupts the example. */
  readonly signal: AbortSignal;
}

/** The node processes and what they reported. */
export class Cluster {
  readonly plans: readonly NodePlan[];
  readonly journal: Journal;
  readonly signal: AbortSignal;
  readonly #nodes = new Map<string, NodeProcess>();
  readonly #watchers = new Set<() => void>();
  #lastReportAt = 0;
  #failure: Error | undefined;

  constructor({ plans, onEntry, signal }: ClusterOptions) {
    this.plans = plans;
    this.signal = signal;
    this.journal = new Journal({ onEntry });
  }

  /** Starts a planned node's process. */
  start(name: string): NodeProcess {
    const plan = this.plans.find((candidate) => candidate.name === name);
    if (plan === undefined) throw new Error(`${name} is not planned`);
    const node = new NodeProcess({
      ...plan,
      onReport: (report, from) => this.#onReport(report, from),
      onExit: (from) => this.#onExit(from),
    });
    this.#nodes.set(name, node);
    this.journal.note(`${name} runs as process ${node.pid ?? 'none'}`, 'quiet');
    return node;
  }

  /** A node that was started. */
  node(name: string): NodeProcess {
    const node = this.#nodes.get(name);
    if (node === undefined) throw new Error(`${name} was not started`);
    return node;
  }

  /** A node, if it was started. */
  find(name: string): NodeProcess | undefined {
    return this.#nodes.get(name);
  }

  /** All nodes that were started. */
  get nodes(): NodeProcess[] {
    return [...this.#nodes.values()];
  }

  /** Nodes that run and have not left. */
  get observers(): NodeProcess[] {
    return this.nodes.filter((node) => node.isObserver);
  }

  /** Nodes that run, or ran until all were stopped. */
  get observersUntilStop(): NodeProcess[] {
    return this.nodes.filter((node) => node.isObserverUntilStop);
  }

  /**
   * Waits until nothing is missing.
   *
   * @param missing - describes what is not as expected yet; called after every report
   * @returns the time of the last report that was needed
   */
  until(missing: () => string[], timeoutMs: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const finish = (conclude: () => void): void => {
        this.#watchers.delete(check);
        clearTimeout(timer);
        conclude();
      };
      const check = (): void => {
        const failure = this.signal.aborted ? new Error('interrupted') : this.#failure;
        if (failure !== undefined) finish(() => reject(failure));
        else if (missing().length === 0) finish(() => resolve(this.#lastReportAt));
      };
      const timer = setTimeout(() => {
        const seconds = (timeoutMs / 1_000).toFixed(1);
        finish(() => reject(new Error(`not within ${seconds} s: ${missing().join('; ')}`)));
      }, timeoutMs);
      this.#watchers.add(check);
      check();
    });
  }

  /**
   * Stops all nodes, and kills those with SIGKILL that still run after a second.
   *
   * @returns a description of each node that did not end by itself and without an error
   */
  async stop(): Promise<string[]> {
    const running = this.nodes.filter((node) => !node.hasExited);
    for (const node of running) {
      if (node.phase === 'starting') node.kill();
      else node.send({ type: 'shutdown' });
    }
    const allEnded = Promise.all(running.map((node) => node.ended));
    const grace = new AbortController();
    await Promise.race([allEnded, sleep(stopGraceMs, undefined, { signal: grace.signal })]);
    grace.abort();

    const late = running.filter((node) => !node.hasExited);
    for (const node of late) node.kill();
    await allEnded;
    return running.filter((node) => !node.endedCleanly).map((node) => node.ending);
  }

  /** Kills all processes that still run. */
  killAll(): void {
    for (const node of this.nodes) {
      if (!node.hasExited) node.kill();
    }
  }

  #onReport(report: Report, from: NodeProcess): void {
    this.#lastReportAt = Math.max(this.#lastReportAt, report.at);
    this.journal.addReport(from.name, report);
    if (report.type === 'failed') this.#fail(`${from.name}: ${report.message}`);
    this.#check();
  }

  #onExit(node: NodeProcess): void {
    if (node.phase === 'crashed') this.#fail(node.ending);
    this.#check();
  }

  #fail(message: string): void {
    this.#failure ??= new Error(message);
  }

  #check(): void {
    for (const check of [...this.#watchers]) check();
  }
}

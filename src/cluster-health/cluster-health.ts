/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Watches the size of the cluster as this node sees it: reports when the node is isolated or in a minority, when the
// expected size is restored, and which members fail again and again.
import type { ResolvedConfig } from '../config/options.js';
import { Flapping } from './flapping.js';
import { Isolation, type ClusterSize } from './isolation.js';
import type { Counters } from '../core/counters.js';
import type { MembershipEvent } from '../core/membership/events.js';
import type { Timer } from '../core/ports.js';
import type { ClusterHealthEvent } from './events.js';
import type { Report } from '../core/reports.js';

/** What monitoring needs of the node. */
export interface MonitorComponents {
  readonly config: ResolvedConfig;
  readonly counters: Counters;
  readonly report: (report: Report) => void;
  readonly notify: (event: ClusterHealthEvent) => void;
  /** How many members are alive or suspect, this node included. */
  readonly members: () => number;
}

/** Monitors the health of the cluster for one node. */
export class ClusterHealthMonitor {
  readonly #components: MonitorComponents;
  readonly #flapping: Flapping;
  #isolation: Isolation | undefined;
  #isIsolated = false;
  #afterMerge: Timer | undefined;
  #nextEvaluation: Timer | undefined;

  constructor(components: MonitorComponents) {
    this.#components = components;
    this.#flapping = new Flapping(components.config);
  }

  /** Starts. A node that has just started may be alone for a while without being isolated. */
  start(): void {
    const { clock, expectedMembers: expected } = this.#components.config;
    this.#isolation = new Isolation({ expected, now: clock.now() });
    this.#evaluate();
  }

  /** Reports nothing until `start`. */
  stop(): void {
    this.#isolation = undefined;
    this.#afterMerge?.cancel();
    this.#nextEvaluation?.cancel();
    this.#afterMerge = this.#nextEvaluation = undefined;
  }

  /** No packet can be sent and no member answers: then the members in the table do not count. */
  isolationChanged(isIsolated: boolean): void {
    this.#isIsolated = isIsolated;
    this.#evaluate();
  }

  get health(): Isolation['health'] {
    return this.#isolation?.health ?? 'healthy';
  }

  get size(): ClusterSize {
    return this.#isolation?.size ?? { members: this.#components.members(), expected: 1 };
  }

  onMembershipEvent(event: MembershipEvent): void {
    if (this.#isolation === undefined) return;
    if (event.type !== 'join' && event.type !== 'leave') return;
    if (event.type === 'leave' && event.reason === 'left') this.#isolation.left();
    if (event.type === 'leave' && event.reason === 'failed') this.#failed(event);
    // A push/pull merges its table member by member: only the size at the end counts.
    this.#afterMerge ??= this.#components.config.clock.afterTurn(() => {
      this.#afterMerge = undefined;
      this.#evaluate();
    });
  }

  #failed({ node }: MembershipEvent & { type: 'leave' }): void {
    const { counters, report, notify } = this.#components;
    const count = this.#flapping.failed(node.name);
    if (count === undefined) return;
    counters.flapping++;
    report({ code: 'flapping', peer: node.name, count });
    notify({ type: 'flapping', node, count });
  }

  #evaluate(): void {
    const isolation = this.#isolation;
    if (isolation === undefined) return;
    const { config, counters, report, notify, members } = this.#components;
    const { clock } = config;
    const health = isolation.evaluate(this.#isIsolated ? 1 : members(), clock.now());
    this.#nextEvaluation?.cancel();
    const { nextEvaluationAt, size } = isolation;
    this.#nextEvaluation =
      nextEvaluationAt === undefined
        ? undefined
        : clock.setTimer(nextEvaluationAt - clock.now(), () => this.#evaluate());
    if (health === undefined) return;
    if (health === 'healthy') counters.recoveries++;
    const type = health === 'healthy' ? 'quorum-restored' : health;
    report({ code: type, ...size });
    notify({ type, ...size });
  }
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Says when this node is in trouble with its company: alone, in a minority, well again; and whose
// failures are too many.
import type { ResolvedConfig } from '../config/options.js';
import { Flapping } from './flapping.js';
import { Isolation, type ClusterSize } from './isolation.js';
import type { Counters } from '../core/counters.js';
import type { MembershipEvent } from '../core/membership/events.js';
import type { Timer } from '../core/ports.js';
import type { ClusterHealthEvent } from './events.js';
import type { Report } from '../core/reports.js';

/** What the watch sees and says. */
export interface WatchComponents {
  readonly config: ResolvedConfig;
  readonly counters: Counters;
  readonly report: (report: Report) => void;
  readonly notify: (event: ClusterHealthEvent) => void;
  /** How many members there are, ourselves included. */
  readonly members: () => number;
}

/** Watches the company of one node. */
export class HealthWatch {
  readonly #components: WatchComponents;
  readonly #flapping: Flapping;
  #isolation: Isolation | undefined;
  #isCutOff = false;
  #soon: Timer | undefined;
  #later: Timer | undefined;

  constructor(components: WatchComponents) {
    this.#components = components;
    this.#flapping = new Flapping(components.config);
  }

  /** Begins; at first it is no trouble to be alone. */
  start(): void {
    const { clock, expectedMembers: expected } = this.#components.config;
    this.#isolation = new Isolation({ expected, now: clock.now() });
    this.#look();
  }

  /** Says nothing any more, until `start`. */
  stop(): void {
    this.#isolation = undefined;
    this.#soon?.cancel();
    this.#later?.cancel();
    this.#soon = this.#later = undefined;
  }

  /** Nothing can be sent and nobody answers: whoever is still in the table is not there for us. */
  cutOff(isCutOff: boolean): void {
    this.#isCutOff = isCutOff;
    this.#look();
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
    // A table is merged member by member: what counts is what there is at the end.
    this.#soon ??= this.#components.config.clock.afterTurn(() => {
      this.#soon = undefined;
      this.#look();
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

  #look(): void {
    const isolation = this.#isolation;
    if (isolation === undefined) return;
    const { config, counters, report, notify, members } = this.#components;
    const { clock } = config;
    const health = isolation.look(this.#isCutOff ? 1 : members(), clock.now());
    this.#later?.cancel();
    const { nextLookAt, size } = isolation;
    this.#later =
      nextLookAt === undefined
        ? undefined
        : clock.setTimer(nextLookAt - clock.now(), () => this.#look());
    if (health === undefined) return;
    if (health === 'healthy') counters.recoveries++;
    const type = health === 'healthy' ? 'quorum-restored' : health;
    report({ code: type, ...size });
    notify({ type, ...size });
  }
}

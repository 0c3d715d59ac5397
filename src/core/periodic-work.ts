/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Everything that a node does without being asked: probes, gossip, push/pull, also the additional ones after a join,
// and the detection of stalls.
import type { CoreContext } from './context.js';
import type { TransmitLimitedQueue } from './gossip/broadcast-queue.js';
import { gossipRound } from './gossip/gossip-round.js';
import type { Outbox } from './gossip/piggyback.js';
import { Settling } from './gossip/settling.js';
import { pushPullScale } from './lifeguard/formulas.js';
import type { LocalHealth } from './lifeguard/local-health.js';
import type { PeriodicLoop } from './lifeguard/rules.js';
import type { LocalNode } from './local-node.js';
import type { Member } from './member.js';
import type { MemberTable } from './member-table.js';
import { pickPeers } from './peer-choice.js';
import type { Prober } from './probe/prober.js';
import type { VerifiedMembers } from './probe/verified-members.js';
import type { Report } from './reports.js';
import { Scheduler, type SchedulerInit } from './scheduler.js';
import { StallWatch } from './stall-watch.js';

/** Dependencies of {@link PeriodicWork}. */
export interface PeriodicWorkComponents {
  readonly context: CoreContext;
  readonly self: LocalNode;
  readonly table: MemberTable;
  readonly queue: TransmitLimitedQueue;
  readonly outbox: Outbox;
  readonly health: LocalHealth;
  readonly verified: VerifiedMembers;
  readonly prober: Prober;
}

/** The schedulers of a node. */
export class PeriodicWork {
  readonly probe: Scheduler;
  readonly gossip: Scheduler;
  /** The additional push/pulls after a join. */
  readonly settling: Settling;
  readonly #components: PeriodicWorkComponents;
  readonly #stalls: StallWatch;
  readonly #schedulers: readonly Scheduler[];

  constructor(components: PeriodicWorkComponents) {
    const { context, outbox, queue } = components;
    const { clock, random, counters, effects, settings } = context;
    this.#components = components;
    const report = (each: Report): void => effects.report(each);
    this.#stalls = new StallWatch({ clock, counters, report }, { fromMs: settings.probeTimeout });
    const untilMs = (): number => this.#pushPullMs();
    const pushPull = (): void => this.#pushPullWithRandomPeer();
    const isHealthy = (): boolean => components.health.score === 0;
    this.settling = new Settling({ clock, random }, { untilMs, isHealthy, pushPull });
    this.probe = this.#every('probe', {
      intervalMs: () => this.#probeMs,
      tick: () => this.#probe(),
    });
    this.gossip = this.#every('gossip', {
      intervalMs: () => settings.gossipInterval,
      tick: () => gossipRound(components),
      mayPause: () => settings.lifeguard.pausesIdleGossip && !outbox.mayHaveBroadcasts,
    });
    this.#schedulers = [
      this.probe,
      this.gossip,
      this.#every('push-pull', { intervalMs: untilMs, tick: pushPull }),
      this.#every('queue-check', {
        intervalMs: () => settings.queueCheckInterval,
        tick: () => effects.report({ code: 'queue-depth', depth: queue.numQueued }),
      }),
    ];
  }

  /** Starts all schedulers. Does nothing if they are running. */
  start(): void {
    for (const scheduler of this.#schedulers) scheduler.start();
  }

  /** Stops all schedulers, the detection of stalls and the additional push/pulls. They can be started again. */
  stop(): void {
    for (const scheduler of this.#schedulers) scheduler.stop();
    this.#stalls.stop();
    this.settling.stop();
  }

  /** The next probe comes a whole interval from now; stalls must be checked for until then. */
  restartProbeInterval(): void {
    this.probe.restartInterval();
    this.#stalls.watchUntilTick(this.#probeMs);
  }

  #every(loop: PeriodicLoop, { tick, ...init }: SchedulerInit): Scheduler {
    const { clock, random, settings } = this.#components.context;
    const { periodic } = settings.lifeguard;
    const { noteLateness } = this.#stalls;
    return new Scheduler({ clock, random }, { ...init, tick: periodic(tick, loop), noteLateness });
  }

  #probe(): void {
    this.#stalls.watchUntilTick(this.#probeMs);
    this.#components.prober.tick();
  }

  get #probeMs(): number {
    const { context, health } = this.#components;
    return health.scale(context.settings.probeInterval);
  }

  #pushPullMs(): number {
    const { context, verified } = this.#components;
    return context.settings.pushPullInterval * pushPullScale(verified.clusterSize);
  }

  #pushPullWithRandomPeer(): void {
    const { context, self, verified } = this.#components;
    const isPeer = ({ state, name }: Member): boolean => state === 'alive' && name !== self.name;
    const share = verified.isOutnumbered ? Math.round(context.random.next()) : 1;
    const [peer] = pickPeers(this.#components, { k: 1, share, test: isPeer });
    if (peer !== undefined) context.effects.pushPull(peer.destination);
  }
}

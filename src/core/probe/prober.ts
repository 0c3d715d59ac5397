/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Probes the members round-robin over a shuffled list, so that each is probed once per pass and the wait is bounded
// (SWIM, section 4.3). Members at whose address another name was claimed come first: a process that restarted under a
// new name replaced the old one, which is then declared dead early. While forged names outnumber the verified
// members, every other probe goes to a verified member. Of the remaining probes, at most every other one goes to such
// a claimed address, because any node that can gossip can forge such claims.
import type { Member } from '../member.js';
import { isAnswer, type ProbeOutcome } from '../counters.js';
import { ProbeRound, type ProbeComponents } from './probe-round.js';

/** Runs one probe round after another. */
export class Prober {
  readonly #components: ProbeComponents;
  readonly #restartInterval: () => void;
  #position = 0;
  /** Whether the last probe was of an overdue verified member. */
  #wasOverdue = false;
  /** Whether the last probe, not counting those of overdue members, was because of an address takeover. */
  #wasTakeoverProbe = false;
  /** Whether the last probe was because of an address takeover. */
  #isTakeoverProbe = false;
  #reapedAt = 0;
  #round: ProbeRound | undefined;
  #isTickPending = false;

  /** @param init.restartInterval - delays the scheduler's next tick until a whole interval from now */
  constructor(components: ProbeComponents, init: { restartInterval: () => void }) {
    this.#components = components;
    this.#restartInterval = init.restartInterval;
  }

  /**
   * The probe scheduler's tick. While a round is running the tick is skipped; if that round is about to end, the next
   * one begins right after it. (A failed round ends when the next tick is due, but timers are never exact: without
   * this tolerance many ticks would be lost.)
   */
  tick(): void {
    const { clock, settings } = this.#components.context;
    if (this.#round !== undefined) {
      this.#isTickPending = clock.now() >= this.#round.endsAt - settings.probeTimeout;
      return;
    }
    const target = this.#nextTarget();
    if (target === undefined) return;
    const wasTakeoverProbe = this.#isTakeoverProbe;
    const ended = (outcome: ProbeOutcome): void => {
      this.#recordOutcome(target, outcome, wasTakeoverProbe);
      this.#roundEnded(round);
    };
    this.#components.verified.beginRound(target);
    const round = new ProbeRound(this.#components, { target, ended });
    this.#round = round;
    round.start();
  }

  /** Ends a running round without a verdict. */
  stop(): void {
    const round = this.#round;
    this.#round = undefined;
    this.#isTickPending = false;
    round?.abandon();
  }

  #recordOutcome(target: Member, outcome: ProbeOutcome, wasTakeoverProbe: boolean): void {
    const { takeovers, verified } = this.#components;
    if (isAnswer(outcome)) {
      verified.probeAnswered(target, outcome === 'direct');
      if (wasTakeoverProbe) takeovers.holderAnswered(target.address);
    } else if (outcome === 'failed') verified.probeFailed(target);
  }

  #roundEnded(round: ProbeRound): void {
    if (this.#round !== round) return;
    this.#round = undefined;
    if (!this.#isTickPending) return;
    this.#isTickPending = false;
    this.#restartInterval();
    this.tick();
  }

  // The next member to probe; at the end of a pass, old dead members are reaped and the list is shuffled. Undefined
  // if a whole pass finds none.
  #nextTarget(): Member | undefined {
    const { takeovers, verified } = this.#components;
    this.#isTakeoverProbe = false;
    const overdue = this.#wasOverdue ? undefined : verified.overdue();
    this.#wasOverdue = overdue !== undefined;
    if (overdue !== undefined) return overdue;
    const recheck = this.#wasTakeoverProbe ? undefined : takeovers.next();
    this.#isTakeoverProbe = this.#wasTakeoverProbe = recheck !== undefined;
    return recheck ?? this.#nextInTurn();
  }

  #nextInTurn(): Member | undefined {
    const { table, self } = this.#components;
    if (this.#components.verified.isOutnumbered) this.#reapBetweenPasses();
    for (let hasWrapped = false; ;) {
      if (this.#position >= table.size) {
        if (hasWrapped) return undefined;
        hasWrapped = true;
        this.#reap();
        this.#components.takeovers.newPass();
        table.shuffle();
        this.#position = 0;
      }
      const member = table.at(this.#position++);
      if (member !== undefined && member.name !== self.name && !member.isGone) return member;
    }
  }

  #reap(): void {
    this.#reapedAt = this.#components.context.clock.now();
    this.#components.reaper.reap();
  }

  // A pass over a table of forged names may take a day, and their memory would be held for as long.
  #reapBetweenPasses(): void {
    const { clock, settings } = this.#components.context;
    if (clock.now() - this.#reapedAt >= settings.gossipToTheDeadTime) this.#reap();
  }
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Probes the members round-robin over a shuffled list, so that each is probed once per pass and the
// wait for it is bounded (SWIM, section 4.3). Those at whose address somebody else has turned up come
// first: with the same address under a new name, the old one need not wait for its turn to be found dead.
// While forged names outnumber the verified members, every other probe goes to a verified member. Of the remaining
// probes, at most every other one goes to a contested address, as any node that can gossip can forge such claims.
import type { Member } from '../member.js';
import { isAnswer, type ProbeOutcome } from '../counters.js';
import { ProbeRound, type ProbeComponents } from './probe-round.js';

/** Runs one probe round after another. */
export class Prober {
  readonly #components: ProbeComponents;
  readonly #ticksAnew: () => void;
  #position = 0;
  /** Whether the last probe was of a verified member that was overdue. */
  #wasOverdue = false;
  /** Whether the last probe but those was of a member whose address is contested. */
  #wasRecheck = false;
  /** Whether the last probe was of a member whose address is contested. */
  #isRecheck = false;
  #reapedAt = 0;
  #round: ProbeRound | undefined;
  #tickWaits = false;

  /** @param init.ticksAnew - lets the scheduler's next tick come a whole interval from now */
  constructor(components: ProbeComponents, init: { ticksAnew: () => void }) {
    this.#components = components;
    this.#ticksAnew = init.ticksAnew;
  }

  /**
   * The probe scheduler's tick. While a round is running the tick is skipped; when that round is
   * about to end, the next one begins right after it. (A failed round ends when the tick comes, but
   * timers are never quite on time: exactly then would lose many a tick.)
   */
  tick(): void {
    const { clock, settings } = this.#components.context;
    if (this.#round !== undefined) {
      this.#tickWaits = clock.now() >= this.#round.endsAt - settings.probeTimeout;
      return;
    }
    const target = this.#nextTarget();
    if (target === undefined) return;
    const wasContested = this.#isRecheck;
    const ended = (outcome: ProbeOutcome): void => {
      this.#learn(target, outcome, wasContested);
      this.#roundEnded(round);
    };
    this.#components.verified.beginRound(target);
    const round = new ProbeRound(this.#components, { target, ended });
    this.#round = round;
    round.start();
  }

  /** Ends a round that is running, without a verdict. */
  stop(): void {
    const round = this.#round;
    this.#round = undefined;
    this.#tickWaits = false;
    round?.abandon();
  }

  #learn(target: Member, outcome: ProbeOutcome, wasContested: boolean): void {
    const { contested, verified } = this.#components;
    if (isAnswer(outcome)) {
      verified.answered(target, outcome === 'direct');
      if (wasContested) contested.answered(target.address);
    } else if (outcome === 'failed') verified.silent(target);
  }

  #roundEnded(round: ProbeRound): void {
    if (this.#round !== round) return;
    this.#round = undefined;
    if (!this.#tickWaits) return;
    this.#tickWaits = false;
    this.#ticksAnew();
    this.tick();
  }

  // The next member that is to be probed; at the end of a pass the dead are reaped and the list is
  // shuffled. Undefined after a whole fruitless pass.
  #nextTarget(): Member | undefined {
    const { contested, verified } = this.#components;
    this.#isRecheck = false;
    const overdue = this.#wasOverdue ? undefined : verified.overdue();
    this.#wasOverdue = overdue !== undefined;
    if (overdue !== undefined) return overdue;
    const recheck = this.#wasRecheck ? undefined : contested.next();
    this.#isRecheck = this.#wasRecheck = recheck !== undefined;
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
        this.#components.contested.newPass();
        table.shuffle();
        this.#position = 0;
      }
      const member = table.at(this.#position++);
      if (member !== undefined && member.name !== self.name && !member.isGone) return member;
    }
  }

  #reap(): void {
    this.#reapedAt = this.#components.context.clock.now();
    this.#components.membership.reap();
  }

  // A pass over a table of made-up names may take a day, and memory would be held for as long.
  #reapBetweenPasses(): void {
    const { clock, settings } = this.#components.context;
    if (clock.now() - this.#reapedAt >= settings.gossipToTheDeadTime) this.#reap();
  }
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Probes the members round-robin over a shuffled list, so that each is probed once per pass and the
// wait for it is bounded (SWIM, section 4.3). Those at whose address somebody else has turned up come
// first: with the same address under a new name, the old one need not wait for its turn to be found dead.
// At most every other probe goes to them, as whoever can gossip can make up such claims.
import type { Member } from '../member.js';
import { isAnswer, type ProbeOutcome } from '../counters.js';
import { ProbeRound, type ProbeComponents } from './probe-round.js';

/** Runs one probe round after another. */
export class Prober {
  readonly #components: ProbeComponents;
  readonly #ticksAnew: () => void;
  #position = 0;
  /** Whether the last probe was of a member whose address is contested. */
  #hasRechecked = false;
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
    const wasContested = this.#hasRechecked;
    const ended = (outcome: ProbeOutcome): void => {
      if (wasContested && isAnswer(outcome)) this.#components.contested.answered(target.address);
      this.#roundEnded();
    };
    this.#round = new ProbeRound(this.#components, { target, ended });
    this.#round.start();
  }

  /** Ends a round that is running, without a verdict. */
  stop(): void {
    const round = this.#round;
    this.#round = undefined;
    this.#tickWaits = false;
    round?.abandon();
  }

  #roundEnded(): void {
    this.#round = undefined;
    if (!this.#tickWaits) return;
    this.#tickWaits = false;
    this.#ticksAnew();
    this.tick();
  }

  // The next member that is to be probed; at the end of a pass the dead are reaped and the list is
  // shuffled. Undefined after a whole fruitless pass.
  #nextTarget(): Member | undefined {
    const { table, self, membership, contested } = this.#components;
    const recheck = this.#hasRechecked ? undefined : contested.next();
    this.#hasRechecked = recheck !== undefined;
    if (recheck !== undefined) return recheck;
    for (let hasWrapped = false; ;) {
      if (this.#position >= table.size) {
        if (hasWrapped) return undefined;
        hasWrapped = true;
        membership.reap();
        contested.newPass();
        table.shuffle();
        this.#position = 0;
      }
      const member = table.at(this.#position++);
      if (member !== undefined && member.name !== self.name && !member.isGone) return member;
    }
  }
}

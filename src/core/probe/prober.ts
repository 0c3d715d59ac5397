/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Probes the members round-robin over a shuffled list, so that each is probed once per pass and the
// wait for it is bounded (SWIM, section 4.3). Those at whose address somebody else has turned up come
// first: with the same address under a new name, the old one need not wait for its turn to be found dead.
import type { Member } from '../member.js';
import { ProbeRound, type ProbeComponents } from './probe-round.js';

/** Runs one probe round after another. */
export class Prober {
  readonly #components: ProbeComponents;
  readonly #ticksAnew: () => void;
  #position = 0;
  /** Before all others. */
  #urgent: Member[] = [];
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
    const ended = (): void => this.#roundEnded(round);
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
    const { table, self, membership } = this.#components;
    this.#urgent.push(...membership.contested());
    for (let urgent = this.#urgent.shift(); urgent; urgent = this.#urgent.shift()) {
      if (!urgent.isGone && table.get(urgent.name) === urgent) return urgent;
    }
    for (let hasWrapped = false; ;) {
      if (this.#position >= table.size) {
        if (hasWrapped) return undefined;
        hasWrapped = true;
        membership.reap();
        table.shuffle();
        this.#position = 0;
      }
      const member = table.at(this.#position++);
      if (member !== undefined && member.name !== self.name && !member.isGone) return member;
    }
  }
}

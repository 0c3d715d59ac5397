/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// If packets to one address cannot be sent, that address is at fault: the helpers and the stream ping decide about
// its member. If no ping of a whole pass can be sent, this host is at fault (its firewall, a removed address): the
// health score rises, the fault is reported once, and when no member answers any more the node counts as isolated.
import { limits } from '../../wire/limits.js';
import type { CoreContext } from '../context.js';
import type { LocalNode } from '../local-node.js';
import type { MemberTable } from '../member-table.js';

/** Detects when packets cannot be sent any more, and when they can be sent again. */
export class SendWatch {
  readonly #context: CoreContext;
  readonly #self: LocalNode;
  readonly #table: MemberTable;
  /** Consecutive rounds whose ping could not be sent. */
  #failed = 0;
  /** How many of the latest of these rounds got no answer by any path. */
  #unanswered = 0;
  #isFaulty = false;
  #isIsolated = false;

  constructor(components: { context: CoreContext; self: LocalNode; table: MemberTable }) {
    this.#context = components.context;
    this.#self = components.self;
    this.#table = components.table;
  }

  /** Whether no ping of a whole pass could be sent, and none since. */
  get isFaulty(): boolean {
    return this.#isFaulty;
  }

  /** A packet was sent: its target or a helper answered, or no failure was reported until the round's end. */
  succeeded(): void {
    this.#failed = 0;
    this.#unanswered = 0;
    if (!this.#isFaulty) return;
    this.#isFaulty = false;
    this.#context.effects.report({ code: 'sends-recovered' });
    this.#notifyIsolation(false);
  }

  /** The ping of a round could not be sent, and the round is over. */
  failed(error: Error, isAnswered: boolean): void {
    this.#failed++;
    this.#unanswered = isAnswered ? 0 : this.#unanswered + 1;
    const pass = this.#roundsOfAPass();
    if (this.#failed < pass) return;
    if (!this.#isFaulty) {
      this.#isFaulty = true;
      this.#context.effects.report({ code: 'sends-failed', error });
    }
    this.#notifyIsolation(this.#unanswered >= pass);
  }

  #notifyIsolation(isIsolated: boolean): void {
    if (this.#isIsolated === isIsolated) return;
    this.#isIsolated = isIsolated;
    this.#context.effects.isolationChanged(isIsolated);
  }

  #roundsOfAPass(): number {
    const { name: ownName } = this.#self;
    const others = this.#table.count(({ name, isGone }) => !isGone && name !== ownName);
    return Math.min(Math.max(1, others), limits.failedSendsOfAPass);
  }
}

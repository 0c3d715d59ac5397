/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One address that cannot be sent to is the address's affair: the helpers and the stream ping decide about its
// bearer. When no ping of a whole pass can be sent, the fault is ours (a firewall on this host, an address that
// was taken away): we doubt ourselves, say so once, and once nobody answers any more we are cut off.
import { limits } from '../../wire/limits.js';
import type { CoreContext } from '../context.js';
import type { LocalNode } from '../local-node.js';
import type { MemberTable } from '../member-table.js';

/** Notices that nothing can be sent any more, and that it can be sent again. */
export class SendWatch {
  readonly #context: CoreContext;
  readonly #self: LocalNode;
  readonly #table: MemberTable;
  /** Rounds in a row whose ping could not be sent. */
  #failed = 0;
  /** How many of them, at the end, brought no answer by any route. */
  #silent = 0;
  #isFaulty = false;
  #isCutOff = false;

  constructor(components: { context: CoreContext; self: LocalNode; table: MemberTable }) {
    this.#context = components.context;
    this.#self = components.self;
    this.#table = components.table;
  }

  /** Whether no ping of a whole pass could be sent, and none has been since. */
  get isFaulty(): boolean {
    return this.#isFaulty;
  }

  /** A packet was sent: its target or a helper answered, or no failure was told until the round's end. */
  sent(): void {
    this.#failed = 0;
    this.#silent = 0;
    if (!this.#isFaulty) return;
    this.#isFaulty = false;
    this.#context.effects.report({ code: 'sends-recovered' });
    this.#tellCutOff(false);
  }

  /** The ping of a round could not be sent, and the round is over. */
  failed(error: Error, isAnswered: boolean): void {
    this.#failed++;
    this.#silent = isAnswered ? 0 : this.#silent + 1;
    const pass = this.#roundsOfAPass();
    if (this.#failed < pass) return;
    if (!this.#isFaulty) {
      this.#isFaulty = true;
      this.#context.effects.report({ code: 'sends-failed', error });
    }
    this.#tellCutOff(this.#silent >= pass);
  }

  #tellCutOff(isCutOff: boolean): void {
    if (this.#isCutOff === isCutOff) return;
    this.#isCutOff = isCutOff;
    this.#context.effects.cutOff(isCutOff);
  }

  #roundsOfAPass(): number {
    const { name: ownName } = this.#self;
    const others = this.#table.count(({ name, isGone }) => !isGone && name !== ownName);
    return Math.min(Math.max(1, others), limits.failedSendsOfAPass);
  }
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import type { CoreContext } from '../context.js';
import type { LocalNode } from '../local-node.js';
import type { Member } from '../member.js';
import type { MemberTable } from '../member-table.js';
import type { Forgotten } from './forgotten.js';

/** Removes members that are gone from the table. */
export class Reaper {
  readonly #context: CoreContext;
  readonly #self: LocalNode;
  readonly #table: MemberTable;
  readonly #forgotten: Forgotten;

  constructor(components: {
    context: CoreContext;
    self: LocalNode;
    table: MemberTable;
    forgotten: Forgotten;
  }) {
    this.#context = components.context;
    this.#self = components.self;
    this.#table = components.table;
    this.#forgotten = components.forgotten;
  }

  /** Removes members from the table that died or left long ago. */
  reap(): void {
    const { settings, clock, effects } = this.#context;
    const longAgo = clock.now() - settings.gossipToTheDeadTime;
    const isOver = (member: Member): boolean =>
      member.isGone && member.stateChangedAt < longAgo && member.name !== this.#self.name;
    for (const { name } of this.#table.removeIf(isOver)) {
      effects.report({ code: 'member-reaped', peer: name });
    }
  }

  /**
   * Removes a dead or left member from the table at once, at the user's request; it can only return if it answers a
   * ping. False if it is not gone.
   */
  forget(name: string): boolean {
    const member = this.#table.get(name);
    if (name === this.#self.name || member?.isGone === false) return false;
    this.#forgotten.add(name);
    for (const removed of this.#table.removeIf((each) => each === member)) {
      this.#context.effects.report({ code: 'member-reaped', peer: removed.name });
    }
    return true;
  }
}

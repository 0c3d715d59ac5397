/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A toy that chooses a leader: the lowest name among the members leads, once it has been the lowest for
// two seconds. It shows what gossip cannot promise: in a partition each side has a leader.

import type { Memberlist } from 'node-memberlist';

const waitMs = 2_000;

/** One node's part in it. */
export class Leadership {
  readonly #list: Memberlist;
  #timer: { cancel(): void } | undefined;
  #isLeading = false;

  constructor(list: Memberlist) {
    this.#list = list;
    list.on('join', this.#look).on('leave', this.#look);
    this.#look();
  }

  /** Whether this node takes itself for the leader. */
  get isLeading(): boolean {
    return this.#isLeading;
  }

  /** Leads no more, and looks no more. */
  stop(): void {
    this.#list.off('join', this.#look).off('leave', this.#look);
    this.#giveUp();
  }

  readonly #look = (): void => {
    const [lowest] = this.#list
      .members()
      .map(({ name }) => name)
      .sort();
    if (lowest !== this.#list.localNode.name) this.#giveUp();
    else this.#timer ??= this.#list.config.clock.setTimer(waitMs, () => (this.#isLeading = true));
  };

  #giveUp(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#isLeading = false;
  }
}

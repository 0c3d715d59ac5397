/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A toy leader election: the member with the lowest name leads once it has had the lowest name for two seconds. It
// shows a limit of gossip: in a partition each side has a leader.

import type { Memberlist } from 'node-memberlist';

const waitMs = 2_000;

/** The election, as one node sees it. */
export class Leadership {
  readonly #list: Memberlist;
  #timer: { cancel(): void } | undefined;
  #isLeading = false;

  constructor(list: Memberlist) {
    this.#list = list;
    list.on('join', this.#update).on('leave', this.#update);
    this.#update();
  }

  /** Whether this node considers itself the leader. */
  get isLeading(): boolean {
    return this.#isLeading;
  }

  /** Stops leading and listening. */
  stop(): void {
    this.#list.off('join', this.#update).off('leave', this.#update);
    this.#stepDown();
  }

  readonly #update = (): void => {
    const [lowest] = this.#list
      .members()
      .map(({ name }) => name)
      .sort();
    if (lowest !== this.#list.localNode.name) this.#stepDown();
    else this.#timer ??= this.#list.config.clock.setTimer(waitMs, () => (this.#isLeading = true));
  };

  #stepDown(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#isLeading = false;
  }
}

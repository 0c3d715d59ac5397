/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Sends this node's writes at once: those of one turn of the event loop together, to all peers, or in a large cluster to
// some, which forward them when they are new to them.
import type { Clock, Node } from '../index.js';
import { stateLimits } from './limits.js';
import { encodeDigests } from './messages.js';
import type { Meters } from './meters.js';
import { Packing } from './packing.js';
import type { Peers } from './peers.js';
import type { Store } from './store.js';

/** What pushes writes. */
export interface PushParts {
  readonly store: Store;
  readonly peers: Peers;
  readonly meters: Meters;
  readonly clock: Clock;
  /** Bytes of a packet. */
  readonly packetBudget: () => number;
}

/** The writes of one node. */
export class Push {
  readonly #parts: PushParts;
  /** Up to which version of its own map this node has sent its writes. */
  #sentTo = 0;
  #isScheduled = false;
  /** Peers may have an earlier map, of which they must not show a part. */
  #mustBeWhole = false;

  constructor(parts: PushParts) {
    this.#parts = parts;
  }

  /** Something was written: sends it at the end of this turn of the event loop. */
  written(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#parts.clock.afterTurn(() => {
      this.#isScheduled = false;
      this.#send();
    });
  }

  /** The own map begins again, with another boot id. */
  restarted(): void {
    this.#sentTo = 0;
    this.#mustBeWhole = true;
    this.written();
  }

  /** Forwards writes that were new here to some peers. */
  forward(message: Buffer, from: string): void {
    if (message.length > this.#parts.packetBudget()) return;
    const { peers } = this.#parts;
    this.#sendToAll(peers.random(fanout(peers.all().length), from), message);
  }

  #send(): void {
    const { store, peers, clock } = this.#parts;
    const { own } = store;
    const from = this.#sentTo;
    this.#sentTo = own.version;
    const all = peers.all();
    if (all.length === 0) return;
    const isLarge = all.length > stateLimits.directPeers;
    const packing = new Packing({
      budget: this.#parts.packetBudget(),
      most: stateLimits.pushPackets,
      mayForward: isLarge,
      now: clock.now(),
    });
    if (this.#mustBeWhole) packing.addWhole(own);
    else if (from >= own.floor) packing.addAfter(own, from);
    this.#mustBeWhole = false;
    const messages = packing.finish();
    const to = isLarge ? peers.random(fanout(all.length)) : all;
    if (!packing.isComplete || messages.length === 0) {
      // Those that have received this ask for what they lack.
      const options = { wantsAnswer: true, budget: this.#parts.packetBudget(), most: 1 };
      for (const digest of encodeDigests([own], options)) messages.push(digest);
    }
    for (const message of messages) this.#sendToAll(to, message);
  }

  #sendToAll(to: readonly Node[], message: Buffer): void {
    this.#parts.meters.count('pushed', to.length);
    this.#parts.peers.sendToAll(to, message);
  }
}

/** To how many random peers writes are sent in a cluster of so many. */
function fanout(peers: number): number {
  return Math.ceil(Math.log2(peers + 1));
}

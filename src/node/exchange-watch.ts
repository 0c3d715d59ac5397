/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Looks for what single push/pulls do not show: that one after the other fails, and that one table after the other
// lacks this node. Each is told once, and again only after it was well in between.
import type { Report } from '../core/reports.js';
import { TimeoutError } from '../errors.js';
import { limits } from '../wire/limits.js';

/** So many in a row are no coincidence. */
const IN_A_ROW = 3;

interface Streak {
  failures: number;
  isTold: boolean;
  /** Whether the peer acknowledged a packet since the first of them. */
  packetsPass: boolean;
}

const newStreak = (): Streak => ({ failures: 0, isTold: false, packetsPass: false });

/** Watches the push/pulls that a node begins. */
export class ExchangeWatch {
  readonly #report: (report: Report) => void;
  /** With whom the last exchanges failed; only those. */
  readonly #peers = new Map<string, Streak>();
  /** With whomever. */
  #all = newStreak();
  #lacking = 0;

  constructor(components: { report: (report: Report) => void }) {
    this.#report = components.report;
  }

  /** Peers whose last exchange failed. */
  get failing(): number {
    return this.#peers.size;
  }

  /** A push/pull with this peer failed. */
  failed(peer: string, error: Error): void {
    const streak = this.#peers.get(peer) ?? newStreak();
    // The latest is behind the others, so that the oldest gives way.
    this.#peers.delete(peer);
    this.#peers.set(peer, streak);
    if (this.#peers.size > limits.failingExchanges) {
      for (const oldest of this.#peers.keys()) {
        this.#peers.delete(oldest);
        break;
      }
    }
    streak.failures++;
    this.#all.failures++;
    const worst = [streak, this.#all].find((each) => !each.isTold && each.failures >= IN_A_ROW);
    if (worst === undefined) return;
    worst.isTold = true;
    // What is told of the peer need not be told of all, as long as there is only that peer, and the reverse.
    streak.isTold = true;
    if (this.#peers.size === 1) this.#all.isTold = true;
    const packetsPass = worst.packetsPass && stalled(error);
    this.#report({ code: 'exchanges-failing', peer, count: worst.failures, packetsPass, error });
  }

  /** A push/pull with this peer succeeded. */
  succeeded(peer: string): void {
    this.#all = newStreak();
    this.#peers.delete(peer);
  }

  /** This peer acknowledged a packet. */
  acknowledged(peer: string): void {
    if (this.#peers.size === 0) return;
    const streak = this.#peers.get(peer);
    if (streak === undefined) return;
    streak.packetsPass = true;
    this.#all.packetsPass = true;
  }

  /**
   * The table of a peer came, in a push/pull other than a join: there the peer answers before it knows this node.
   *
   * @param listsUs - whether this node is in it, in whatever state
   */
  listed(peer: string, listsUs: boolean, address: string): void {
    this.#lacking = listsUs ? 0 : this.#lacking + 1;
    if (this.#lacking !== IN_A_ROW) return;
    this.#report({ code: 'not-listed', peer, count: IN_A_ROW, address });
  }
}

// Whether the connection was made, and then the transfer did not end. An attempt to dial that timed out has a cause.
function stalled(error: Error): boolean {
  return error instanceof TimeoutError && error.cause === undefined;
}

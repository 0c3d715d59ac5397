/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Detects what a single push/pull does not show: several in a row fail, or several tables in a row do not list this
// node. Each is reported once, and again only after a success in between.
import type { Report } from '../core/reports.js';
import { TimeoutError } from '../errors.js';
import { limits } from '../wire/limits.js';

/** A report follows so many in a row. */
const IN_A_ROW = 3;

interface Streak {
  failures: number;
  isReported: boolean;
  /** Whether the peer acknowledged a packet since the first of them. */
  packetsPass: boolean;
}

const newStreak = (): Streak => ({ failures: 0, isReported: false, packetsPass: false });

/** Watches the push/pulls that a node starts. */
export class ExchangeWatch {
  readonly #report: (report: Report) => void;
  /** Peers with which the last exchanges failed. */
  readonly #peers = new Map<string, Streak>();
  /** The exchanges with all peers together. */
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
    // The most recent comes last, so that the oldest is evicted.
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
    const worst = [streak, this.#all].find((each) => !each.isReported && each.failures >= IN_A_ROW);
    if (worst === undefined) return;
    worst.isReported = true;
    // With a single failing peer one report is enough: for the peer or for all.
    streak.isReported = true;
    if (this.#peers.size === 1) this.#all.isReported = true;
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
   * Received a peer's table, in a push/pull that is no join: in a join the peer answers before it knows this node.
   *
   * @param listsUs - whether the table lists this node, in any state
   */
  listed(peer: string, listsUs: boolean, address: string): void {
    this.#lacking = listsUs ? 0 : this.#lacking + 1;
    if (this.#lacking !== IN_A_ROW) return;
    this.#report({ code: 'not-listed', peer, count: IN_A_ROW, address });
  }
}

// Whether the connection was established and the transfer timed out. An attempt to dial that timed out has a cause.
function stalled(error: Error): boolean {
  return error instanceof TimeoutError && error.cause === undefined;
}

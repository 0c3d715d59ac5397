/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import { incarnationAbove, nextNumber } from './incarnation.js';
import type { Random } from './ports.js';

/** What a node knows of itself beside its row in the table: its name and its numbers. */
export class LocalNode {
  readonly name: string;
  /** Set for good once the user asked to leave; refutations end then. */
  leaving = false;
  #incarnation = 0;
  #sequence: number;

  constructor(init: { name: string; random: Random }) {
    this.name = init.name;
    // A random start: an ack meant for the process that had our address before us fits nothing.
    this.#sequence = Math.floor(init.random.next() * 2 ** 32);
  }

  get incarnation(): number {
    return this.#incarnation;
  }

  nextSequence(): number {
    this.#sequence = nextNumber(this.#sequence);
    return this.#sequence;
  }

  nextIncarnation(): number {
    this.#incarnation = nextNumber(this.#incarnation);
    return this.#incarnation;
  }

  /** Takes an incarnation that beats a claim about us. */
  incarnationAbove(claimed: number): number {
    this.#incarnation = incarnationAbove(this.#incarnation, claimed);
    return this.#incarnation;
  }
}

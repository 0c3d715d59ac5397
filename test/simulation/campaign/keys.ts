/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The keys of a cluster and how operators rotate them: a new key is installed on all nodes, then used by some, then by
// all, and the earlier keys are removed. No node ever uses a key that is not installed on all nodes.

import { Keyring } from '../../../src/index.js';
import type { KeyPhase } from './scenario.js';

/** The keyrings of all nodes. */
export class Keys {
  readonly #rings = new Map<string, Keyring>();
  /** The key that most nodes use, and the newer ones that are installed. */
  #known: readonly [used: number, ...newer: number[]] = [0];
  /** Earlier keys that still decrypt packets in transit. */
  #old: readonly number[] = [];

  /** The keyring of a node that starts. */
  ringFor(node: string): Keyring {
    const [used, ...newer] = this.#known;
    const ring = new Keyring(keyNumber(used), [...newer, ...this.#old].map(keyNumber));
    this.#rings.set(node, ring);
    return ring;
  }

  /** One phase of a rotation. The phases of two rotations may overlap in any order. */
  rotate(phase: KeyPhase): void {
    const rings = [...this.#rings.values()];
    const [used, ...newer] = this.#known;
    const newest = newer.at(-1) ?? used;
    switch (phase) {
      case 'add':
        this.#known = [used, ...newer, newest + 1];
        for (const ring of rings) ring.addKey(keyNumber(newest + 1));
        break;
      case 'useSome':
        for (const [i, ring] of rings.entries()) if (i % 2 === 0) ring.useKey(keyNumber(newest));
        break;
      case 'useAll':
        for (const ring of rings) ring.useKey(keyNumber(newest));
        this.#old = [...this.#old, ...this.#known.filter((number) => number < newest)];
        this.#known = [newest];
        break;
      case 'remove':
        for (const number of this.#old) for (const ring of rings) ring.removeKey(keyNumber(number));
        this.#old = [];
    }
  }
}

function keyNumber(number: number): Buffer {
  return Buffer.alloc(32, number);
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Consistent hashing over the members: every node computes the owner of a key locally, and all nodes get the same
// result once they see the same members. Rendezvous hashing (Thaler and Ravishankar, 1998): the member with the
// highest hash of name and key owns it, so a leaving member gives up only its own keys, and a new one takes its
// share evenly from all.
import { createHash } from 'node:crypto';
import type { Memberlist } from 'node-memberlist';

export class Shards {
  readonly #list: Memberlist;

  constructor(list: Memberlist) {
    this.#list = list;
  }

  /** The member that owns a key. While the views differ, two nodes may give different results. */
  ownerOf(key: string): string {
    return this.ownersOf(key, 1)[0] ?? this.#list.localNode.name;
  }

  /** The first `copies` members for a key: the owner, and the members with the other copies. */
  ownersOf(key: string, copies: number): string[] {
    const weighed = this.#list.members().map(({ name }) => ({ name, weight: weightOf(name, key) }));
    weighed.sort((a, b) => b.weight - a.weight || (a.name < b.name ? -1 : 1));
    return weighed.slice(0, copies).map(({ name }) => name);
  }

  /** Whether this node is responsible for a key. */
  isOurs(key: string): boolean {
    return this.ownerOf(key) === this.#list.localNode.name;
  }
}

function weightOf(name: string, key: string): number {
  const hash = createHash('sha256').update(`${name}\0${key}`).digest();
  return hash.readUIntBE(0, 6);
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The agent's command for the hash ring: which member owns a key.
import type { Memberlist } from '../memberlist.js';
import { createRing, type Ring } from '../ring/index.js';
import type { CommandLine, Commands } from './agent-toolkit.js';

/** Members that are named in a reply: the owner, and those that follow it. */
const OWNERS = 3;

/** Commands of every agent: the ring sends nothing. */
export class RingCommands implements Commands {
  readonly #list: Memberlist;
  #ring: Ring | undefined;

  constructor(list: Memberlist) {
    this.#list = list;
  }

  execute({ command, textAfter }: CommandLine): object | undefined {
    if (command !== 'owner') return undefined;
    const key = textAfter(1);
    if (key === '') throw new Error('the key is missing: owner KEY');
    this.#ring ??= createRing(this.#list);
    const { view, members } = this.#ring;
    const [owner, ...next] = this.#ring.owners(key, OWNERS);
    return { key, owner, next: next.join(', '), members: members.length, view };
  }
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Changes that peers send: applied, held until they follow what this node has, or dropped and counted.
import { printable } from '../index.js';
import type { Gaps } from './gaps.js';
import type { ReceivedMap } from './messages.js';
import type { Meters } from './meters.js';
import { isAhead, type KeyChange, type Moment, type Store } from './store.js';

/** What applies changes. */
export interface IncomingParts {
  readonly store: Store;
  readonly meters: Meters;
  readonly gaps: Gaps;
  readonly moment: () => Moment;
  /** A peer has a version of this node's own map. */
  readonly ownSeen: (boot: string, version: number) => void;
  readonly changed: (changes: readonly KeyChange[]) => void;
}

/** The changes of one message, one after the other. */
export class Incoming {
  readonly #parts: IncomingParts;

  constructor(parts: IncomingParts) {
    this.#parts = parts;
  }

  /**
   * Returns whether something was new.
   *
   * @throws MalformedState; the maps before the malformed one have changed then
   */
  apply(maps: readonly ReceivedMap[], sender: string): boolean {
    const { store, meters, changed } = this.#parts;
    const changes: KeyChange[] = [];
    let isNew = false;
    try {
      for (const map of maps) {
        if (map.name === store.own.name) this.#own(map);
        else if (!store.present.has(map.name)) meters.count('strangers');
        else if (this.#apply(map, sender, changes)) isNew = true;
      }
    } finally {
      changed(changes);
    }
    return isNew;
  }

  /** A peer claims a boot id that is too far in the future. */
  ahead(name: string, sender: string): void {
    const { meters } = this.#parts;
    meters.count('ahead');
    const message = printable(
      `${name} has started with a clock that is more than a day ahead, or ${sender} claims so: its map is not shown`,
    );
    meters.warn('state-boot-ahead', message, { peer: name });
  }

  #own({ name, boot, to }: ReceivedMap): void {
    if (isAhead(boot, this.#parts.moment().wallNow)) this.ahead(name, name);
    else this.#parts.ownSeen(boot, to);
  }

  #apply(map: ReceivedMap, sender: string, changes: KeyChange[]): boolean {
    const { store, meters, gaps, moment } = this.#parts;
    switch (store.apply(map, moment(), changes)) {
      case 'applied':
        meters.count('applied');
        this.#applyHeld(map.name, sender, changes);
        return true;
      case 'gap':
        meters.count('gaps');
        return gaps.hold(map, sender);
      case 'limit':
        this.#cutOff(map.name);
        return false;
      case 'ahead':
        this.ahead(map.name, sender);
        return false;
      default:
        meters.count('old');
        return false;
    }
  }

  #applyHeld(name: string, sender: string, changes: KeyChange[]): void {
    const replica = this.#parts.store.get(name);
    const next = replica && this.#parts.gaps.next(replica);
    // It ends: each step takes one away from what is held.
    if (next !== undefined) this.#apply(next, sender, changes);
  }

  #cutOff(name: string): void {
    const { meters } = this.#parts;
    meters.count('cutOff');
    const message = printable(`the map of ${name} exceeds a limit here, and is not shown`);
    meters.warn('state-cut-off', message, { peer: name });
  }
}

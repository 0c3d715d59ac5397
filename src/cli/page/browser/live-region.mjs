/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Announces to screen readers: failures, the number of search results, and whether the agent answers.
// Announcements are polite and batched: a cluster may lose many members at once.
import { byId } from './dom.mjs';
import { listSome, count } from './text.mjs';

const BATCH_MS = 700;
const verbs = {
  failed: 'failed',
  suspect: 'suspect',
  flapping: 'flapping',
  refute: 'alive again',
};

/** Writes announcements to the live region. */
export class LiveRegion {
  /** @type {Map<string, string[]>} */
  #names = new Map();
  #texts = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {string} text */
  announce(text) {
    this.#texts.add(text);
    this.#schedule();
  }

  /** @param {keyof typeof verbs} kind @param {string} name */
  announceEvent(kind, name) {
    const names = this.#names.get(kind) ?? [];
    if (!names.includes(name)) names.push(name);
    this.#names.set(kind, names);
    this.#schedule();
  }

  /** Whether events of this kind are announced. @param {string} kind @returns {kind is keyof typeof verbs} */
  isAnnounced(kind) {
    return Object.hasOwn(verbs, kind);
  }

  #schedule() {
    this.#timer ??= setTimeout(() => this.#flush(), BATCH_MS);
  }

  #flush() {
    this.#timer = undefined;
    const texts = [...this.#texts];
    for (const kind of /** @type {(keyof typeof verbs)[]} */ (Object.keys(verbs))) {
      const names = this.#names.get(kind);
      if (names === undefined) continue;
      const subject = names.length > 1 ? `${count(names.length, 'member')} ` : '';
      texts.push(`${subject}${verbs[kind]}: ${listSome(names, 5)}`);
    }
    this.#texts.clear();
    this.#names.clear();
    byId('live-region').textContent = texts.join('. ');
  }
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What a screen reader is told without being asked: failures, what a search found, and whether the agent
// answers. Politely, and together: a cluster may lose many members at once.
import { byId } from './dom.mjs';
import { someOf, count } from './text.mjs';

const TOGETHER_MS = 700;
const verbs = {
  failed: 'failed',
  suspect: 'suspect',
  flapping: 'flapping',
  refute: 'alive again',
};

/** Says things in the live region. */
export class Announcer {
  /** @type {Map<string, string[]>} */
  #waiting = new Map();
  #texts = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {string} text */
  say(text) {
    this.#texts.add(text);
    this.#arm();
  }

  /** @param {keyof typeof verbs} kind @param {string} name */
  happened(kind, name) {
    const names = this.#waiting.get(kind) ?? [];
    if (!names.includes(name)) names.push(name);
    this.#waiting.set(kind, names);
    this.#arm();
  }

  /** Whether an event is worth a word. @param {string} kind @returns {kind is keyof typeof verbs} */
  isNews(kind) {
    return Object.hasOwn(verbs, kind);
  }

  #arm() {
    this.#timer ??= setTimeout(() => this.#speak(), TOGETHER_MS);
  }

  #speak() {
    this.#timer = undefined;
    const texts = [...this.#texts];
    for (const kind of /** @type {(keyof typeof verbs)[]} */ (Object.keys(verbs))) {
      const names = this.#waiting.get(kind);
      if (names === undefined) continue;
      const who = names.length > 1 ? `${count(names.length, 'member')} ` : '';
      texts.push(`${who}${verbs[kind]}: ${someOf(names, 5)}`);
    }
    this.#texts.clear();
    this.#waiting.clear();
    byId('announcer').textContent = texts.join('. ');
  }
}

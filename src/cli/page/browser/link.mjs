/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The connection to the agent. It sends a heartbeat each second; a page that got none for some seconds must not
// look as if it were current, even though the connection is open: an agent that is stopped closes none.

/** Without a message for so long, what is shown counts as old. */
const STALE_MS = 5_000;
/** An open connection without a message is given up after so long: the other end may be gone without a word. */
const SILENT_MS = 20_000;
const LONGEST_SILENCE_MS = 80_000;
const RETRY_MS = 3_000;

/** @typedef {'connecting' | 'live' | 'stale' | 'lost' | 'full'} LinkState */
/** @typedef {Readonly<Record<string, (data: any) => void>>} Listeners - by the name of the message */

export class Link {
  #listeners;
  /** @type {EventSource | undefined} */
  #source;
  /** When the last message came, of the monotonic clock. @type {number | undefined} */
  #lastAt;
  /** When the connection was begun. */
  #openedAt = 0;
  #silentMs = SILENT_MS;
  #hasFailed = false;
  #isFull = false;
  /** When the last message came, as the time of day. */
  lastSeen = 0;

  /** @param {{ listeners: Listeners }} init */
  constructor({ listeners }) {
    this.#listeners = listeners;
  }

  open() {
    this.#source?.close();
    const source = new EventSource('/events');
    this.#source = source;
    this.#openedAt = performance.now();
    for (const [event, listener] of Object.entries(this.#listeners)) {
      source.addEventListener(event, ({ data }) => {
        this.#lastAt = performance.now();
        this.lastSeen = Date.now();
        this.#silentMs = SILENT_MS;
        this.#hasFailed = false;
        this.#isFull = false;
        listener(JSON.parse(data));
      });
    }
    source.onerror = () => {
      this.#hasFailed = true;
      // An answer other than 200 is final for an EventSource.
      if (source.readyState === EventSource.CLOSED && source === this.#source) void this.#refused();
    };
  }

  /** How it is now; called from time to time, it gives up a connection that is silent for too long. @returns {LinkState} */
  check() {
    const now = performance.now();
    const silence = now - Math.max(this.#lastAt ?? 0, this.#openedAt);
    if (silence > this.#silentMs) {
      this.#silentMs = Math.min(2 * this.#silentMs, LONGEST_SILENCE_MS);
      this.open();
    }
    if (this.#isFull) return 'full';
    if (this.#hasFailed) return 'lost';
    if (this.#lastAt === undefined) return 'connecting';
    return now - this.#lastAt > STALE_MS ? 'stale' : 'live';
  }

  /** How long nothing came, in milliseconds. */
  get silence() {
    return this.#lastAt === undefined ? 0 : performance.now() - this.#lastAt;
  }

  async #refused() {
    const answer = await fetch('/healthz').catch(() => undefined);
    this.#isFull = answer !== undefined;
    setTimeout(() => this.open(), RETRY_MS);
  }
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The connection to the agent. The agent sends a heartbeat each second. A page that received none for some
// seconds must not look current, even if the connection is open: a suspended agent closes no connection.

/** The displayed data counts as stale after this time without a message. */
const STALE_MS = 5_000;
/** The page replaces an open connection after this time without a message: the other end may be gone without closing it. */
const SILENT_MS = 20_000;
const MAX_SILENT_MS = 80_000;
const RETRY_MS = 3_000;

/** @typedef {'connecting' | 'live' | 'stale' | 'lost' | 'full'} LinkState */
/** @typedef {Readonly<Record<string, (data: any) => void>>} Listeners - by message name */

export class Link {
  #listeners;
  /** @type {EventSource | undefined} */
  #source;
  /** When the last message arrived, on the monotonic clock. @type {number | undefined} */
  #lastAt;
  /** When the connection was opened. */
  #openedAt = 0;
  #silentMs = SILENT_MS;
  #hasFailed = false;
  #isFull = false;
  /** When the last message arrived, as the time of day. */
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
      // For an EventSource, a response status other than 200 is final.
      if (source.readyState === EventSource.CLOSED && source === this.#source) void this.#retry();
    };
  }

  /** The current state. Called periodically; it replaces a connection that is silent for too long. @returns {LinkState} */
  check() {
    const now = performance.now();
    const silence = now - Math.max(this.#lastAt ?? 0, this.#openedAt);
    if (silence > this.#silentMs) {
      this.#silentMs = Math.min(2 * this.#silentMs, MAX_SILENT_MS);
      this.open();
    }
    if (this.#isFull) return 'full';
    if (this.#hasFailed) return 'lost';
    if (this.#lastAt === undefined) return 'connecting';
    return now - this.#lastAt > STALE_MS ? 'stale' : 'live';
  }

  /** The time since the last message, in milliseconds. */
  get silence() {
    return this.#lastAt === undefined ? 0 : performance.now() - this.#lastAt;
  }

  async #retry() {
    const answer = await fetch('/healthz').catch(() => undefined);
    this.#isFull = answer !== undefined;
    setTimeout(() => this.open(), RETRY_MS);
  }
}

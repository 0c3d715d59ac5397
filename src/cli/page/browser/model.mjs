/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The page's model of the members: the last `members` message, with round trips and later events. Also how
// members are searched, filtered, sorted and split into pages.
import { stateNames } from './text.mjs';

/** @import { MembersMessage, ProbeResult, ShownEvent, ShownMember } from '../messages.js' */
/** @typedef {'all' | 'dead' | 'suspect' | 'flapping' | 'alive' | 'left'} Filter */
/** @typedef {'name' | 'state' | 'address' | 'trip' | 'incarnation'} SortKey */
/** @typedef {{ readonly text: string, readonly filter: Filter, readonly key: SortKey, readonly isDown: boolean }} View */
/** @typedef {{ readonly ms: number, readonly at: number }} Trip */
/** @typedef {Omit<ShownMember, 'state'> & { state: ShownMember['state'], since?: number, trip?: Trip }} Row */

const inNumbers = new Intl.Collator('en', { numeric: true });
const ranks = { dead: 0, suspect: 1, alive: 4, left: 5 };

/** Members that need attention come first: failed, suspect, flapping; then this node. @param {Row} row */
export function rankOf({ state, failures, isSelf }) {
  if (state !== 'alive' && state !== 'left') return ranks[state];
  if (failures !== undefined) return 2;
  return isSelf ? 3 : ranks[state];
}

/** @param {Row} row */
export const isProblem = (row) => rankOf(row) < 3;

/** @type {Readonly<Record<SortKey, (a: Row, b: Row) => number>>} */
const orders = {
  state: (a, b) => rankOf(a) - rankOf(b),
  name: (a, b) => inNumbers.compare(a.name, b.name),
  address: (a, b) => inNumbers.compare(a.address, b.address),
  trip: (a, b) => (a.trip?.ms ?? 0) - (b.trip?.ms ?? 0),
  incarnation: (a, b) => a.incarnation - b.incarnation,
};

/** Whether a filter includes a member. @param {Row} row @param {Filter} filter */
export function matches(row, filter) {
  if (filter === 'all') return true;
  return filter === 'flapping' ? row.failures !== undefined : row.state === filter;
}

/** The members of a view, in its order. @param {readonly Row[]} rows @param {View} view */
export function selectRows(rows, { text, filter, key, isDown }) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = rows.filter((row) => {
    if (!matches(row, filter)) return false;
    if (words.length === 0) return true;
    const all = `${row.name} ${row.address} ${row.meta} ${stateNames[row.state]}`.toLowerCase();
    return words.every((word) => all.includes(word));
  });
  const order = orders[key];
  const sign = isDown ? -1 : 1;
  // Members without a round trip come last, in both directions.
  const lacks = (/** @type {Row} */ row) => Number(key === 'trip' && row.trip === undefined);
  return found.sort((a, b) => lacks(a) - lacks(b) || sign * order(a, b) || orders.name(a, b));
}

/**
 * A page of the rows, numbered from 0; a page past the end is the last one.
 *
 * @template T
 * @param {readonly T[]} all
 * @param {{ page: number, size: number }} which
 */
export function pageOf(all, { page, size }) {
  const pages = Math.max(1, Math.ceil(all.length / size));
  const current = Math.min(Math.max(0, page), pages - 1);
  return {
    page: current,
    pages,
    from: current * size,
    rows: all.slice(current * size, (current + 1) * size),
  };
}

/** The members, and their changes between two tables. */
export class Members {
  /** @type {readonly Row[]} */
  rows = [];
  notShown = 0;
  /** @type {Map<string, Trip>} */
  #trips = new Map();

  /** @param {MembersMessage} message */
  replace({ members, notShown }) {
    this.notShown = notShown;
    this.rows = members.map((member) => ({ ...member }));
    const names = new Set(members.map(({ name }) => name));
    for (const name of this.#trips.keys()) if (!names.has(name)) this.#trips.delete(name);
    this.#addTrips();
  }

  /** Adds probe results, which may include known ones. @param {readonly ProbeResult[]} results */
  probed(results) {
    for (const [name, ms, at] of results) {
      const known = this.#trips.get(name);
      if (known === undefined || known.at < at) this.#trips.set(name, { ms, at });
    }
    this.#addTrips();
  }

  /** Applies events, which arrive earlier than the next table. @param {readonly ShownEvent[]} events */
  apply(events) {
    for (const { kind, subject, at } of events) {
      const state = stateAfter[kind];
      if (state === undefined) continue;
      for (const row of this.rows) {
        if (row.name !== subject || row.isSelf || row.state === state) continue;
        row.state = state;
        if (state === 'alive') delete row.since;
        else row.since = at;
      }
    }
  }

  /** The number of members per filter. @returns {Record<Filter, number>} */
  counts() {
    const counts = { all: 0, dead: 0, suspect: 0, flapping: 0, alive: 0, left: 0 };
    for (const row of this.rows) {
      counts.all++;
      counts[row.state]++;
      if (row.failures !== undefined) counts.flapping++;
    }
    return counts;
  }

  #addTrips() {
    for (const row of this.rows) {
      const trip = this.#trips.get(row.name);
      if (trip !== undefined) row.trip = trip;
    }
  }
}

/** @type {Readonly<Partial<Record<ShownEvent['kind'], ShownMember['state']>>>} */
const stateAfter = {
  suspect: 'suspect',
  refute: 'alive',
  failed: 'dead',
  left: 'left',
  join: 'alive',
};

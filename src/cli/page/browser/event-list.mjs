/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The list of events, newest first.
import { byId, make, fragment } from './dom.mjs';

/** @import { ShownEvent } from '../messages.js' */

const SHOWN = 100;
const clock = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});

/** The time of day. @param {number} at */
export const timeOfDay = (at) => clock.format(at);

/** @type {Readonly<Record<string, string>>} */
const signs = {
  join: '●',
  refute: '●',
  'quorum-restored': '●',
  suspect: '▲',
  failed: '✕',
  flapping: '◆',
  left: '○',
};

export class EventList {
  #seq = 0;

  /** Replaces all events. @param {readonly ShownEvent[]} events */
  replace(events) {
    byId('events').replaceChildren();
    this.#seq = 0;
    this.#add(events, false);
  }

  /**
   * Adds the new events.
   *
   * @param {readonly ShownEvent[]} events - may include known ones
   * @returns {readonly ShownEvent[]} the events that were new
   */
  add(events) {
    const added = events.filter(({ seq }) => seq > this.#seq);
    this.#add(added, true);
    return added;
  }

  /** @param {readonly ShownEvent[]} events @param {boolean} isNew */
  #add(events, isNew) {
    const list = byId('events');
    this.#seq = events.at(-1)?.seq ?? this.#seq;
    list.prepend(fragment([...events].reverse().map((event) => rowOf(event, isNew))));
    while (list.children.length > SHOWN) list.lastElementChild?.remove();
    byId('no-events').hidden = list.children.length > 0;
  }
}

/** @param {ShownEvent} event @param {boolean} isNew */
function rowOf({ at, kind, subject, detail }, isNew) {
  const sign = signs[kind];
  const tag = make('span', { class: `tag ${kind}` });
  if (sign !== undefined) tag.append(make('span', { class: 'sign', 'aria-hidden': 'true' }, sign));
  tag.append(kind);
  return make(
    'li',
    isNew ? { class: 'new' } : {},
    make('time', { datetime: new Date(at).toISOString() }, timeOfDay(at)),
    tag,
    make('p', {}, subject, ' ', make('span', {}, detail)),
  );
}

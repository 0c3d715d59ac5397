/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The table of members with its search, filter, order and pages. A row that remains keeps its element, so that
// a selection in it survives when a number changes.
import { byId, make, setAttribute, setText } from './dom.mjs';
import { pageOf, selectRows } from './model.mjs';
import { ago, count, grouped, milliseconds, stateNames, stateSigns } from './text.mjs';

/** @import { LiveRegion } from './live-region.mjs' */
/** @import { Filter, Members, Row, SortKey, View } from './model.mjs' */

export class Table {
  /** @type {View} */
  #view = { text: '', filter: 'all', key: 'state', isDown: false };
  #page = 0;
  #size = 50;
  #now = 0;
  #members;
  #liveRegion;
  #body = byId('members');
  #search = /** @type {HTMLInputElement} */ (byId('search'));
  #headings = /** @type {HTMLElement[]} */ ([...document.querySelectorAll('th[data-key]')]);
  #filters = /** @type {HTMLInputElement[]} */ ([
    ...document.querySelectorAll('input[name=filter]'),
  ]);

  /** @param {{ members: Members, liveRegion: LiveRegion }} components */
  constructor({ members, liveRegion }) {
    this.#members = members;
    this.#liveRegion = liveRegion;
    this.#search.addEventListener('input', () => this.#changeView({ text: this.#search.value }));
    for (const filter of this.#filters) {
      filter.addEventListener('change', () =>
        this.#changeView({ filter: /** @type {Filter} */ (filter.value) }),
      );
    }
    for (const heading of this.#headings) {
      heading.querySelector('button')?.addEventListener('click', () => this.#sort(heading));
    }
    byId('clear').addEventListener('click', () => this.#clear());
    const size = /** @type {HTMLSelectElement} */ (byId('page-size'));
    size.addEventListener('change', () => this.#turn(0, Number(size.value)));
    byId('previous').addEventListener('click', () => this.#turn(this.#page - 1));
    byId('next').addEventListener('click', () => this.#turn(this.#page + 1));
  }

  /** Shows the current members. @param {number} now - on the agent's clock */
  show(now) {
    this.#now = now;
    const found = selectRows(this.#members.rows, this.#view);
    const { page, pages, from, rows } = pageOf(found, { page: this.#page, size: this.#size });
    this.#page = page;
    const { children } = this.#body;
    while (children.length > rows.length) this.#body.lastElementChild?.remove();
    while (children.length < rows.length) this.#body.append(emptyRow());
    rows.forEach((row, i) => fill(/** @type {Element} */ (children[i]), row, now));
    byId('none').hidden = found.length > 0 || this.#members.rows.length === 0;
    byId('table').hidden = found.length === 0;
    this.#showCounts();
    const range = found.length === 0 ? '0' : `${grouped(from + 1)}–${grouped(from + rows.length)}`;
    setText(byId('range'), `${range} of ${count(found.length, 'member')}`);
    setAttribute(byId('previous'), 'aria-disabled', String(page === 0));
    setAttribute(byId('next'), 'aria-disabled', String(page >= pages - 1));
    const { notShown } = this.#members;
    byId('not-shown').hidden = notShown === 0;
    setText(byId('not-shown-count'), count(notShown, 'more member'));
  }

  #showCounts() {
    const counts = this.#members.counts();
    for (const { value } of this.#filters) {
      setText(byId(`count-${value}`), grouped(counts[/** @type {Filter} */ (value)]));
    }
  }

  /** @param {Partial<View>} change */
  #changeView(change) {
    this.#view = { ...this.#view, ...change };
    this.#turn(0);
    const found = selectRows(this.#members.rows, this.#view);
    this.#liveRegion.announce(`${count(found.length, 'member')} found`);
  }

  /** @param {HTMLElement} heading */
  #sort(heading) {
    const key = /** @type {SortKey} */ (heading.dataset.key);
    const isDown = this.#view.key === key && !this.#view.isDown;
    const order = isDown ? 'descending' : 'ascending';
    for (const each of this.#headings)
      setAttribute(each, 'aria-sort', each === heading ? order : undefined);
    this.#view = { ...this.#view, key, isDown };
    this.#turn(0);
    this.#liveRegion.announce(`Sorted by ${heading.textContent.trim().toLowerCase()}, ${order}`);
  }

  #clear() {
    this.#search.value = '';
    for (const filter of this.#filters) filter.checked = filter.value === 'all';
    this.#changeView({ text: '', filter: 'all' });
    this.#search.focus();
  }

  /** @param {number} page @param {number} [size] */
  #turn(page, size = this.#size) {
    this.#page = page;
    this.#size = size;
    this.show(this.#now);
  }
}

function emptyRow() {
  const small = () => make('small');
  return make(
    'tr',
    { role: 'row' },
    make('th', { role: 'rowheader', scope: 'row', class: 'name' }, make('span'), make('em')),
    make('td', { role: 'cell', class: 'state' }, make('span'), make('span'), small()),
    make('td', { role: 'cell', class: 'address' }),
    make('td', { role: 'cell', class: 'number trip' }, make('span'), small()),
    make('td', { role: 'cell', class: 'number incarnation' }),
    make('td', { role: 'cell', class: 'meta' }),
  );
}

/** @param {Element} element @param {Row} row @param {number} now */
function fill(element, row, now) {
  const [name, state, address, trip, incarnation, meta] = /** @type {Element[]} */ ([
    ...element.children,
  ]);
  setAttribute(element, 'class', row.state);
  const [nameText, own] = childrenOf(name);
  setText(nameText, row.name);
  setText(own, row.isSelf ? 'this node' : '');
  const [tag, flapping, since] = childrenOf(state);
  showTag(tag, row.state, stateNames[row.state]);
  showTag(flapping, 'flapping', row.failures === undefined ? '' : 'flapping');
  const failures = row.failures === undefined ? '' : `${row.failures} failures`;
  setText(since, row.since === undefined ? failures : ago(now - row.since));
  setText(/** @type {Element} */ (address), row.address);
  const [ms, when] = childrenOf(trip);
  setText(ms, row.trip === undefined ? '' : milliseconds(row.trip.ms));
  setText(when, row.trip === undefined ? '' : ago(now - row.trip.at));
  setAttribute(
    /** @type {Element} */ (trip),
    'data-label',
    row.trip === undefined ? undefined : 'round trip',
  );
  setText(/** @type {Element} */ (incarnation), String(row.incarnation));
  setText(/** @type {Element} */ (meta), row.meta);
}

/** @param {Element | undefined} element @returns {[Element, Element, Element]} */
function childrenOf(element) {
  return /** @type {any} */ ([...(element?.children ?? [])]);
}

/** @param {Element} tag @param {keyof typeof stateSigns} kind @param {string} text */
function showTag(tag, kind, text) {
  setAttribute(tag, 'class', text === '' ? undefined : `tag ${kind}`);
  if (tag.lastChild?.textContent === text) return;
  tag.replaceChildren();
  if (text === '') return;
  tag.append(make('span', { class: 'sign', 'aria-hidden': 'true' }, stateSigns[kind]), text);
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The message bus and the shared state, if the agent takes part in them. Rows keep their elements, so that a selection
// survives when a number changes.
import { byId, make, setAttribute, setText } from './dom.mjs';
import { ago, count, grouped } from './text.mjs';

/** @import { BusView, ShownPublisher, ShownTopic, StateView } from '../messages.js' */

/** @param {BusView} view @param {number} now - on the agent's clock */
export function showBus(view, now) {
  byId('bus').hidden = false;
  const { topics, topicsNotShown, publishers, publishersNotShown } = view;
  const retained = `${count(view.retained, 'message')} retained (${byteText(view.retainedBytes)})`;
  const missed = view.missed > 0 ? `, ${count(view.missed, 'message')} missed` : '';
  const gaps = view.gaps > 0 ? `${count(view.gaps, 'gap')}${missed}` : 'no gaps';
  setText(byId('bus-summary'), `${count(view.messages, 'message')}, ${retained}, ${gaps}`);
  setAttribute(byId('bus-summary'), 'class', view.gaps > 0 ? 'warning' : undefined);
  showRows('topics', {
    rows: topics.map((topic) => topicRow(topic, now)),
    rest: notShown(topicsNotShown, 'topic'),
    none: 'No messages yet.',
  });
  showRows('publishers', {
    rows: publishers.map(publisherRow),
    rest: notShown(publishersNotShown, 'publisher'),
    none: 'No publishers yet.',
  });
}

/** @param {StateView} view */
export function showState({ nodes, nodesNotShown, keys, bytes }) {
  byId('state').hidden = false;
  const total = count(nodes.length + nodesNotShown, 'node');
  const rest = nodesNotShown > 0 ? `; the first ${nodes.length} are shown` : '';
  setText(byId('state-summary'), `${count(keys, 'key')} of ${total}, ${byteText(bytes)}${rest}`);
  const list = byId('state-nodes');
  resize(list, nodes.length, () => make('li', {}, make('strong'), ' ', make('small'), make('dl')));
  nodes.forEach((node, i) => {
    const [name, size, values] = /** @type {Element[]} */ ([...(list.children[i]?.children ?? [])]);
    if (name === undefined || size === undefined || values === undefined) return;
    setText(name, node.name);
    const more = node.keys > node.values.length ? `, ${node.values.length} shown` : '';
    setText(size, `${count(node.keys, 'key')}${more}`);
    resize(values, node.values.length, () => make('div', {}, make('dt'), make('dd')));
    node.values.forEach(([key, value], at) => {
      const [term, text] = [...(values.children[at]?.children ?? [])];
      if (term !== undefined) setText(term, key);
      if (text !== undefined) setText(text, value);
    });
  });
}

/** @typedef {{ readonly name: string, readonly number: string, readonly detail: string }} TextRow */

/** @param {ShownTopic} topic @param {number} now @returns {TextRow} */
function topicRow({ topic, messages, bytes, publisher, at }, now) {
  return {
    name: topic,
    number: count(messages, 'message'),
    detail: `${byteText(bytes)}, the last one by ${publisher} ${ago(now - at)}`,
  };
}

/** @param {ShownPublisher} publisher @returns {TextRow} */
function publisherRow({ name, bootId, seq, retained, isGone, gaps, missed }) {
  const parts = [`${grouped(retained)} retained`];
  if (gaps > 0) parts.push(count(gaps, 'gap'));
  if (missed > 0) parts.push(`${grouped(missed)} missed`);
  if (isGone) parts.push('gone');
  const detail = `${parts.join(', ')}, boot id ${bootId}`;
  return { name, number: `up to number ${grouped(seq)}`, detail };
}

/** @param {string} id @param {{ rows: readonly TextRow[], rest: string, none: string }} content */
function showRows(id, { rows, rest, none }) {
  const list = byId(id);
  const last = rows.length === 0 ? none : rest;
  const all = last === '' ? rows : [...rows, { name: '', number: '', detail: last }];
  resize(list, all.length, () => make('li', {}, make('strong'), make('span'), make('small')));
  all.forEach(({ name, number, detail }, i) => {
    const [first, second, third] = [...(list.children[i]?.children ?? [])];
    if (first !== undefined) setText(first, name);
    if (second !== undefined) setText(second, number);
    if (third !== undefined) setText(third, detail);
  });
}

/** @param {Element} list @param {number} length @param {() => Element} create */
function resize(list, length, create) {
  while (list.children.length > length) list.lastElementChild?.remove();
  while (list.children.length < length) list.append(create());
}

/** @param {number} n @param {string} word */
const notShown = (n, word) => (n > 0 ? `and ${count(n, `more ${word}`)}` : '');

/** @param {number} n */
function byteText(n) {
  if (n < 1024) return count(n, 'byte');
  return n < 1024 * 1024 ? `${(n / 1024).toFixed(1)} KiB` : `${(n / 1024 / 1024).toFixed(1)} MiB`;
}

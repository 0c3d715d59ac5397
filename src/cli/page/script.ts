/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What runs in the browser. Everything that a peer may have chosen goes into the document as text, by
// textContent and setAttribute, never as markup.

/** The page's program. */
export const script = `
'use strict';
const byId = (id) => document.getElementById(id);
const svgSpace = 'http://www.w3.org/2000/svg';
// The node has escaped what would rearrange or hide text (wire/printable.ts).
const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.map((child) => (child instanceof Node ? child : String(child))));
  return element;
};
const draw = (tag, attributes, text) => {
  const element = document.createElementNS(svgSpace, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = String(text);
  return element;
};
const short = (text, most) => { const all = [...String(text)]; return all.length > most ? all.slice(0, most - 1).join('') + '…' : all.join(''); };
const compact = (n) => n >= 1e6 ? (n / 1e6).toFixed(1) + 'M' : n >= 1e4 ? (n / 1e3).toFixed(0) + 'k' : String(Math.round(n));
const milliseconds = (ms) => ms < 10 ? ms.toFixed(2) + ' ms' : ms.toFixed(0) + ' ms';
const ago = (ms) => ms < 90e3 ? Math.round(ms / 1000) + ' s ago' : Math.round(ms / 60e3) + ' min ago';

let before;
function showTiles(picture) {
  const { counts, numbers, healthScore } = picture;
  const seconds = before === undefined ? 0 : (picture.at - before.at) / 1000;
  const rate = (key) => seconds > 0 ? Math.max(0, numbers[key] - before.numbers[key]) / seconds : 0;
  const packets = rate('packetsIn') + rate('packetsOut');
  const tiles = [
    ['alive', compact(counts.alive), counts.alive > 0 ? 'alive' : 'none'],
    ['suspect', compact(counts.suspect), counts.suspect > 0 ? 'suspect' : 'none'],
    ['dead', compact(counts.dead), counts.dead > 0 ? 'dead' : 'none'],
    ['left', compact(counts.left), counts.left > 0 ? '' : 'none'],
    ['health', healthScore === 0 ? 'good' : '−' + healthScore, healthScore === 0 ? 'alive' : 'suspect'],
    ['queued', compact(numbers.queue + numbers.inbox), numbers.queue + numbers.inbox > 0 ? '' : 'none'],
    ['packets/s', seconds === 0 ? '–' : packets >= 10 ? compact(packets) : packets.toFixed(1), seconds === 0 ? 'none' : ''],
    ['dropped', compact(numbers.drops), numbers.drops > 0 ? 'suspect' : 'none'],
  ];
  byId('tiles').replaceChildren(...tiles.map(([label, value, kind]) =>
    make('div', { class: 'tile ' + kind }, make('b', {}, value), make('span', {}, label))));
  before = picture;
}

function showPicture(picture) {
  const svg = byId('picture');
  const others = picture.members.filter((member) => !member.isSelf);
  const crowded = others.length > 24;
  // As large as it is shown, so that words have their size.
  const width = Math.max(320, Math.min(560, svg.clientWidth)), height = Math.round(width * (width > 420 ? 0.7 : 0.86)), cx = width / 2, cy = height / 2;
  const rx = width / 2 - (crowded ? 16 : width > 420 ? 85 : 74), ry = height / 2 - (crowded ? 16 : 40);
  svg.setAttribute('viewBox', '0 0 ' + width + ' ' + height);
  const shapes = [];
  const places = new Map([[picture.self, { x: cx, y: cy }]]);
  const perRing = crowded ? 60 : 24;
  const rings = Math.max(1, Math.ceil(others.length / perRing));
  others.forEach((member, i) => {
    const ring = Math.floor(i / perRing);
    const inRing = Math.min(perRing, others.length - ring * perRing);
    const angle = ((i % perRing) / inRing) * 2 * Math.PI - Math.PI / 2;
    const share = rings === 1 ? 1 : 0.45 + (0.55 * (ring + 1)) / rings;
    places.set(member.name, { x: cx + Math.cos(angle) * rx * share, y: cy + Math.sin(angle) * ry * share, angle });
  });
  if (others.length > 0 && !crowded) shapes.push(draw('ellipse', { class: 'ring', cx, cy, rx, ry }));
  for (const member of others) {
    if (member.probedAgoMs === undefined || member.probedAgoMs > 60e3 || member.state === 'dead' || member.state === 'left') continue;
    const { x, y } = places.get(member.name);
    const fresh = Math.max(0.12, 1 - member.probedAgoMs / 30e3);
    shapes.push(draw('line', { class: 'probe', x1: cx, y1: cy, x2: x, y2: y, 'stroke-opacity': fresh.toFixed(2), 'stroke-width': (1 + 2 * fresh).toFixed(1) }));
    if (!crowded) shapes.push(draw('text', { class: 'rtt', x: cx + (x - cx) * 0.64, y: cy + (y - cy) * 0.64 + 4, 'text-anchor': 'middle' }, milliseconds(member.roundTripMs)));
  }
  const suspects = new Set(others.filter(({ state }) => state === 'suspect').map(({ name }) => name));
  for (const { by, of } of picture.accusations) {
    const from = places.get(by), to = places.get(of);
    if (!suspects.has(of) || from === undefined || to === undefined || from === to) continue;
    // Bent, so that it does not run through who stands between.
    const bend = from === places.get(picture.self) ? 0.12 : 0.3;
    const bendX = (from.x + to.x) / 2 + (to.y - from.y) * bend, bendY = (from.y + to.y) / 2 - (to.x - from.x) * bend;
    const last = Math.hypot(to.x - bendX, to.y - bendY) || 1;
    const ux = (to.x - bendX) / last, uy = (to.y - bendY) / last;
    const tipX = to.x - ux * 13, tipY = to.y - uy * 13;
    shapes.push(draw('path', { class: 'accusation', d: 'M' + from.x + ' ' + from.y + 'Q' + bendX + ' ' + bendY + ' ' + (tipX - ux * 6) + ' ' + (tipY - uy * 6) }));
    shapes.push(draw('path', { class: 'arrow', d: 'M' + tipX + ' ' + tipY + 'l' + (-ux * 10 - uy * 5) + ' ' + (-uy * 10 + ux * 5) + 'l' + (uy * 10) + ' ' + (-ux * 10) + 'z' }));
  }
  for (const member of others) {
    const { x, y, angle } = places.get(member.name);
    const dot = draw('circle', { class: member.state, cx: x, cy: y, r: crowded ? 4.5 : 8 });
    dot.append(draw('title', {}, member.name + ', ' + member.state + ', ' + member.address));
    shapes.push(dot);
    if (crowded) continue;
    const side = Math.cos(angle);
    const anchor = Math.abs(side) < 0.25 ? 'middle' : side > 0 ? 'start' : 'end';
    const dx = anchor === 'middle' ? 0 : side > 0 ? 13 : -13;
    const dy = anchor === 'middle' ? (Math.sin(angle) > 0 ? 24 : -15) : 4;
    shapes.push(draw('text', { x: x + dx, y: y + dy, 'text-anchor': anchor }, short(member.name, 11)));
  }
  shapes.push(draw('circle', { class: 'halo', cx, cy, r: 21 }), draw('circle', { class: 'self', cx, cy, r: 12 }));
  shapes.push(draw('text', { x: cx, y: cy + 37, 'text-anchor': 'middle' }, others.length > 0 ? short(picture.self, 20) : short(picture.self, 20) + ' is alone'));
  svg.replaceChildren(...shapes);
}

function showMembers(picture) {
  byId('shown').textContent = picture.notShown > 0 ? 'the first ' + picture.members.length + ', and ' + picture.notShown + ' more' : '';
  byId('members').replaceChildren(...picture.members.map((member) => {
    const name = make('td', { class: 'name' }, member.name);
    if (member.isSelf) name.append(make('em', {}, 'this node'));
    const trip = make('td', { class: 'number' });
    if (member.roundTripMs !== undefined) {
      trip.dataset.label = 'round trip';
      trip.append(milliseconds(member.roundTripMs), ' ', make('small', {}, ago(member.probedAgoMs)));
    }
    const meta = make('td', { class: 'meta' });
    if (member.meta !== '') meta.append(String(member.meta));
    return make('tr', { class: member.state }, name,
      make('td', { class: 'state' }, make('span', { class: 'tag ' + member.state }, member.state)),
      make('td', { class: 'address' }, member.address), trip,
      make('td', { class: 'number', 'data-label': 'incarnation' }, member.incarnation), meta);
  }));
}

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const eventRow = ({ at, kind, subject, detail }, isNew) => make('li', { class: isNew ? 'new' : '' },
  make('time', { datetime: new Date(at).toISOString() }, clock.format(at)),
  make('span', { class: 'tag ' + kind }, kind),
  make('p', {}, subject, ' ', make('span', {}, detail)));
function showEvents(rows, isNew) {
  const list = byId('events');
  list.prepend(...rows.reverse().map((event) => eventRow(event, isNew)));
  while (list.children.length > 100) list.lastChild.remove();
  byId('quiet').hidden = list.children.length > 0;
}

function setLink(kind, text) {
  const link = byId('link');
  if (link.textContent === text) return;
  link.className = 'pill ' + kind;
  link.textContent = text;
}
const source = new EventSource('/events');
source.addEventListener('past', ({ data }) => { byId('events').replaceChildren(); showEvents(JSON.parse(data), false); });
source.addEventListener('happened', ({ data }) => showEvents(JSON.parse(data), true));
source.addEventListener('picture', ({ data }) => {
  const picture = JSON.parse(data);
  document.title = String(picture.self) + ' · ' + (picture.counts.alive + picture.counts.suspect) + ' members';
  byId('self').textContent = String(picture.self);
  byId('address').textContent = picture.address;
  setLink(picture.isLeaving ? 'leaving' : 'on', picture.isLeaving ? 'leaving' : 'live');
  showTiles(picture);
  showPicture(picture);
  showMembers(picture);
});
source.onerror = () => setLink('off', 'no connection');
`;

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The diagram: this node in the center, the members around it, recent probes and suspicions as lines.
import { byId, draw, setAttribute, fragment } from './dom.mjs';
import { layoutOf } from './layout.mjs';
import { isProblem } from './model.mjs';
import { count, milliseconds, shorten, listSome, stateNames } from './text.mjs';

/** @import { Suspicion } from '../messages.js' */
/** @import { Row } from './model.mjs' */
/** @import { Layout, Place } from './layout.mjs' */

const FADE_MS = 30_000;
/** With more members than this, the lines of older probes would cover everything. */
const FEW = 40;
const MANY_FADE_MS = 8_000;

export class Diagram {
  #svg = byId('diagram');
  #lines = draw('g', { class: 'lines' });
  #dots = draw('g', {});
  /** @type {Layout | undefined} */
  #layout;
  /** @type {Map<string, Place>} */
  #places = new Map();
  /** @type {readonly Row[]} */
  #rows = [];
  /** @type {readonly Suspicion[]} */
  #suspicions = [];
  #self = '';

  constructor() {
    this.#svg.append(this.#lines, this.#dots);
    new ResizeObserver(() => this.#isAsWide() || this.show(this.#rows, this.#self)).observe(
      this.#svg,
    );
  }

  /** Draws the members. @param {readonly Row[]} rows - in display order @param {string} self */
  show(rows, self) {
    this.#rows = rows;
    this.#self = self;
    const others = rows.filter(({ isSelf }) => !isSelf);
    const layout = layoutOf(others, this.#svg.clientWidth || 560);
    this.#layout = layout;
    this.#places = new Map(layout.places.map((place) => [place.row.name, place]));
    const { width, height, cx, cy, ring } = layout;
    setAttribute(this.#svg, 'viewBox', `0 0 ${width} ${height}`);
    const shapes = layout.places.flatMap((place) => member(place));
    if (ring !== undefined && others.length > 0) {
      shapes.unshift(draw('ellipse', { class: 'ring', cx, cy, ...ring }));
    }
    shapes.push(
      draw('circle', { class: 'halo', cx, cy, r: 19 }),
      draw('circle', { class: 'self', cx, cy, r: 11 }),
    );
    const name = others.length > 0 ? shorten(self, 14) : `${shorten(self, 20)} is alone`;
    shapes.push(draw('text', { class: 'own', x: cx, y: cy + 34, 'text-anchor': 'middle' }, name));
    if (layout.unlabelled > 0) {
      const more = `and ${count(layout.unlabelled, 'more member')} with problems: see the table`;
      shapes.push(
        draw('text', { class: 'more', x: width / 2, y: height - 6, 'text-anchor': 'middle' }, more),
      );
    }
    this.#dots.replaceChildren(fragment(shapes));
    setAttribute(this.#svg, 'aria-label', describe(others));
    this.showLines(this.#suspicions, undefined);
  }

  /** Draws probes and suspicions. @param {readonly Suspicion[]} suspicions @param {number | undefined} now - on the agent's clock; undefined draws no probes */
  showLines(suspicions, now) {
    this.#suspicions = suspicions;
    const layout = this.#layout;
    if (layout === undefined) return;
    const lines =
      now === undefined ? [] : layout.places.flatMap((place) => probe(place, layout, now));
    for (const { by, of } of suspicions) {
      for (const line of this.#suspicion(by, of)) lines.push(line);
    }
    this.#lines.replaceChildren(fragment(lines));
  }

  /** @param {string} by @param {string} of */
  #suspicion(by, of) {
    const layout = /** @type {Layout} */ (this.#layout);
    const to = this.#places.get(of);
    const isOwn = by === this.#self;
    const from = isOwn ? { x: layout.cx, y: layout.cy } : this.#places.get(by);
    if (to?.row.state !== 'suspect' || from === undefined || from === to) return [];
    // Curved, so that it does not cross the shapes in between.
    const bend = isOwn ? 0.12 : 0.3;
    const bendX = (from.x + to.x) / 2 + (to.y - from.y) * bend;
    const bendY = (from.y + to.y) / 2 - (to.x - from.x) * bend;
    const last = Math.hypot(to.x - bendX, to.y - bendY) || 1;
    const [ux, uy] = [(to.x - bendX) / last, (to.y - bendY) / last];
    const [tipX, tipY] = [to.x - ux * 12, to.y - uy * 12];
    const end = `${Math.round(tipX - ux * 6)} ${Math.round(tipY - uy * 6)}`;
    const wings = [-ux * 10 - uy * 5, -uy * 10 + ux * 5, uy * 10, -ux * 10].map(Math.round);
    return [
      draw('path', { class: 'suspicion', d: `M${from.x} ${from.y}Q${bendX} ${bendY} ${end}` }),
      draw('path', {
        class: 'arrow',
        d: `M${tipX} ${tipY}l${wings[0]} ${wings[1]}l${wings[2]} ${wings[3]}z`,
      }),
    ];
  }

  #isAsWide() {
    return this.#layout?.width === Math.max(280, Math.min(640, Math.floor(this.#svg.clientWidth)));
  }
}

/** The diagram as text. @param {readonly Row[]} others */
function describe(others) {
  const problems = others.filter(isProblem);
  const overview = `This node in the center, ${count(others.length, 'other member')} around it.`;
  if (problems.length === 0) return `${overview} None has problems.`;
  const named = problems.map(
    (row) => `${row.name} ${isFlapping(row) ? 'flapping' : stateNames[row.state]}`,
  );
  return `${overview} With problems: ${listSome(named, 20)}.`;
}

/** @param {Row} row */
const isFlapping = ({ state, failures }) => state === 'alive' && failures !== undefined;

/** @param {Place} place */
function member({ row, x, y, r, label }) {
  const kind = isFlapping(row) ? 'flapping' : row.state;
  const shape = draw('path', {
    class: `member ${kind}`,
    d: shapes[kind](x, y, label === undefined ? r : r * 0.9),
  });
  shape.append(
    draw(
      'title',
      {},
      `${row.name}, ${stateNames[row.state]}${kind === 'flapping' ? ', flapping' : ''}, ${row.address}`,
    ),
  );
  if (label === undefined) return [shape];
  const { x: textX, y: textY, anchor, max } = label;
  const text = draw(
    'text',
    { class: `name ${kind}`, x: textX, y: textY, 'text-anchor': anchor },
    shorten(row.name, max),
  );
  return [shape, text];
}

/** @type {Readonly<Record<'alive' | 'left' | 'suspect' | 'flapping' | 'dead', (x: number, y: number, r: number) => string>>} */
const shapes = {
  alive: (x, y, r) => circle(x, y, r),
  left: (x, y, r) => circle(x, y, r * 0.85),
  suspect: (x, y, r) =>
    path([x, y - r * 1.15], [x + r * 1.15, y + r * 0.9], [x - r * 1.15, y + r * 0.9]),
  flapping: (x, y, r) =>
    path([x, y - r * 1.2], [x + r * 1.2, y], [x, y + r * 1.2], [x - r * 1.2, y]),
  dead: (x, y, r) => {
    const d = round(r * 0.85);
    return `M${round(x) - d} ${round(y) - d}l${2 * d} ${2 * d}m0 ${-2 * d}l${-2 * d} ${2 * d}`;
  },
};

/** @param {number} n */
const round = (n) => Math.round(n * 10) / 10;

/** @param {...[number, number]} corners */
function path(...corners) {
  return `M${corners.map(([x, y]) => `${round(x)} ${round(y)}`).join('L')}z`;
}

/** @param {number} x @param {number} y @param {number} radius */
function circle(x, y, radius) {
  const r = round(radius);
  return `M${round(x) - r} ${round(y)}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`;
}

/** @param {Place} place @param {Layout} layout @param {number} now */
function probe({ row, x, y }, { cx, cy, ring, places }, now) {
  const { trip, state } = row;
  if (trip === undefined || (state !== 'alive' && state !== 'suspect')) return [];
  const fades = places.length > FEW ? MANY_FADE_MS : FADE_MS;
  const age = now - trip.at;
  if (age > 2 * fades) return [];
  const fresh = Math.max(0.15, 1 - age / fades);
  const line = draw('line', {
    class: 'probe',
    x1: cx,
    y1: cy,
    x2: x,
    y2: y,
    'stroke-opacity': fresh,
    'stroke-width': 1 + fresh,
  });
  if (ring === undefined) return [line];
  const at = { x: cx + (x - cx) * 0.62, y: cy + (y - cy) * 0.62 + 4, 'text-anchor': 'middle' };
  return [line, draw('text', { class: 'trip', ...at }, milliseconds(trip.ms))];
}

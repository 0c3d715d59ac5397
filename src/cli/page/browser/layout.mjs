/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Places the members in the diagram. Pure: members and a width in, positions out.
//
// Few members form a ring, all with their names. More members are listed at both sides, as long as each name
// has a line of its own. Beyond that, members with problems keep a name at the sides, and the others are dots
// in a disc around this node.
import { isProblem, rankOf } from './model.mjs';

/** @import { Row } from './model.mjs' */
/** @typedef {{ readonly row: Row, readonly x: number, readonly y: number, readonly r: number, readonly label?: { readonly x: number, readonly y: number, readonly anchor: 'start' | 'middle' | 'end', readonly max: number } }} Place */
/** @typedef {{ readonly width: number, readonly height: number, readonly cx: number, readonly cy: number, readonly ring?: { readonly rx: number, readonly ry: number }, readonly places: readonly Place[], readonly unlabelled: number }} Layout */

const LINE = 18;
const CHARACTER = 7;
const GOLDEN_ANGLE = Math.PI * (3 - Math.sqrt(5));
/** Between a dot and its name. */
const GAP = 13;
/** The radius of the disc's hole, which holds this node and its name. */
const HOLE = 54;

/**
 * @param {readonly Row[]} others - without this node, in the order of their positions
 * @param {number} space - the available width in pixels
 * @returns {Layout}
 */
export function layoutOf(others, space) {
  const width = Math.max(280, Math.min(640, Math.floor(space)));
  const isNarrow = width < 440;
  if (others.length <= (isNarrow ? 6 : 12)) return ringOf(others, width, isNarrow);
  const problems = others.filter(isProblem).sort((a, b) => rankOf(a) - rankOf(b));
  const capacity = isNarrow ? 40 : 60;
  const few = isNarrow ? 20 : 36;
  const named = others.length <= few ? [...others] : share(problems, capacity);
  const isNamed = new Set(named);
  // A named member leaves its position in the disc empty, so that the others do not move.
  const dots = others.map((row) => (isNamed.has(row) ? undefined : row));
  const unlabelled = problems.length - problems.filter((row) => isNamed.has(row)).length;
  return sidesOf({ named, dots, unlabelled }, width, isNarrow);
}

/**
 * Selects which of too many members with problems get a name: each kind gets a third of the space, or less.
 *
 * @param {readonly Row[]} problems - by rank
 * @param {number} capacity
 */
function share(problems, capacity) {
  if (problems.length <= capacity) return problems;
  /** @type {number[]} */
  const taken = [0, 0, 0];
  const first = problems.filter((row) => {
    const rank = rankOf(row);
    taken[rank] = (taken[rank] ?? 0) + 1;
    return /** @type {number} */ (taken[rank]) <= capacity / 3;
  });
  const isFirst = new Set(first);
  const others = problems.filter((row) => !isFirst.has(row));
  return [...first, ...others.slice(0, capacity - first.length)].sort(
    (a, b) => rankOf(a) - rankOf(b),
  );
}

/** @param {readonly Row[]} others @param {number} width @param {boolean} isNarrow @returns {Layout} */
function ringOf(others, width, isNarrow) {
  const height = Math.round(width * (isNarrow ? 0.86 : 0.68));
  const [cx, cy] = [width / 2, height / 2];
  const rx = width / 2 - (isNarrow ? 82 : 120);
  const ry = height / 2 - 42;
  const places = others.map((row, i) => {
    const angle = (i / others.length) * 2 * Math.PI - Math.PI / 2;
    const [x, y] = [cx + Math.cos(angle) * rx, cy + Math.sin(angle) * ry];
    const side = Math.cos(angle);
    if (Math.abs(side) < 0.25) {
      const below = Math.sin(angle) > 0 ? 26 : -17;
      return placed(
        row,
        { x, y, r: 8 },
        { x, y: y + below, anchor: 'middle', max: isNarrow ? 12 : 16 },
      );
    }
    return placed(row, { x, y, r: 8 }, labelNextTo({ x, y }, side > 0, width));
  });
  return { width, height, cx, cy, ring: { rx, ry }, places, unlabelled: 0 };
}

/**
 * @param {{ named: readonly Row[], dots: readonly (Row | undefined)[], unlabelled: number }} groups
 * @param {number} width
 * @param {boolean} isNarrow
 * @returns {Layout}
 */
function sidesOf({ named, dots, unlabelled }, width, isNarrow) {
  const columns = named.length === 0 ? 0 : isNarrow ? 1 : 2;
  const lines = columns === 0 ? 0 : Math.ceil(named.length / columns);
  const foot = unlabelled > 0 ? 26 : 0;
  const labels = isNarrow ? 118 : 136;
  const left = columns === 2 ? labels : 0;
  const inner = width - columns * labels;
  const cx = left + inner / 2;
  const wanted = Math.round(isNarrow ? Math.max(250, inner) : Math.max(320, width * 0.66));
  const height = Math.max(wanted, lines * LINE + 30 + foot);
  const cy = (height - foot) / 2;
  const radius = Math.min(inner / 2 - (columns === 0 ? 10 : isNarrow ? 15 : 26), cy - 10);

  /** @type {Place[]} */
  const places = [];
  // Ordered from top to bottom, first the right side, then the left side.
  named.forEach((row, i) => {
    const isRight = columns === 1 || i < lines;
    const inColumn = isRight ? lines : named.length - lines;
    const pitch = Math.min(LINE * 1.6, (cy * 2 - 24) / inColumn);
    const y = cy + ((i % lines) - (inColumn - 1) / 2) * pitch;
    // The columns are curved around the disc.
    const bend = dots.every((row) => row === undefined) || isNarrow ? 0.3 : 0.16;
    const bent = (1 - Math.sqrt(Math.max(0, 1 - ((y - cy) / (cy * 1.05)) ** 2))) * inner * bend;
    const x = isRight ? cx + inner / 2 - bent - 4 : cx - inner / 2 + bent + 4;
    places.push(placed(row, { x, y, r: 6 }, labelNextTo({ x, y }, isRight, width)));
  });
  const hole = isNarrow ? HOLE * 0.64 : HOLE;
  const [from, to] = [hole ** 2, Math.max(hole + 20, radius) ** 2];
  const r = Math.max(1.2, Math.min(5, 0.36 * Math.sqrt((Math.PI * (to - from)) / dots.length)));
  dots.forEach((row, i) => {
    if (row === undefined) return;
    const distance = Math.sqrt(from + ((i + 0.5) / dots.length) * (to - from));
    const angle = i * GOLDEN_ANGLE;
    const [x, y] = [cx + Math.cos(angle) * distance, cy + Math.sin(angle) * distance];
    places.push({ row, x, y, r: isProblem(row) ? Math.max(3.5, r * 1.4) : r });
  });
  return { width, height, cx, cy, places, unlabelled };
}

/** @param {Row} row @param {{ x: number, y: number, r: number }} where @param {Place['label']} label @returns {Place} */
function placed(row, where, label) {
  return label === undefined ? { row, ...where } : { row, ...where, label };
}

/**
 * A name next to a dot, with as many characters as fit.
 *
 * @param {{ x: number, y: number }} dot
 * @param {boolean} isRight
 * @param {number} width
 * @returns {NonNullable<Place['label']>}
 */
function labelNextTo({ x, y }, isRight, width) {
  const space = (isRight ? width - x : x) - GAP - 2;
  const max = Math.max(5, Math.min(20, Math.floor(space / CHARACTER)));
  return { x: x + (isRight ? GAP : -GAP), y: y + 4, anchor: isRight ? 'start' : 'end', max };
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Numbers and times as text.

/** The displayed names of the states; `dead` is the protocol's term. */
export const stateNames = {
  alive: 'alive',
  suspect: 'suspect',
  dead: 'failed',
  left: 'left',
};

/** The shape of each state, so that states do not differ by color alone. */
export const stateSigns = { alive: '●', suspect: '▲', dead: '✕', flapping: '◆', left: '○' };

/** @param {number} n */
export function compact(n) {
  if (n >= 1e6) return `${(n / 1e6).toFixed(1)}M`;
  return n >= 1e4 ? `${(n / 1e3).toFixed(0)}k` : String(Math.round(n));
}

/** @param {number} n */
export const grouped = (n) => n.toLocaleString('en-US');

/** @param {number} ms */
export function milliseconds(ms) {
  return ms < 10 ? `${ms.toFixed(2)} ms` : `${ms.toFixed(0)} ms`;
}

/** A duration in its two largest units. @param {number} ms */
export function duration(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** A time in the past, in its largest unit. @param {number} ms */
export function ago(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 90) return `${seconds} s ago`;
  return seconds < 5400
    ? `${Math.round(seconds / 60)} min ago`
    : `${Math.round(seconds / 3600)} h ago`;
}

/** @param {number} score */
export const healthText = (score) => (score === 0 ? 'healthy' : `degraded ${score}`);

/** @param {number} n @param {string} one @param {string} [many] */
export const count = (n, one, many = `${one}s`) => `${grouped(n)} ${n === 1 ? one : many}`;

/**
 * A text of at most `max` characters. The middle is left out: names often differ at their ends.
 *
 * @param {string} text
 * @param {number} max - 3 or more
 */
export function shorten(text, max) {
  const all = Array.from(text);
  if (all.length <= max) return text;
  const end = Math.floor((max - 1) / 2);
  return `${all.slice(0, max - 1 - end).join('')}…${all.slice(all.length - end).join('')}`;
}

/** The first `max` names, and the number of the others. @param {readonly string[]} names @param {number} max */
export function listSome(names, max) {
  const shown = names.slice(0, max).join(', ');
  return names.length > max ? `${shown} and ${grouped(names.length - max)} more` : shown;
}

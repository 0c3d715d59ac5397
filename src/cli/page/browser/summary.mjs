/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The header and the numbers: the identity of this node, and its condition.
import { byId, make, setAttribute, setText, fragment } from './dom.mjs';
import { compact, duration, grouped, healthText } from './text.mjs';

/** @import { StatusMessage } from '../messages.js' */

/** @type {StatusMessage | undefined} */
let before;

/** @param {StatusMessage} status */
export function showStatus(status) {
  const { name, counts, version, label, encryption, uptimeMs, address, drops } = status;
  document.title = `${name} · ${grouped(counts.alive + counts.suspect)} members`;
  setText(byId('self'), name);
  setText(byId('address'), address);
  setText(byId('version'), version);
  setText(byId('label'), label === '' ? 'none' : label);
  setText(byId('encryption'), encryption);
  setAttribute(byId('encryption'), 'class', isWeak(encryption) ? 'weak' : 'good');
  setText(byId('uptime'), duration(uptimeMs));
  showDrops(drops);
  showNumbers(status);
}

/** @param {string} encryption */
const isWeak = (encryption) => encryption === 'off' || encryption.includes('plaintext');

/** @param {StatusMessage['drops']} drops */
function showDrops(drops) {
  const total = drops.reduce((sum, [, n]) => sum + n, 0);
  setText(byId('drops-total'), total === 0 ? 'none' : grouped(total));
  const list = byId('drops');
  const texts = drops.map(([reason, n]) => `${reason} ${grouped(n)}`);
  // Changed only if necessary, which preserves a selection.
  if ([...list.children].map(({ textContent }) => textContent).join() === texts.join()) return;
  list.replaceChildren(fragment(texts.map((text) => make('li', {}, text))));
}

/** @param {StatusMessage} status */
function showNumbers(status) {
  const { counts, numbers, healthScore, at } = status;
  const seconds = before === undefined ? 0 : (at - before.at) / 1000;
  const packets = numbers.packets - (before?.numbers.packets ?? 0);
  const rate = seconds > 0 ? Math.max(0, packets) / seconds : undefined;
  before = status;
  tile('alive', compact(counts.alive), 'alive');
  tile('suspect', compact(counts.suspect), counts.suspect > 0 ? 'suspect' : '');
  tile('dead', compact(counts.dead), counts.dead > 0 ? 'dead' : '');
  tile('flapping', compact(counts.flapping), counts.flapping > 0 ? 'suspect' : '');
  tile('left', compact(counts.left), '');
  tile('health', healthText(healthScore), healthScore === 0 ? 'alive' : 'suspect');
  tile('queue', compact(numbers.queue), '');
  if (rate !== undefined) tile('packets', rate >= 10 ? compact(rate) : rate.toFixed(1), '');
}

/** @param {string} id @param {string} text @param {string} kind */
function tile(id, text, kind) {
  const value = byId(`tile-${id}`);
  setText(value, text);
  setAttribute(value, 'class', kind === '' ? undefined : kind);
}

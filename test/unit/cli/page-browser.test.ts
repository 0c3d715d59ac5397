/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The parts of the page's script that need no browser: colors, texts, order, positions.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Script } from 'node:vm';
import { layoutOf } from '../../../src/cli/page/browser/layout.mjs';
import { selectRows, Members, pageOf } from '../../../src/cli/page/browser/model.mjs';
import { duration, healthText, shorten, listSome } from '../../../src/cli/page/browser/text.mjs';
import { pageDocument } from '../../../src/cli/page/document.js';
import type { ShownMember } from '../../../src/cli/page/messages.js';

const { style: css } = pageDocument();
const byState = { text: '', filter: 'all', key: 'state', isDown: false } as const;

function made(name: string, more: Partial<ShownMember> = {}): ShownMember {
  const facts = {
    address: '10.0.0.1:7946',
    state: 'alive',
    incarnation: 1,
    meta: '',
    isSelf: false,
  };
  return { name, ...(facts as Omit<ShownMember, 'name'>), ...more };
}

function table(members: readonly ShownMember[]): Members {
  const model = new Members();
  model.replace({ members, notShown: 0 });
  return model;
}

test('each text color has a contrast of 4.5:1 on each of its backgrounds', () => {
  const themes = themesOf(css);
  assert.deepEqual([...themes.keys()], ['light', 'light stale', 'dark', 'dark stale']);
  for (const [theme, colors] of themes) {
    const pairs = ['ink', 'soft', 'self'].flatMap((text) => [
      [text, 'ground'],
      [text, 'card'],
    ]);
    for (const state of ['alive', 'suspect', 'dead', 'left', 'self']) {
      pairs.push([state, `${state}-wash`], [state, 'card']);
    }
    pairs.push(['suspect', 'ground'], ['ink', 'self-wash']);
    for (const [text = '', ground = ''] of pairs) {
      const ratio = contrast(colors.get(text), colors.get(ground));
      assert.ok(ratio >= 4.5, `${theme}: ${text} on ${ground} has ${ratio.toFixed(2)}:1`);
    }
    // Borders of controls, which are not text.
    const ratio = contrast(colors.get('control'), colors.get('card'));
    assert.ok(ratio >= 3, `${theme}: the border of a control has ${ratio.toFixed(2)}:1`);
  }
});

test('the style uses no text color whose contrast is not tested', () => {
  const used = new Set([...css.matchAll(/\n\s*color: ([^;]+);/g)].map(([, value]) => value));
  const known = ['ink', 'soft', 'self', 'alive', 'suspect', 'dead', 'left'].map(
    (name) => `var(--${name})`,
  );
  for (const value of used) {
    assert.ok(known.includes(value ?? '') || ['inherit', '#ffffff'].includes(value ?? ''), value);
  }
  assert.ok(contrast('#ffffff', '#9b1c1c') >= 4.5, 'a notice');
});

test('the modules of the page become one script that parses, without duplicate names', () => {
  const { script, html } = pageDocument();
  assert.doesNotMatch(script, /^(import|export) /m);
  // In a block, a function that is declared twice is an error as well.
  assert.doesNotThrow(() => new Script(`'use strict'; {${script}}`));
  assert.ok(html.includes(`<script type="module">${script}</script>`));
  assert.doesNotMatch(html, /(src|href)="(https?:)?\/\//, 'it loads nothing from elsewhere');
  assert.doesNotMatch(script, /innerHTML|outerHTML|insertAdjacentHTML|document\.write/);
  assert.doesNotMatch(script, /<\/script/i);
});

test('failed, suspect and flapping members come first, then this node, and members that left last', () => {
  const members = table([
    made('a-left', { state: 'left' }),
    made('b'),
    made('c-self', { isSelf: true }),
    made('d-flapping', { failures: 4 }),
    made('e-suspect', { state: 'suspect' }),
    made('f-failed', { state: 'dead' }),
  ]);
  const names = selectRows(members.rows, byState).map(({ name }) => name);
  assert.deepEqual(names, ['f-failed', 'e-suspect', 'd-flapping', 'c-self', 'b', 'a-left']);
});

test('names and addresses are sorted numerically, and members without a round trip come last', () => {
  const members = table([made('n10'), made('n9'), made('n1')]);
  const order = (key: 'name' | 'trip', isDown: boolean): string[] =>
    selectRows(members.rows, { ...byState, key, isDown }).map(({ name }) => name);
  assert.deepEqual(order('name', false), ['n1', 'n9', 'n10']);
  members.probed([
    ['n9', 3, 1],
    ['n10', 5, 1],
  ]);
  assert.deepEqual(order('trip', false), ['n9', 'n10', 'n1']);
  assert.deepEqual(order('trip', true), ['n10', 'n9', 'n1']);
});

test('a search finds members that contain all words, in name, address, metadata or state', () => {
  const members = table([
    made('web-1', { meta: 'zone=eu' }),
    made('web-2', { meta: 'zone=us', state: 'dead' }),
    made('db-1', { address: '10.9.9.9:7946' }),
  ]);
  const found = (text: string, filter: 'all' | 'dead' | 'flapping' = 'all'): string[] =>
    selectRows(members.rows, { ...byState, text, filter }).map(({ name }) => name);
  assert.deepEqual(found('WEB zone=us'), ['web-2']);
  assert.deepEqual(found('9.9.9'), ['db-1']);
  assert.deepEqual(found('failed'), ['web-2']);
  assert.deepEqual(found('', 'dead'), ['web-2']);
  assert.deepEqual(found('', 'flapping'), []);
});

test('events change the state before the next table arrives, and a newer round trip wins', () => {
  const members = table([made('a'), made('me', { isSelf: true })]);
  const event = { seq: 1, at: 5, detail: '' };
  members.apply([
    { ...event, kind: 'suspect', subject: 'a' },
    { ...event, kind: 'failed', subject: 'me' },
  ]);
  assert.deepEqual(members.counts(), {
    all: 2,
    dead: 0,
    suspect: 1,
    flapping: 0,
    alive: 1,
    left: 0,
  });
  members.probed([['a', 2, 20]]);
  members.probed([['a', 1, 10]]);
  assert.equal(members.rows[0]?.trip?.ms, 2);
});

test('a page past the end is the last one', () => {
  const all = Array.from({ length: 101 }, (_, i) => i);
  assert.deepEqual(pageOf(all, { page: 9, size: 50 }), {
    page: 2,
    pages: 3,
    from: 100,
    rows: [100],
  });
  assert.deepEqual(pageOf([], { page: 0, size: 50 }), { page: 0, pages: 1, from: 0, rows: [] });
});

test('in the diagram names do not overlap, and everything is inside', () => {
  for (const width of [300, 375, 560, 640]) {
    for (const n of [0, 1, 2, 6, 7, 12, 13, 20, 36, 37, 200, 1_000]) {
      for (const problems of [0, 1, 5, 50, 300]) {
        const members = Array.from({ length: n }, (_, i) =>
          made(
            `a-rather-long-name-${i}`,
            i < problems ? { state: i % 2 === 0 ? 'dead' : 'suspect' } : {},
          ),
        );
        const where = `${n} members, ${problems} problems, ${width} wide`;
        const layout = layoutOf(table(members).rows, width);
        assert.equal(layout.places.length, n, where);
        const labels = layout.places.flatMap(({ row, label }) =>
          label ? [{ row, ...label }] : [],
        );
        const hasProblem = ({ row }: { row: ShownMember }): boolean => row.state !== 'alive';
        const named = labels.filter(hasProblem).length;
        assert.equal(named + layout.unlabelled, Math.min(n, problems), where);
        if (problems <= 40)
          assert.equal(layout.unlabelled, 0, `${where}: all problems have a name`);
        const boxes = labels.map(({ x, y, anchor, max }) => {
          const wide = max * 6.6;
          const left = anchor === 'start' ? x : anchor === 'end' ? x - wide : x - wide / 2;
          return { left, right: left + wide, top: y - 11, bottom: y + 3 };
        });
        for (const [i, box] of boxes.entries()) {
          assert.ok(box.left >= -1 && box.right <= layout.width + 1, `${where}: name inside`);
          assert.ok(box.top >= 0 && box.bottom <= layout.height, `${where}: name inside`);
          for (const other of boxes.slice(i + 1)) {
            const isApart =
              box.right <= other.left ||
              other.right <= box.left ||
              box.bottom <= other.top ||
              other.bottom <= box.top;
            assert.ok(isApart, `${where}: names apart`);
          }
        }
        for (const { x, y, r } of layout.places) {
          assert.ok(x >= r && y >= r && x <= layout.width - r && y <= layout.height - r, where);
        }
      }
    }
  }
});

test('texts: health, durations, long names', () => {
  assert.deepEqual([healthText(0), healthText(3)], ['healthy', 'degraded 3']);
  assert.deepEqual([0, 59_000, 61_000, 3_720_000, 90_000_000].map(duration), [
    '0 s',
    '59 s',
    '1 min 1 s',
    '1 h 2 min',
    '1 d 1 h',
  ]);
  assert.equal(shorten('worker-eu-west-0127', 11), 'worke…-0127');
  assert.equal(shorten('short', 11), 'short');
  assert.equal(listSome(['a', 'b', 'c'], 2), 'a, b and 1 more');
});

/** The custom properties of the style, by theme. A theme inherits from the ones before it. */
function themesOf(text: string): Map<string, Map<string, string>> {
  const [light = '', dark = ''] = text.split(/@media \(prefers-color-scheme: dark\)/);
  const colorsOf = (part: string, selector: string): [string, string][] => {
    const at = part.indexOf(`${selector} {`);
    const block = part.slice(at, part.indexOf('}', at));
    return [...block.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name = '', value = '']) => [
      name,
      value,
    ]);
  };
  const base = colorsOf(light, ':root');
  const stale = colorsOf(light, ':root.stale');
  const night = colorsOf(dark, ':root');
  const nightStale = colorsOf(dark, ':root.stale');
  // A class has higher specificity, so stale light colors also apply in dark mode unless redefined.
  return new Map([
    ['light', new Map(base)],
    ['light stale', new Map([...base, ...stale])],
    ['dark', new Map([...base, ...night])],
    ['dark stale', new Map([...base, ...night, ...stale, ...nightStale])],
  ]);
}

function contrast(some: string | undefined, other: string | undefined): number {
  const [high = 0, low = 0] = [luminance(some), luminance(other)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}

/** Relative luminance as in WCAG 2.2. */
function luminance(color = ''): number {
  assert.match(color, /^#[0-9a-f]{6}$/);
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const channel = parseInt(color.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

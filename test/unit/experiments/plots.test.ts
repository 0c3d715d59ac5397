/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { drawPlot, type Plot } from '../../../experiments/plots.js';

const plot: Plot = {
  title: 'A title with < and &',
  subtitle: 'what it is about',
  x: { label: 'members n', log: true },
  y: { label: 'seconds' },
  marks: [{ y: 2, label: 'the paper' }],
  series: [
    {
      name: 'one',
      points: [[8, 1], [16, 2], [32, 3]], // prettier-ignore
      band: [[8, 0.5, 1.5], [16, 1, 3], [32, 2, 4]], // prettier-ignore
    },
    { name: 'another', points: [[8, 2], [32, 2.5]], dashed: true }, // prettier-ignore
  ],
};

/** The texts of an SVG, in order. */
function texts(svg: string): string[] {
  return [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text = '']) => text);
}

suite('a plot', () => {
  test('has the same bytes whenever it is drawn', () => {
    const first = drawPlot(plot);
    drawPlot({ ...plot, title: 'another' });
    assert.equal(drawPlot(plot), first);
    assert.match(first, /^<svg /);
    assert.match(first, /<\/svg>$/);
  });

  test('says what it shows', () => {
    const shown = texts(drawPlot(plot));
    const wanted = ['A title with &lt; and &amp;', 'what it is about', 'members n', 'seconds'];
    for (const text of [...wanted, 'one', 'another', 'the paper']) {
      assert.ok(shown.includes(text), `${text}: ${shown.join('|')}`);
    }
  });

  test('has powers of two at a logarithmic axis of powers of two', () => {
    const shown = texts(drawPlot(plot));
    for (const text of ['8', '16', '32']) assert.ok(shown.includes(text), text);
  });

  test('leaves out what a logarithmic axis cannot show', () => {
    const points = (zero: boolean): Plot['series'][0]['points'] => [
      ...(zero ? ([[1, 0]] as const) : []),
      [4, 0.1],
      [8, 20],
    ];
    const draw = (zero: boolean): string =>
      drawPlot({
        title: 't',
        x: { label: 'x', min: 0 },
        y: { label: 'y', log: true },
        series: [{ name: 's', points: points(zero) }],
      });
    assert.equal(draw(true), draw(false));
    assert.ok(texts(draw(true)).includes('0.1'));
  });

  test('of nothing is drawn as well', () => {
    const empty = { title: 't', series: [], x: { label: 'x' }, y: { label: 'y', log: true } };
    assert.match(drawPlot(empty), /^<svg /);
    assert.match(drawPlot({ ...empty, series: [{ name: 's', points: [] }] }), /^<svg /);
  });

  test('has no place that is not a number', () => {
    assert.doesNotMatch(drawPlot(plot), /NaN|undefined|Infinity/);
  });
});

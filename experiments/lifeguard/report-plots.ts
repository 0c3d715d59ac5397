/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The plots of the report, four per variant.

import { drawPlot, type Plot, type Series } from '../plots.js';
import { type Configuration, configurationNames } from './configurations.js';
import { isWhole, sizeText } from './report-marks.js';
import { publishedFigures, titles } from './report-published.js';
import type { Selection } from './report-select.js';
import { detectionTimes, type Summary } from './report-summary.js';
import { countOf } from '../report-text.js';

/** A plot of the report. */
export interface Picture {
  readonly file: string;
  readonly caption: string;
  /** Undefined if there is no data. */
  readonly svg: string | undefined;
}

/** The rules of a variant, as text. */
export const rulesOf = { paper: "the paper's rules", product: "the product's rules" } as const;

/** Draws the plots of a variant. */
export function picturesOf(selection: Selection, summary: Summary): Picture[] {
  const { variant } = summary;
  const picture = (name: string, plot: Plot): Picture => ({
    file: `lifeguard-${variant}-${name}.svg`,
    caption: plot.title,
    svg: hasData(plot) ? drawPlot(plot) : undefined,
  });
  return [
    picture('fp', byConcurrency(summary, 'perRun')),
    picture('fp-healthy', byConcurrency(summary, 'atHealthyPerRun')),
    picture('first-detection', distribution(selection, 'first')),
    picture('full-dissemination', distribution(selection, 'full')),
  ];
}

function hasData({ series }: Plot): boolean {
  return series.some(({ points }) => points.some(([, value]) => value > 0));
}

function byConcurrency(summary: Summary, what: 'perRun' | 'atHealthyPerRun'): Plot {
  const where = what === 'perRun' ? '' : ' at healthy nodes';
  const caution = isWhole(summary)
    ? ''
    : ' The grid is incomplete: the cells differ between values of C.';
  return {
    title: `False positives${where} by concurrency, ${rulesOf[summary.variant]}`,
    subtitle:
      `${sizeText(summary)}: means, and their 95 % intervals (bootstrap over cells). ` +
      `No point: no such event.${caution}`,
    x: { label: 'anomalous nodes C, of 128', min: 0, max: 34 },
    y: { label: `false positives${where} per run`, log: true },
    series: configurationNames.map((name): Series => {
      const figures = summary.figures[name].byConcurrency;
      return {
        name: titles[name],
        // SWIM's line is below it, often identical.
        dashed: name === 'buddy',
        points: figures.flatMap(({ concurrency, [what]: { value } }) =>
          value === null ? [] : [[concurrency, value] as const],
        ),
        band: figures.flatMap(({ concurrency, [what]: { low, high } }) =>
          low === null || high === null ? [] : [[concurrency, low, high] as const],
        ),
      };
    }),
  };
}

function distribution(selection: Selection, what: 'first' | 'full'): Plot {
  const name = what === 'first' ? 'First detection' : 'Full dissemination';
  const times = (configuration: Configuration): number[] =>
    detectionTimes(selection, configuration)[what];
  const all = configurationNames.flatMap(times);
  const counts = configurationNames.map((each) => times(each).length);
  const [fewest, most] = [Math.min(...counts), Math.max(...counts)];
  const nodes = fewest === most ? `${most}` : `${fewest} to ${most}`;
  const median = publishedFigures.swim[what].median;
  return {
    title: `${name}, ${rulesOf[selection.variant]}`,
    subtitle:
      `${countOf(selection.threshold.length, 'Threshold run')} per configuration; ` +
      `${nodes} anomalous nodes each`,
    x: {
      label: 'seconds since the start of the anomaly',
      min: Math.min(10, Math.floor(Math.min(...all, Infinity))),
      max: Math.max(20, Math.ceil(Math.max(...all, 0))),
    },
    y: { label: 'fraction of the detected nodes', min: 0, max: 1 },
    marks: [{ x: median, label: `published median of SWIM, ${median} s` }],
    series: configurationNames.map((each) => ({
      name: titles[each],
      step: true,
      dashed: each === 'buddy',
      points: cumulative(times(each)),
    })),
  };
}

/** Sorted times as a cumulative distribution, in steps of 10 ms. */
function cumulative(times: readonly number[]): (readonly [number, number])[] {
  const shares = new Map<number, number>();
  const [earliest] = times;
  for (const [index, time] of times.entries()) {
    shares.set(Math.ceil(time * 100) / 100, (index + 1) / times.length);
  }
  return earliest === undefined ? [] : [[earliest, 0], ...shares];
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The plots of the SWIM report.

import type { Plot, Series } from '../plots.js';
import { falseProbeProbability } from './expected.js';
import type { DetectionSummary } from './summaries.js';
import type { Summary } from './summary.js';

/** All plots, by file name. */
export function plotsOf(summary: Summary): Record<string, Plot> {
  return {
    load: loadPlot(summary),
    detection: detectionPlot(summary),
    'false-probes': falseProbesPlot(summary),
    'infection-median': infectionMedianPlot(summary),
    'infection-curves': infectionCurvesPlot(summary),
  };
}

function loadPlot({ load }: Summary): Plot {
  return {
    title: 'Load on a member',
    subtitle: 'Idle cluster with probes only; the band is from the least to the most loaded member',
    x: { label: 'members', log: true },
    y: { label: 'messages per member and period', min: 0, max: 3 },
    series: [
      {
        name: 'sent',
        points: load.map(({ nodes, sent }) => [nodes, sent] as const),
        band: load.map(({ nodes, leastSent, mostSent }) => [nodes, leastSent, mostSent] as const),
      },
      {
        name: 'received',
        points: load.map(({ nodes, received }) => [nodes, received] as const),
        dashed: true,
      },
    ],
    marks: [{ y: 2, label: 'expected: 2' }],
  };
}

function detectionPlot({ detection }: Summary): Plot {
  const random = detection.filter(({ phases }) => phases === 'random');
  const lockStep = detection.filter(({ phases }) => phases === 'lock-step');
  const longest = Math.max(6, ...random.flatMap(({ waits }) => waits));
  const fine = Array.from({ length: 61 }, (_, step) => (step * longest) / 60);
  return {
    title: 'From a crash to the first ping at the crashed node',
    subtitle: 'Fraction of crashes by then; lock-step: in the periods up to the one with the ping',
    x: { label: 'protocol periods', min: 0 },
    y: { label: 'fraction of crashes', min: 0, max: 1 },
    series: [
      ...random.map(({ nodes, waits }): Series => ({
        name: `random phases, n = ${nodes}`,
        points: cumulative(waits),
        step: true,
      })),
      {
        name: 'expected: 1 − e^(−t)',
        points: fine.map((time) => [time, 1 - Math.exp(-time)] as const),
        dashed: true,
      },
      ...lockStep.map((each): Series => ({
        name: `lock-step, n = ${each.nodes}`,
        points: sharesByPeriod(each),
        markersOnly: true,
      })),
    ],
  };
}

/** At most 200 steps of a cumulative distribution. */
function cumulative(sorted: readonly number[]): (readonly [number, number])[] {
  const every = Math.max(1, Math.ceil(sorted.length / 200));
  const steps = sorted.map((value, index) => [value, (index + 1) / sorted.length] as const);
  return [[0, 0], ...steps.filter((_, index) => index % every === 0 || index === steps.length - 1)];
}

function sharesByPeriod({ byPeriod, seeds }: DetectionSummary): (readonly [number, number])[] {
  let crashes = 0;
  return byPeriod.map((own, index) => [index + 1, (crashes += own) / seeds] as const);
}

function falseProbesPlot({ falseProbes }: Summary): Plot {
  const helperCounts = [...new Set(falseProbes.map(({ helpers }) => helpers))];
  const percents = Array.from({ length: 46 }, (_, step) => 1 + step / 5);
  const text = (helpers: number): string => `${helpers} helper${helpers === 1 ? '' : 's'}`;
  return {
    title: 'Failed probes of healthy members',
    subtitle: 'Lines: (1 − p²)(1 − p⁴)^k. If no probe failed: the upper end of the interval',
    x: { label: 'packets lost, %', min: 0, max: 10 },
    y: { label: 'fraction of probes', log: true, min: 1e-7, max: 1 },
    series: [
      ...helperCounts.map((helpers): Series => {
        const own = falseProbes.filter((each) => each.helpers === helpers);
        return {
          name: text(helpers),
          points: own.flatMap(({ lossPercent, share: { value } }) =>
            value === null ? [] : [[lossPercent, value] as const],
          ),
          markersOnly: true,
        };
      }),
      {
        name: 'none failed: at most',
        points: falseProbes.flatMap(({ lossPercent, failed, jointInterval: { high } }) =>
          failed > 0 || high === null ? [] : [[lossPercent, high] as const],
        ),
        markersOnly: true,
      },
      ...helperCounts.map((helpers): Series => ({
        name: `${text(helpers)}, formula`,
        points: percents.map((q) => [q, falseProbeProbability(q / 100, helpers)] as const),
        dashed: true,
      })),
    ],
  };
}

function infectionMedianPlot({ infection: { sizes, line, lastLine } }: Summary): Plot {
  const ends = [sizes[0]?.nodes ?? 8, sizes.at(-1)?.nodes ?? 1_024] as const;
  const fit = (name: string, through: typeof line): Series[] =>
    through === undefined
      ? []
      : [
          {
            name: `${name}: R² = ${through.linearity.toFixed(3)}`,
            points: ends.map(
              (nodes) => [nodes, through.intercept + through.slope * Math.log(nodes)] as const,
            ),
            dashed: true,
          },
        ];
  return {
    title: 'Dissemination time of an update with pings and acks alone',
    subtitle: 'The axis of members is logarithmic: a straight line is O(log n)',
    x: { label: 'members', log: true },
    y: { label: 'protocol periods', min: 0 },
    series: [
      {
        name: 'half of the other members know',
        points: sizes.map(({ nodes, median }) => [nodes, median.value ?? NaN] as const),
        band: sizes.map(({ nodes, median: { low, high } }) => [nodes, low ?? NaN, high ?? NaN]),
        markersOnly: true,
      },
      {
        name: 'the last member knows',
        points: sizes.map(({ nodes, last }) => [nodes, last.value ?? NaN] as const),
        band: sizes.map(({ nodes, last: { low, high } }) => [nodes, low ?? NaN, high ?? NaN]),
        markersOnly: true,
      },
      ...fit('half, a + b · ln n', line),
      ...fit('last, a + b · ln n', lastLine),
    ],
  };
}

function infectionCurvesPlot({ infection: { sizes } }: Summary): Plot {
  return {
    title: 'Infection curves',
    subtitle:
      'Fraction of the other members that know, mean over the updates; pings and acks alone',
    x: { label: 'protocol periods since the update', min: 0, max: 8 },
    y: { label: 'fraction of members', min: 0, max: 1 },
    series: sizes
      .filter(({ nodes }) => Number.isInteger(Math.log2(nodes)) && Math.log2(nodes) % 2 === 1)
      .concat(sizes.filter(({ nodes }) => nodes === 1_024))
      .map(({ nodes, curve }) => ({
        name: `n = ${nodes}`,
        points: curve.filter(([periods]) => periods <= 8),
      })),
  };
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Evaluates the pass marks: false positives by the upper end of their interval, as the marks require, all others by
// the figure. For a part of the grid, only the interval is known.

import type { Estimate } from '../statistics.js';
import { intervalCells } from './cells.js';
import { enough, passMarks, publishedFigures, publishedSwim } from './report-published.js';
import type { Summary } from './report-summary.js';
import { countOf, estimateText, nothing, numberText } from '../report-text.js';

export type Verdict = 'met' | 'not met' | 'not enough data';

/** A mark and its result. */
export interface Mark {
  readonly name: string;
  readonly published: string;
  readonly measured: string;
  readonly verdict: Verdict;
  /** Whether the mark uses a ratio to false positives that SWIM did not have as published. */
  readonly isVoid: boolean;
}

/** Evaluates the marks of a variant. The first mark is the one about the baseline. */
export function judge(summary: Summary): readonly [Mark, ...Mark[]] {
  const baseline = judgeBaseline(summary);
  const isVoid = baseline.verdict === 'not met';
  return [
    baseline,
    ...falsePositiveMarks(summary).map((mark) => ({ ...mark, isVoid })),
    ...[...timeMarks(summary), ...trafficMarks(summary)].map((mark) => ({
      ...mark,
      isVoid: false,
    })),
  ];
}

type Judged = Omit<Mark, 'isVoid'>;

function judgeBaseline(summary: Summary): Mark {
  const { least, most } = passMarks.baseline;
  const { perRun } = summary.figures.swim;
  return {
    name: `baseline: SWIM, averaged over the full grid, ${least}–${most} FP per run`,
    published: numberText(publishedSwim.falsePositives / publishedSwim.runs, 1),
    measured: `${estimateText(perRun)} FP per run in ${sizeText(summary)}`,
    verdict: within(perRun, least, most, summary),
    isVoid: false,
  };
}

function falsePositiveMarks(summary: Summary): Judged[] {
  const { swim, lifeguard } = summary.figures;
  const published = publishedFigures.lifeguard;
  const ratio = (name: string, limit: number): Judged => ({
    name,
    published: `${published.falsePositivesPercent} %`,
    measured: `${estimateText(lifeguard.falsePositivesPercent)} %`,
    verdict: upperEndAtMost(lifeguard.falsePositivesPercent, limit, summary),
  });
  const wanted = passMarks.baselineEventsAtHealthy;
  const events = swim.falsePositivesAtHealthy;
  const most = passMarks.falsePositivesAtHealthyPercent;
  const atHealthy = lifeguard.falsePositivesAtHealthyPercent;
  return [
    ratio(`Lifeguard FP ≤ ${passMarks.falsePositivesPercent} %`, passMarks.falsePositivesPercent),
    ratio(
      `stretch: Lifeguard FP ≤ ${passMarks.falsePositivesStretchPercent} %`,
      passMarks.falsePositivesStretchPercent,
    ),
    {
      name: `Lifeguard FP− ≤ ${most} %, with ≥ ${wanted} events of the baseline`,
      published: `${published.falsePositivesAtHealthyPercent} %`,
      measured: `${estimateText(atHealthy)} %; ${countOf(events, 'event')}`,
      verdict: events < wanted ? tooLittle : figureAtMost(atHealthy, most, summary),
    },
    judgeSingles(summary),
  ];
}

function judgeSingles(summary: Summary): Judged {
  const names = ['lha-suspicion', 'lha-probe', 'buddy'] as const;
  const [suspicion, probe, buddy] = names.map((name) => summary.figures[name].falsePositives);
  const text = (figures: readonly (number | null)[], digits: number): string => {
    const [first, ...others] = figures.map((figure) => numberText(figure, digits));
    return `${first} % vs. ${others.join(' % and ')} %`;
  };
  const isSmallest = (suspicion ?? 0) < Math.min(probe ?? 0, buddy ?? 0);
  const isKnown = hasEnoughCells(summary) && summary.figures.swim.falsePositives > 0;
  return {
    name: 'LHA-Suspicion has the fewest FP of the singles',
    published: text(
      names.map((name) => publishedFigures[name].falsePositivesPercent),
      2,
    ),
    measured: text(
      names.map((name) => summary.figures[name].falsePositivesPercent.value),
      2,
    ),
    verdict: isKnown ? decided(isSmallest) : tooLittle,
  };
}

function timeMarks({ figures }: Summary): Judged[] {
  const own = figures.lifeguard.threshold.detections;
  const baseline = figures.swim.threshold.detections;
  const published = publishedFigures.lifeguard;
  const first = own.first.median.value ?? NaN;
  const change = 100 * (first / (baseline.first.median.value ?? NaN) - 1);
  const spread = (own.full.median.value ?? NaN) - first;
  const { least, most } = passMarks.firstMedian;
  const ofBaseline = passMarks.firstMedianOfBaselinePercent;
  const isEnough = Math.min(own.count, own.fullCount, baseline.count) >= enough.detections;
  const judged = (isMet: boolean): Verdict => (isEnough ? decided(isMet) : tooLittle);
  const publishedFirst = published.first.median;
  const publishedChange = 100 * (publishedFirst / publishedFigures.swim.first.median - 1);
  return [
    {
      name: `Lifeguard median first detection ${least.toFixed(1)}–${most} s`,
      published: `${publishedFirst} s`,
      measured: `${estimateText(own.first.median)} s; ${countOf(own.count, 'detection')}`,
      verdict: judged(first >= least && first <= most),
    },
    {
      name: `and within ${ofBaseline} % of the own baseline`,
      published: `${signed(publishedChange)} %`,
      measured: `${signed(change)} % of ${estimateText(baseline.first.median)} s`,
      verdict: judged(Math.abs(change) <= ofBaseline),
    },
    {
      name: `Lifeguard full minus first ≤ ${passMarks.fullMinusFirst} s, of the medians`,
      published: `${numberText(published.full.median - publishedFirst, 2)} s`,
      measured: `${numberText(spread, 2)} s; ${countOf(own.fullCount, 'dissemination')}`,
      verdict: judged(spread <= passMarks.fullMinusFirst),
    },
  ];
}

function trafficMarks(summary: Summary): Judged[] {
  const { lifeguard } = summary.figures;
  return (['messages', 'bytes'] as const).map((what) => {
    const limit = passMarks[`${what}Percent`];
    const measured = lifeguard[`${what}Percent`];
    return {
      name: `Lifeguard ${what} ≤ ${limit} %`,
      published: `${publishedFigures.lifeguard[`${what}Percent`]} %`,
      measured: `${estimateText(measured)} %`,
      verdict: figureAtMost(measured, limit, summary),
    };
  });
}

const tooLittle: Verdict = 'not enough data';

function decided(isMet: boolean): Verdict {
  return isMet ? 'met' : 'not met';
}

function upperEndAtMost(estimate: Estimate, limit: number, summary: Summary): Verdict {
  const { low, high } = estimate;
  if (!hasEnoughCells(summary) || low === null || high === null) return tooLittle;
  if (high <= limit) return 'met';
  return isWhole(summary) || low > limit ? 'not met' : tooLittle;
}

function figureAtMost(estimate: Estimate, limit: number, summary: Summary): Verdict {
  return within(estimate, 0, limit, summary);
}

/** For the whole grid the figure decides; for a sample its interval, if it is on one side. */
function within(estimate: Estimate, least: number, most: number, summary: Summary): Verdict {
  const { value, low, high } = estimate;
  if (isWhole(summary) && value !== null) return decided(value >= least && value <= most);
  if (!hasEnoughCells(summary) || low === null || high === null) return tooLittle;
  if (high < least || low > most) return 'not met';
  return low >= least && high <= most ? 'met' : tooLittle;
}

/** Whether every cell of the Interval grid has at least one complete repetition. */
export function isWhole(summary: Summary): boolean {
  return summary.intervalCells === intervalCells.length;
}

function hasEnoughCells(summary: Summary): boolean {
  return summary.intervalCells >= enough.cells;
}

/** The size of the Interval part. */
export function sizeText({ intervalRuns, intervalCells: cells }: Summary): string {
  return `${countOf(intervalRuns, 'run')} in ${cells} of ${intervalCells.length} cells`;
}

function signed(value: number): string {
  if (!Number.isFinite(value)) return nothing;
  return `${value < 0 ? '−' : '+'}${numberText(Math.abs(value), 2)}`;
}

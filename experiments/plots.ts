/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Plots of lines, points and bands, drawn by ECharts without a browser. The same plot gives the same
// bytes, so that a regenerated report changes only where necessary.

import { init, type CustomSeriesOption, type EChartsOption, type LineSeriesOption } from 'echarts';

/** Data with one name and one color. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [number, number])[];
  /** An area behind the line, for example a confidence interval. */
  readonly band?: readonly (readonly [x: number, low: number, high: number])[] | undefined;
  readonly dashed?: boolean | undefined;
  /** Points without a connecting line. */
  readonly markersOnly?: boolean | undefined;
  /** The line keeps its height until the next point, as in a cumulative distribution. */
  readonly step?: boolean | undefined;
}

/** An axis. The label contains the unit; missing ends are round numbers around the data. */
export interface Axis {
  readonly label: string;
  /**
   * Logarithmic: values that are not above zero are omitted, and the line is broken there. An axis that is
   * not logarithmic starts at zero or below.
   */
  readonly log?: boolean | undefined;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

/** A plot. */
export interface Plot {
  readonly title: string;
  readonly subtitle?: string | undefined;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  /** Straight lines across the plot, at an x or at a y. */
  readonly marks?: readonly Mark[] | undefined;
}

/** A straight line across a plot. */
export interface Mark {
  readonly x?: number;
  readonly y?: number;
  readonly label: string;
}

type Point = readonly number[];

const width = 860;
const height = 500;
const lineHeight = 18;
const font = 'Helvetica, Arial, sans-serif';
const ink = '#222';
const faint = '#e4e4e4';
/** Okabe and Ito's colors, which color-blind readers can distinguish, without their yellow. */
const palette = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#555555'];
const symbols = ['circle', 'rect', 'triangle', 'diamond'];
/** Lines with more points have no symbols. */
const mostSymbols = 40;
/** The maximum number of labels at an axis. */
const mostTicks = 13;

/** Draws a plot. @returns SVG */
export function drawPlot(plot: Plot): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption(optionOf(plot));
    return stable(chart.renderToSVGString());
  } finally {
    chart.dispose();
  }
}

/**
 * ECharts counts charts and styles during the life of a process, and the counts are part of names.
 * Its classes are for mouse interaction, which does not exist here.
 */
function stable(svg: string): string {
  return svg
    .replaceAll(/<style[^]*?<\/style>\s*/g, '')
    .replaceAll(/ (?:class|ecmeta_\w+)="[^"]*"/g, '')
    .replaceAll(/\bzr\d+-/g, 'plot-');
}

function optionOf(plot: Plot): EChartsOption {
  const { title, subtitle = '', series, x, y, marks = [] } = plot;
  // Of a band that reaches zero, a logarithmic axis shows the part above zero.
  const isShown = (point: Point): boolean =>
    (!x.log || (point[0] ?? 0) > 0) && (!y.log || (point.at(-1) ?? 0) > 0);
  const seen = series.flatMap(({ points, band = [] }) => [...points, ...band].filter(isShown));
  const upwards = seen.flatMap(([, ...ends]) => ends).filter((value) => !y.log || value > 0);
  const across = seen.map(([at = NaN]) => at);
  const marked = (axis: 'x' | 'y'): number[] => marks.flatMap((mark) => mark[axis] ?? []);
  const upTicks = ticksOf(y, upwards, marked('y'));
  const under = wrapped(subtitle, 120);
  const top = 62 + lineHeight * under.length + (marked('x').length > 0 ? 8 : 0);
  const legendWidth = 60 + 7 * Math.max(0, ...series.map(({ name }) => name.length));
  return {
    animation: false,
    backgroundColor: '#fff',
    textStyle: { fontFamily: font, color: ink },
    title: {
      text: title,
      subtext: under.join('\n'),
      left: 20,
      top: 14,
      itemGap: 8,
      textStyle: { fontFamily: font, fontSize: 17, fontWeight: 'bold', color: ink },
      subtextStyle: { fontFamily: font, fontSize: 13, lineHeight, color: '#555' },
    },
    legend: {
      data: series.map(({ name }) => name),
      orient: 'vertical',
      left: width - legendWidth,
      top,
      itemWidth: 30,
      itemGap: 11,
      selectedMode: false,
      textStyle: { fontFamily: font, fontSize: 13, color: ink },
    },
    grid: {
      left: 76,
      right: legendWidth + 16,
      top,
      bottom: 58,
      containLabel: false,
    },
    xAxis: axisOption(x, ticksOf(x, across, marked('x')), 34),
    yAxis: axisOption(y, upTicks, 52),
    series: [
      ...series.flatMap(({ band = [] }, index) =>
        unbroken(band, isShown).map((part) => bandOption(part, upTicks.min, index)),
      ),
      ...series.map((one, index) => seriesOption(one, isShown, index)),
      ...marks.map(markOption),
    ],
  };
}

function axisOption(axis: Axis, { min, max, at }: Ticks, nameGap: number): object {
  return {
    type: axis.log ? 'log' : 'value',
    name: axis.label,
    nameLocation: 'middle',
    nameGap,
    nameTextStyle: { fontFamily: font, fontSize: 14, color: ink },
    min,
    max,
    axisLine: { show: true, onZero: false, lineStyle: { color: '#666' } },
    axisTick: { show: true, customValues: at, lineStyle: { color: '#666' } },
    axisLabel: {
      customValues: at,
      fontFamily: font,
      fontSize: 13,
      color: ink,
      formatter: (value: number): string => numberText(value),
    },
    splitLine: { lineStyle: { color: faint } },
  };
}

function seriesOption(
  { name, points, dashed, markersOnly, step }: Series,
  isShown: (point: Point) => boolean,
  index: number,
): LineSeriesOption {
  const hasSymbols = markersOnly === true || (points.length <= mostSymbols && !step);
  return {
    type: 'line',
    name,
    data: points.map((point) => (isShown(point) ? [...point] : [point[0], null])),
    color: color(index),
    step: step ? 'end' : false,
    symbol: hasSymbols ? (symbols[index % symbols.length] as string) : 'none',
    symbolKeepAspect: true,
    symbolSize: markersOnly ? 9 : 7,
    showSymbol: hasSymbols,
    lineStyle: { width: markersOnly ? 0 : 2.2, type: dashed ? [7, 5] : 'solid' },
    silent: true,
    clip: true,
    z: 3,
  };
}

function bandOption(band: readonly Point[], floor: number, index: number): CustomSeriesOption {
  return {
    type: 'custom',
    data: [[0, 0]],
    silent: true,
    clip: true,
    z: 1,
    renderItem: (_, api) => {
      const upper = band.map(([x = NaN, , high = NaN]) => api.coord([x, high]));
      const lower = band
        .map(([x = NaN, low = NaN]) => api.coord([x, Math.max(low, floor)]))
        .reverse();
      return {
        type: 'polygon',
        shape: { points: [...upper, ...lower] },
        style: { fill: color(index), opacity: 0.13 },
      };
    },
  };
}

/** The parts of a band between omitted points. */
function unbroken(
  band: readonly Point[],
  isShown: (point: Point) => boolean,
): readonly (readonly Point[])[] {
  const parts: Point[][] = [[]];
  for (const point of band) {
    if (isShown(point)) parts.at(-1)?.push(point);
    else parts.push([]);
  }
  return parts.filter((part) => part.length > 1);
}

function markOption({ x, y, label }: Mark): LineSeriesOption {
  return {
    type: 'line',
    data: [],
    silent: true,
    z: 4,
    markLine: {
      silent: true,
      symbol: 'none',
      lineStyle: { color: '#777', type: [3, 4], width: 1.4 },
      label: {
        formatter: label,
        position: x === undefined ? 'insideStartTop' : 'end',
        fontFamily: font,
        fontSize: 12,
        color: '#444',
        backgroundColor: 'rgba(255, 255, 255, 0.75)',
      },
      data: [x === undefined ? { yAxis: y as number } : { xAxis: x }],
    },
  };
}

function color(index: number): string {
  return palette[index % palette.length] as string;
}

/** Thousands are separated by a thin space. */
function numberText(value: number): string {
  const digits = String(Number(value.toPrecision(10)));
  return value < 10_000 ? digits : digits.replaceAll(/\B(?=(\d{3})+$)/g, '\u2009');
}

/** Lines of at most `length` characters, broken between words. */
function wrapped(text: string, length: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ').filter((each) => each !== '')) {
    const longer = `${lines.at(-1) ?? ''} ${word}`.trim();
    if (lines.length > 0 && longer.length <= length) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** The ends of an axis, and the labeled positions. */
interface Ticks {
  readonly min: number;
  readonly max: number;
  readonly at: number[];
}

/**
 * Determines an axis for values, and for marks that must be visible. Values that a logarithmic axis cannot show must
 * have been omitted.
 */
function ticksOf(axis: Axis, values: readonly number[], marks: readonly number[] = []): Ticks {
  const all = [...values, ...marks];
  if (!axis.log) return linear(axis, all);
  const low = axis.min ?? smallest(all);
  const high = axis.max ?? Math.max(...all, low * (all.length > 1 ? 1 : 10));
  return powersOfTwo(low, high, values) ?? logarithmic(axis, low, high);
}

function linear(axis: Axis, values: readonly number[]): Ticks {
  const low = axis.min ?? Math.min(0, ...values);
  const high = axis.max ?? Math.max(low, ...values);
  const step = roundStep((high - low || 1) / 6);
  const min = axis.min ?? Math.floor(low / step) * step;
  const max = axis.max ?? Math.max(min + step, Math.ceil(high / step - 1e-9) * step);
  return { min, max, at: multiples(step, min, max) };
}

/** The smallest number of the form 1, 2 or 5 times a power of ten that is at least `least`. */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  const times = [1, 2, 5].find((each) => each * power >= least * (1 - 1e-9)) ?? 10;
  return times * power;
}

function multiples(step: number, min: number, max: number): number[] {
  const first = Math.ceil(min / step - 1e-9);
  const last = Math.floor(max / step + 1e-9);
  const count = Math.max(0, last - first + 1);
  return Array.from({ length: count }, (_, index) =>
    Number(((first + index) * step).toPrecision(12)),
  );
}

/** For cluster sizes and similar values, readers look for the powers of two. */
function powersOfTwo(low: number, high: number, values: readonly number[]): Ticks | undefined {
  if (!values.every((value) => Number.isInteger(Math.log2(value)))) return undefined;
  const at = powers(2, low, high).filter((value) => isWithin(value, low, high));
  return at.length > 1 && at.length <= mostTicks ? { min: low, max: high, at } : undefined;
}

function logarithmic(axis: Axis, low: number, high: number): Ticks {
  const times = high / low < 300 ? [1, 2, 5] : [1];
  const min = axis.min ?? ending(times, low, 'under');
  const max = axis.max ?? ending(times, high, 'over');
  const at = powers(10, min, max)
    .flatMap((power) => times.map((each) => each * power))
    .filter((value) => isWithin(value, min, max));
  return { min, max, at: at.map((value) => Number(value.toPrecision(12))) };
}

function isWithin(value: number, min: number, max: number): boolean {
  return value >= min * (1 - 1e-9) && value <= max * (1 + 1e-9);
}

function smallest(values: readonly number[]): number {
  return values.length === 0 ? 1 : Math.min(...values);
}

/** The nearest tick that is not above, or not below, a value. */
function ending(times: readonly number[], value: number, side: 'under' | 'over'): number {
  const ticks = powers(10, value / 10, value * 10)
    .flatMap((power) => times.map((each) => each * power))
    .sort((a, b) => a - b);
  const tick =
    side === 'under'
      ? ticks.filter((each) => each <= value * (1 + 1e-9)).at(-1)
      : ticks.find((each) => each >= value * (1 - 1e-9));
  return Number((tick ?? value).toPrecision(12));
}

/** The powers of a base from the last one not above `low` to the first one not below `high`. */
function powers(base: number, low: number, high: number): number[] {
  const log = (value: number): number => Math.log(value) / Math.log(base);
  const first = Math.floor(log(low) + 1e-9);
  const last = Math.ceil(log(high) - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => base ** (first + index));
}

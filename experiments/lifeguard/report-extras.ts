/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Runs that are in no table with published figures: frozen nodes, other settings, and cells that are not in the grid.

import { type Estimate, ratioOfSums } from '../statistics.js';
import type { Store } from '../store.js';
import { intervalCells, thresholdCells } from './cells.js';
import {
  canonicalVariant,
  type Configuration,
  configurationNames,
  type Variant,
  variants,
} from './configurations.js';
import { titles } from './report-published.js';
import {
  common,
  isSame,
  nameOf,
  publishedSetting,
  select,
  type Selection,
  type Setting,
  settingOf,
} from './report-select.js';
import { type Figures, summarize, type Summary } from './report-summary.js';
import { countOf, estimateText, numberText, percentText, tableText } from '../report-text.js';
import type { RunResult } from './run.js';

/** The runs with frozen nodes of one variant. If there are runs with and without the stall rule, both use the same seeds. */
export interface Freeze {
  readonly variant: Variant;
  readonly withRule: Summary | undefined;
  readonly withoutRule: Summary | undefined;
  /** Lifeguard's false positives with the rule, in percent of those without. */
  readonly ruleEffect: Estimate | undefined;
}

/** The runs with another setting. */
export interface OtherRuns {
  readonly setting: Setting;
  readonly isOfTheGrid: boolean;
  readonly configuration: Configuration;
  readonly variant: Variant;
  runs: number;
  falsePositives: number;
  falsePositivesAtHealthy: number;
}

const frozen = (noStallRule: boolean): Setting => ({
  ...publishedSetting,
  anomaly: 'freeze',
  noStallRule,
});

/** The runs with frozen nodes of each variant that has some. */
export function freezesOf(store: Store<RunResult>): Freeze[] {
  return variants.flatMap((variant): Freeze[] => {
    let withRule = select(store, frozen(false), variant);
    let withoutRule = select(store, frozen(true), variant);
    const areBoth = !isEmpty(withRule) && !isEmpty(withoutRule);
    if (areBoth) [withRule, withoutRule] = common(withRule, withoutRule);
    if (isEmpty(withRule) && isEmpty(withoutRule)) return [];
    const summary = (selection: Selection): Summary | undefined =>
      isEmpty(selection) ? undefined : summarize(selection);
    return [
      {
        variant,
        withRule: summary(withRule),
        withoutRule: summary(withoutRule),
        ruleEffect: areBoth ? ruleEffect(withRule, withoutRule) : undefined,
      },
    ];
  });
}

function isEmpty({ interval, threshold }: Selection): boolean {
  return interval.length + threshold.length === 0;
}

function ruleEffect(withRule: Selection, withoutRule: Selection): Estimate {
  const without = new Map(withoutRule.interval.map((pair) => [pair.seed, pair.results.lifeguard]));
  const cells = new Map<string, [number, number]>();
  for (const { cell, seed, results } of withRule.interval) {
    const [above, below] = cells.get(nameOf(cell)) ?? [0, 0];
    const other = without.get(seed)?.falsePositives ?? 0;
    cells.set(nameOf(cell), [above + 100 * results.lifeguard.falsePositives, below + other]);
  }
  return ratioOfSums([...cells.values()], { seed: 'lifeguard report', perEvent: 100 });
}

/** The section about frozen nodes. */
export function freezeText(freezes: readonly Freeze[]): string {
  if (freezes.length === 0) return 'Not run yet.';
  return freezes.map(freezeVariantText).join('\n\n');
}

function freezeVariantText({ variant, withRule, withoutRule, ruleEffect }: Freeze): string {
  const parts = [
    ['with', withRule],
    ['without', withoutRule],
  ] as const;
  const rows = parts.flatMap(([rule, summary]) =>
    summary === undefined
      ? [[rule, 'not run yet', ...Array<string>(6).fill('')]]
      : configurationNames.map((name) => [rule, titles[name], ...cellsOf(summary.figures[name])]),
  );
  const sizes = parts.map(([rule, summary]) =>
    summary === undefined
      ? `${rule} the rule: not run yet`
      : `${rule} the rule: ${countOf(summary.intervalRuns, 'Interval run')} and ` +
        `${countOf(summary.thresholdRuns, 'Threshold run')} per configuration`,
  );
  const effect =
    ruleEffect === undefined
      ? ''
      : ` Lifeguard's FP with the rule are ${estimateText(ruleEffect)} % of those without.`;
  const head = ['stall rule', 'configuration', 'FP', 'FP per run', 'FP % of SWIM'];
  const more = ['FP−', 'FP− % of SWIM', 'first detection, median s'];
  return `### Rules of the ${variant}\n\n${sizes.join('; ')}.${effect}\n\n${tableText([...head, ...more], rows)}`;
}

function cellsOf(figures: Figures): string[] {
  return [
    numberText(figures.falsePositives),
    estimateText(figures.perRun),
    percentText(figures, 'falsePositivesPercent'),
    numberText(figures.falsePositivesAtHealthy),
    percentText(figures, 'falsePositivesAtHealthyPercent'),
    estimateText(figures.threshold.detections.first.median),
  ];
}

const grid = new Set([...thresholdCells, ...intervalCells].map(nameOf));

/** All runs that are in no other table. */
export function otherRunsOf(store: Store<RunResult>): OtherRuns[] {
  const groups = new Map<string, OtherRuns>();
  for (const { run, falsePositives, falsePositivesAtHealthy } of store.all()) {
    const setting = settingOf(run);
    const isOfTheGrid = grid.has(nameOf(run));
    if (isOfTheGrid && hasTable(setting)) continue;
    const { configuration, variant } = run;
    const key = JSON.stringify([setting, isOfTheGrid, configuration, variant]);
    const empty = { runs: 0, falsePositives: 0, falsePositivesAtHealthy: 0 };
    const group = groups.get(key) ?? { setting, isOfTheGrid, configuration, variant, ...empty };
    group.runs++;
    group.falsePositives += falsePositives;
    group.falsePositivesAtHealthy += falsePositivesAtHealthy;
    groups.set(key, group);
  }
  return [...groups.keys()].sort().map((key) => groups.get(key) as OtherRuns);
}

function hasTable(setting: Setting): boolean {
  return [publishedSetting, frozen(false), frozen(true)].some((each) => isSame(each, setting));
}

/** The section about other settings. */
export function otherRunsText(others: readonly OtherRuns[]): string {
  if (others.length === 0) return 'None.';
  const head = ['α', 'β', 'nodes', 'anomaly', 'cells', 'configuration', 'rules'];
  return tableText(
    [...head, 'runs', 'FP', 'FP−', 'FP per run'],
    others.map((group) => [
      group.setting.alpha,
      group.setting.beta,
      group.setting.nodes,
      group.setting.anomaly + (group.setting.noStallRule ? ', no stall rule' : ''),
      group.isOfTheGrid ? 'of the grid' : 'others',
      titles[group.configuration],
      rulesText(group),
      numberText(group.runs),
      numberText(group.falsePositives),
      numberText(group.falsePositivesAtHealthy),
      numberText(group.falsePositives / group.runs, 2),
    ]),
  );
}

/** Runs in which the variants do not differ are stored once, under the product's name. */
function rulesText({ variant, configuration, setting }: OtherRuns): string {
  const ofThePaper = canonicalVariant({ ...setting, configuration, variant: 'paper' });
  return ofThePaper === 'product' ? 'both' : variant;
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The report of the SWIM experiments: figures as JSON, tables beside what was expected, plots.

import { drawPlot } from '../plots.js';
import type { Store } from '../store.js';
import { estimateText, numberText, tableText } from '../report-text.js';
import {
  expectedDetection,
  leastLinearity,
  paperInfection,
  seedsForVerdict,
  type Range,
} from './expected.js';
import { writeFormatted } from '../files.js';
import { plotsOf } from './report-plots.js';
import type { Line } from './estimates.js';
import { summarize, type Summary } from './summary.js';
import type { Amounts, Result } from './tasks.js';

const command = 'npm run sim:swim';

/** Writes all files of the report. @returns what it says */
export async function writeReport(init: {
  readonly store: Store<Result>;
  readonly amounts: Amounts;
  readonly directory: string;
}): Promise<Summary> {
  const { store, amounts, directory } = init;
  const summary = summarize(store, amounts);
  const plots = plotsOf(summary);
  for (const [name, plot] of Object.entries(plots)) {
    await writeFormatted(`${directory}/swim-${name}.svg`, drawPlot(plot));
  }
  await writeFormatted(`${directory}/swim.md`, textOf(summary));
  await writeFormatted(`${directory}/swim.json`, JSON.stringify({ command, ...brief(summary) }));
  return summary;
}

/** Without the single waits: they are in the file of the runs. */
function brief(summary: Summary): object {
  const detection = summary.detection.map(({ waits, ...others }) => ({
    ...others,
    waits: waits.length,
  }));
  return { ...summary, detection };
}

/** The report in Markdown. */
export function textOf(summary: Summary): string {
  const { runs, verdicts } = summary;
  const state =
    runs.done === runs.wanted ? `${runs.done} runs` : `${runs.done} of ${runs.wanted} runs so far`;
  return [
    '# The claims of the SWIM paper, measured',
    `Das, Gupta, Motivala: _SWIM_, DSN 2002. The nodes are the product's own \`Memberlist\`; clock,
randomness and network are exchanged, and nothing else. One way on the network takes 0.05 to 0.2 ms;
a protocol period is 1 s of virtual time. What each row needs switched off is switched off: gossip
rounds, full exchanges, pings over streams, deaths, and Lifeguard's slower probes of a node that
doubts itself. Before anything is counted, everybody knows everybody and nobody has news to tell.`,
    `Made by \`${command}\` (${state}). Runs that
are done are in [runs/swim.jsonl](runs/swim.jsonl), with their seeds; the figures are in
[swim.json](swim.json). Intervals are 95 %. Thresholds were fixed before the runs.`,
    tableText(
      ['claim', 'verdict'],
      verdicts.map(({ claim, verdict }) => [claim, `**${verdict}**`]),
    ),
    ...loadText(summary),
    ...detectionText(summary),
    ...worstCaseText(summary),
    ...falseProbesText(summary),
    ...infectionText(summary),
  ].join('\n\n');
}

function loadText({ load }: Summary): string[] {
  return [
    '## Load per member',
    `A quiet cluster, nothing but probes. Packets are counted as they are sent; received are those
that the network carried. Expected: 2.00 ± 0.02 of each at every n, one ping and one ack.`,
    tableText(
      ['n', 'periods', 'sent', 'received', 'pings', 'acks', 'least and most busy', 'verdict'],
      load.map((each) => [
        each.nodes,
        each.periods,
        numberText(each.sent, 3),
        numberText(each.received, 3),
        numberText(each.pings, 3),
        numberText(each.acks, 3),
        `${numberText(each.leastSent, 2)} – ${numberText(each.mostSent, 2)}`,
        each.verdict,
      ]),
    ),
    `Sent and received are messages a member and period; a member's own figure varies because it
acks whatever pings come. Seeds: \`swim load n… #0\`.`,
    '![Load](swim-load.svg)',
  ];
}

function rangeText({ low, high }: Range): string {
  return `${low.toFixed(2)} – ${high.toFixed(2)}`;
}

function detectionText({ detection }: Summary): string[] {
  return [
    '## First detection',
    `One cluster for each seed. It probes for two periods and a random part of a pass through the
list (n − 1 periods); then a node that is chosen at random crashes, at a random moment. What counts
is the first ping that is sent to it afterwards, seen on the wire. Nobody asks helpers, so all pings
are those of an observer's own rounds.`,
    `**Lock-step**: each node's ticks are held up until the next multiple of the period, so that all
ping at the same moment, as in the paper's analysis. Counted are the common periods from the crash up
to the one with the first ping. The order in which each node probes is the product's: a shuffled list,
shuffled anew after each pass. **Random phases**: as the product does it. There the periods that are
counted begin at the crash, and waits are times; detection is when the first observer suspects.`,
    tableText(
      ['n', 'phases', 'seeds', 'periods', 'wait', 'detection', 'at this n', 'verdict'],
      detection.map((each) => [
        each.nodes,
        each.phases,
        numberText(each.seeds),
        estimateText(each.periods, 3),
        estimateText(each.wait, 3),
        estimateText(each.detection, 3),
        each.phases === 'lock-step'
          ? `${numberText(each.expectedPeriods, 3)} periods`
          : `wait ${numberText(each.expectedWait, 3)}`,
        each.seeds >= seedsForVerdict ? each.verdict : 'too few seeds',
      ]),
    ),
    `Expected: ${rangeText(expectedDetection.periods)} periods in lock-step; with random phases a
wait of ${rangeText(expectedDetection.wait)} and detection after
${rangeText(expectedDetection.detection)} periods (the tolerance of the first figure is taken for all
three). A crash comes half a period before the next common one on average, so in lock-step the wait
is half a period less than the periods. At a finite n, 1/(1 − (1 − 1/(n − 1))^(n − 1)) periods stand in
the place of e/(e − 1), and a wait of (n − 1)/n in the place of 1. Seeds: \`swim detection n… lock-step 0\` and so on.`,
    '![First detection](swim-detection.svg)',
  ];
}

function worstCaseText({ worstCase }: Summary): string[] {
  return [
    '## The worst case is bounded',
    `Every observer is to probe a member within 2n − 1 of its own rounds. After crashes (random
phases, from above) it was waited until the last observer had probed the crashed node; in the quiet
clusters it is the longest gap between two probes of the same member by the same observer, over all
pairs that were probed twice.`,
    tableText(
      ['n', 'watched', 'longest', '2n − 1', 'verdict'],
      worstCase.map((each) => [each.nodes, each.watched, each.longest, each.bound, each.verdict]),
    ),
    `The longest that can be is 2n − 3: first in one pass and last in the next, in passes of n − 1
rounds, as nobody probes itself.`,
  ];
}

/** A share in per cent, with three digits that count. */
function percentText(share: number | null): string {
  if (share === null) return '–';
  return share === 0 ? '0' : String(Number((100 * share).toPrecision(3)));
}

function helpersText(cells: Summary['falseProbes']): string {
  const asked = cells.filter(({ helpers, helpersAsked }) => helpersAsked === helpers).length;
  return `In ${asked} of ${cells.length} rows exactly k helpers were asked in each such round.`;
}

function falseProbesText({ falseProbes }: Summary): string[] {
  return [
    '## False probes under loss',
    `64 nodes, all well; the network loses packets, each independently; probes ask k helpers and do
not ping over streams. A round fails when it ends without any ack. Expected: (1 − p²)(1 − p⁴)^k with
p = 1 − q. How rounds end is read from the product's metrics. Nobody dies of suspicion; who is
suspected goes on being probed.`,
    tableText(
      [
        'q, %',
        'k',
        'rounds',
        'failed',
        'measured, %',
        'joint interval, %',
        'formula, %',
        'verdict',
      ],
      falseProbes.map((each) => [
        each.lossPercent,
        each.helpers,
        numberText(each.rounds),
        numberText(each.failed),
        `${percentText(each.share.value)} [${percentText(each.share.low)}, ${percentText(each.share.high)}]`,
        `${percentText(each.jointInterval.low)} – ${percentText(each.jointInterval.high)}`,
        percentText(each.expected),
        each.verdict,
      ]),
    ),
    `There is no tolerance in the paper. Met: the joint interval has the formula's value in it; all
nine joint intervals are right at once with 95 % confidence (Wilson, Bonferroni). The intervals beside
the measured shares are 95 % each, so that one in twenty misses. Rounds that were not answered
directly, against 1 − p²: ${falseProbes
      .filter(({ helpers }) => helpers === 3)
      .map(
        (each) =>
          `${percentText(each.unansweredDirectly.value)} against ${percentText(each.expectedDirectly)} %`,
      )
      .join(', ')} (k = 3). ${helpersText(falseProbes)}
Seeds: \`swim false probes n64 q… k… #…\`.`,
    '![False probes](swim-false-probes.svg)',
  ];
}

function lineText(line: Line | undefined): string {
  if (line === undefined) return '–';
  const { intercept, slope, linearity } = line;
  return `${intercept.toFixed(2)} + ${slope.toFixed(2)} ln n, R² = ${linearity.toFixed(4)}`;
}

function infectionText({ infection: { sizes, line, lastLine } }: Summary): string[] {
  const { nodes, range } = paperInfection;
  return [
    '## Infection',
    `A member chosen at random changes its metadata at a random moment; the update travels on pings
and acks alone (no gossip rounds, no full exchanges), at most 4 ⌈log10(n + 1)⌉ times from each member.
Times are periods from the change until a member knew. Expected: the median over all members and
updates is linear in ln n (R² ≥ ${leastLinearity}); the paper saw ${range.low.toFixed(1)} to
${range.high.toFixed(1)} periods in groups of up to ${nodes}.`,
    tableText(
      ['n', 'updates', 'median', 'last member', 'reached all', 'members reached, %'],
      sizes.map((each) => [
        each.nodes,
        each.updates,
        estimateText(each.median),
        estimateText(each.last),
        `${each.complete} of ${each.updates}`,
        numberText(100 * each.reached, 3),
      ]),
    ),
    `Median: ${lineText(line)}. Last member: ${lineText(lastLine)}. If the
exchanges of a ping and an ack came at random, two a member and period, the median would grow as
0.5 ln n. But who learns the news from the ack of its own ping pings again only a period later:
(1 − 1/r)² = 1/(r (e^r − 1)) gives a growth of r = 1.63 a period, and 0.61 ln n. Intervals of
the medians are bootstraps over the updates. Who is not reached here is reached by gossip rounds and
full exchanges, which are off. Seeds: \`swim infection n… #…\`.`,
    '![Infection times](swim-infection-median.svg)',
    '![Infection curves](swim-infection-curves.svg)',
  ];
}

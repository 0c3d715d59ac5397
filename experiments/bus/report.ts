/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What was found, as text, tables and plots.

import type { Plot } from '../plots.js';
import { numberText, tableText } from '../report-text.js';
import { type DurationData, Durations } from './durations.js';
import type { Verdict } from './guarantees.js';
import type { Options } from './options.js';
import type { Reach } from './reach.js';
import type { Result } from './worker.js';

/** A delivery that takes longer waited for the repair of a lost packet: a few hops take less. */
const lateMs = 20;
const shares = [0.5, 0.9, 0.99, 0.999, 0.9999, 1];

/** A short summary. */
export function summaryText(results: readonly Result[]): string {
  const verdicts = verdictsOf(results);
  const lines = [guaranteesText(verdicts)];
  if (verdicts.length > 0) {
    lines.push(rowText('delays', allOf(verdicts.map(({ delays }) => delays))));
    lines.push(rowText('at the partition', allOf(verdicts.map((each) => each.delaysAtPartition))));
    lines.push(rowText('all members', allOf(verdicts.map(({ reached }) => reached))));
  }
  for (const [loss, reaches] of byLoss(results)) {
    lines.push(rowText(`large, loss ${loss}`, allOf(reaches.map(({ reached }) => reached))));
  }
  return lines.join('\n');
}

/** docs/experiments/bus.md. */
export function documentText(results: readonly Result[], options: Options): string {
  const verdicts = verdictsOf(results);
  const { setting, reach } = options;
  const { nodes, publishers, rate, minutes, loss, partitionMs } = setting;
  const large = byLoss(results);
  const largeRun = `--seeds 0 --reach-seeds ${options.reachSeeds} --reach-nodes ${reach.nodes} --messages ${reach.messages}`;
  const isFull = setting.nodes >= 100 && verdicts.length >= 200 && reach.nodes >= 1_000;
  const largeSections = [
    `## ${numberText(reach.nodes)} members`,
    command(`${largeRun} --document`),
    `Ten members publish ten messages of 100 bytes per second in total. Membership is constant. Copies are payloads that a member
received per message that it delivered; packets and bytes include digests and offers.`,
    reachTable(large),
    '![Time until a message has reached all members](bus-reach.svg)',
  ];
  const sections = [
    '# The message bus: guarantees and delays',
    `Nodes of the product in virtual time. A checker that knows only what was published, what each node listed at that
time, and what each node received verifies every guarantee at every node
(\`test/simulation/campaign/bus-ledger.ts\`). \`npm run sim:bus -- --help\` explains the options.`,
    isFull
      ? ''
      : 'This is a small run. The full one, with 100 members for the guarantees and 1,000 for the delays, has not been completed.',
    '## Guarantees',
    command(
      `--seeds ${options.seeds} --nodes ${nodes} --publishers ${publishers} --minutes ${minutes} --reach-seeds 0 --document`,
    ),
    `${nodes} members, ${publishers} of them publish ${rate} messages of 100 bytes per second each, for ${minutes} virtual
minutes. ${100 * loss} % of all packets are lost, 0.5 to 2 ms one way, default settings, so ${nodes > 64 ? 'messages are passed on by the members' : 'messages are sent to each member'}.
Every 15 seconds one of the other members, and every 60 seconds a publisher, crashes silently or leaves, and is back as
a new incarnation after 1 to 20 seconds. After four minutes a partition separates the two halves of the cluster for ${partitionMs / 1_000} seconds.
In the end nothing is published until what is retained has expired, and then the bus must send nothing and hold no memory.`,
    `**${verdicts.length} seeds ran.** ${guaranteesText(verdicts)}`,
    guaranteesTable(verdicts),
    '## Time until a message is delivered',
    `From \`publish\` to the subscriber at another member. Messages that were published during the partition, or within
90 seconds after it, while members find each other again, are counted separately: some of them wait for the heal.
A delivery that takes more than ${lateMs} ms counts as one that waited: for a repair, of a packet of its own or of an earlier message of the
same publisher, or in a large cluster for the offer of another member.`,
    delaysTable(verdicts),
    '![Time until a message is delivered](bus-delays.svg)',
    ...(large.size === 0 ? [] : largeSections),
  ];
  return sections.filter((each) => each !== '').join('\n\n');
}

/** The plots of the document, by name. */
export function plotsOf(results: readonly Result[], { setting, reach }: Options): [string, Plot][] {
  const verdicts = verdictsOf(results);
  const series = (name: string, data: readonly DurationData[]) => {
    return { name, points: allOf(data).tail(), step: true };
  };
  const y = { label: 'fraction that takes longer', log: true, max: 1 };
  const delays: Plot = {
    title: `Time until a message is delivered, ${setting.nodes} members`,
    subtitle: `${100 * setting.loss} % of packets lost, restarts; ${verdicts.length} seeds`,
    x: { label: 'milliseconds', log: true },
    y,
    series: [
      series(
        'at one member',
        verdicts.map((each) => each.delays),
      ),
      series(
        'at all members',
        verdicts.map((each) => each.reached),
      ),
    ],
  };
  const large: Plot = {
    title: `Time until a message has reached all of ${numberText(reach.nodes)} members`,
    x: { label: 'milliseconds', log: true },
    y,
    series: [...byLoss(results)].flatMap(([loss, reaches]) => [
      series(
        `one member, ${100 * loss} % loss`,
        reaches.map((each) => each.delays),
      ),
      series(
        `all members, ${100 * loss} % loss`,
        reaches.map((each) => each.reached),
      ),
    ]),
  };
  const plots: [string, Plot][] = [];
  if (verdicts.length > 0) plots.push(['delays', delays]);
  if (large.series.length > 0) plots.push(['reach', large]);
  return plots;
}

function guaranteesText(verdicts: readonly Verdict[]): string {
  if (verdicts.length === 0) return 'No guarantees were verified.';
  const violations = verdicts.filter((each) => each.violations.length > 0);
  const count = numberText(sum(verdicts, ({ deliveries }) => deliveries));
  return violations.length === 0
    ? `All guarantees hold on every node in all of them: ${count} deliveries.`
    : `${violations.length} of ${verdicts.length} seeds violate a guarantee: ${violations.map(({ seed }) => seed).join(', ')}.`;
}

function guaranteesTable(verdicts: readonly Verdict[]): string {
  const total = (of: (verdict: Verdict) => number, digits = 0): string =>
    numberText(sum(verdicts, of), digits);
  const mean = (of: (verdict: Verdict) => number, digits = 2): string =>
    numberText(sum(verdicts, of) / verdicts.length, digits);
  return tableText(
    ['of all seeds', ''],
    [
      ['published messages', total(({ published }) => published)],
      ['deliveries', total(({ deliveries }) => deliveries)],
      ['gap events', total(({ gaps }) => gaps)],
      ['restarts', total(({ restarts }) => restarts)],
      [
        'running members reported as failed, without the partition',
        total((each) => each.falseFailures),
      ],
      ['violated guarantees', total(({ violations }) => violations.length)],
      ['messages that an idle bus sent', total(({ idleSends }) => idleSends)],
      ['copies of a message at a member, mean', mean(({ copies }) => copies)],
      ['deliveries that were fetched, mean', `${mean(({ repaired }) => 100 * repaired)} %`],
      [
        'most memory of retained messages at one node',
        `${numberText(Math.max(...verdicts.map((each) => each.retainedBytes)) / 1024)} KiB`,
      ],
    ],
  );
}

function delaysTable(verdicts: readonly Verdict[]): string {
  const delays = allOf(verdicts.map((each) => each.delays));
  const late = new Durations();
  late.merge(delays.data().filter(([bin]) => bin >= 10 * lateMs));
  const partition = allOf(verdicts.map((each) => each.delaysAtPartition));
  const reached = allOf(verdicts.map((each) => each.reached));
  return tableText(
    ['', 'count', ...shares.map(shareText)],
    [
      ['deliveries', ...cells(delays)],
      [`those that waited for a repair`, ...cells(late)],
      ['until the last member has it', ...cells(reached)],
      ['deliveries of messages around the partition', ...cells(partition)],
    ],
  );
}

function reachTable(large: ReadonlyMap<number, readonly Reach[]>): string {
  const rows = [...large].flatMap(([loss, reaches]) => {
    const mean = (of: (each: Reach) => number): string =>
      numberText(sum(reaches, of) / reaches.length, 2);
    const figures = [
      mean(({ copies }) => copies),
      mean(({ packets }) => packets),
      mean(({ bytes }) => bytes),
    ];
    const name = `${100 * loss} % loss`;
    const delays = allOf(reaches.map((each) => each.delays));
    const reached = allOf(reaches.map((each) => each.reached));
    return [
      [`${name}, one member`, ...cells(delays), ...figures],
      [`${name}, all members`, ...cells(reached), '', '', ''],
    ];
  });
  const head = ['', 'count', ...shares.map(shareText), 'copies', 'packets', 'bytes'];
  return tableText(head, rows);
}

function rowText(name: string, durations: Durations): string {
  return `${name}: ${cells(durations).join(' | ')}`;
}

function cells(durations: Durations): string[] {
  return [
    numberText(durations.total),
    ...shares.map((share) => timeText(durations.quantile(share))),
  ];
}

function timeText(ms: number | null): string {
  if (ms === null) return '–';
  return ms < 1_000 ? `${numberText(ms, ms < 100 ? 1 : 0)} ms` : `${numberText(ms / 1_000, 2)} s`;
}

function shareText(share: number): string {
  return share === 1 ? 'slowest' : `${Number((100 * share).toFixed(4))} %`;
}

function allOf(data: readonly DurationData[]): Durations {
  const all = new Durations();
  for (const each of data) all.merge(each);
  return all;
}

function verdictsOf(results: readonly Result[]): Verdict[] {
  return results.flatMap((each) => (each.what === 'guarantees' ? [each.verdict] : []));
}

function byLoss(results: readonly Result[]): Map<number, Reach[]> {
  const found = new Map<number, Reach[]>();
  for (const each of results) {
    if (each.what !== 'reach') continue;
    found.set(each.reach.loss, [...(found.get(each.reach.loss) ?? []), each.reach]);
  }
  return found;
}

function command(words: string): string {
  return `\`\`\`\nnpm run sim:bus -- ${words}\n\`\`\``;
}

function sum<T>(list: readonly T[], of: (each: T) => number): number {
  return list.reduce((total, each) => total + of(each), 0);
}

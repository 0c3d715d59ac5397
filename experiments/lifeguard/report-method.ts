/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What the report says about the experiment itself.

import { enough, publishedSwim } from './report-published.js';
import { countOf, numberText, tableText } from '../report-text.js';

/** What the words and the two variants mean. */
export const whatIsWhat = `
128 nodes, probe interval 1 s, probe timeout 500 ms, α = 5, β = 6, K = 3, one-way delay uniform in
0.05–0.2 ms, 15 s of quiet first. In a Threshold run C chosen nodes are anomalous once, for D; in an
Interval run they are so again and again, for D with I between, until 120 s have passed.

- **FP**: a failure event, at any node, about a node outside the anomalous set. **FP−**: such an event
  at a node outside it.
- **FP, messages and bytes are those of the Interval runs, times those of the Threshold runs.** The
  paper's ${numberText(publishedSwim.falsePositives)} FP are 78 a run only over the
  ${numberText(publishedSwim.runs)} Interval runs; and a time since the anomaly began has a meaning
  only where it begins once. Messages and bytes are taken with the FP: our choice.
- Messages are packets, and streams that were opened, since the first anomaly began.

In the simulator an anomaly is one of:

- \`block\`, the one of the tables: the sends and receives of the chosen nodes are held up, and whoever
  sends waits for it, as in the paper's processes: the probe loop, the gossip loop and the push/pull
  loop each stand still at the first thing that they send. Suspicion timers run on. The product, in
  which a send never blocks, has none of this, nor does its stall rule act in these runs.
- \`queue\`: nobody waits, so that probes and gossip go on and what they send piles up.
- \`freeze\`: the event loop stalls, timers included.

The two variants differ in four rules:

${tableText(
  ['', "the paper's rules", "the product's rules"],
  [
    ['the probe interval is stretched up to', '9 s', '8 s'],
    ['the probe timeout', 'is stretched by health too', 'is not'],
    ['K, the confirmations for the shortest suspicion', '3', 'α − 2, which is 3 at α = 5'],
    [
      'a failed probe costs',
      '1, and 1 for each missed nack',
      'the number of missed nacks, or 1 where none was expected',
    ],
  ],
)}

So at α = 5 only LHA-Probe and Lifeguard differ: SWIM, LHA-Suspicion and Buddy are the same runs in
both. Settling after a join, unknown to both papers, is off in all runs.
`.trim();

/** What the last section needs to know. */
export interface Made {
  readonly runs: number;
  readonly cpuHours: number;
  readonly summaries: readonly { readonly repetitions: readonly { repetition: number }[] }[];
}

/** How the figures came about. */
export function howItWasMade({ runs, cpuHours, summaries }: Made): string {
  const numbers = summaries.flatMap(({ repetitions }) =>
    repetitions.map(({ repetition }) => repetition),
  );
  const seeds = Math.max(0, ...numbers) + 1;
  return `
\`npm run sim:lifeguard -- --full --seeds ${seeds}\`, with the code that the package ships; what was run
before is not run again. ${countOf(runs, 'run')} of all settings are in \`runs/lifeguard.jsonl\`,
${numberText(cpuHours, 1)} core-hours. The seed of a run is its name, as in
\`lifeguard n128 C8 D2048 I4 #0\`, with the repetition at the end: it decides the cluster, its delays and
who is anomalous, and is the same in all configurations, so that they are compared in pairs. A run is
in the tables only if all five configurations of its seed are there.

The cells of each part of a repetition, Threshold and Interval, are run in one random order, fixed once
and for all. So what an unfinished repetition has done is a simple random sample of the part's cells; and
only that counts: complete cells behind the first one that is missing (asked for by hand, say) are left
out.

Intervals are those of the percentile bootstrap over whole cells, 2,000 resamples, seeded; where a
resample can have no baseline event at all there is none. Of no event the upper end is that of a
Poisson distribution, 3.69 events. Intervals take the cells for a sample, which is
cautious when the grid is whole. Lifeguard's FP are judged by the upper end of the interval, all other
marks by the figure. As long as the grid is a sample, marks about its runs are decided only where the
whole interval lies on one side. With fewer than ${enough.cells} Interval cells, or ${enough.detections} detections, nothing
is decided.
`.trim();
}

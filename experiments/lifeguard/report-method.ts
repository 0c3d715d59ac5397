/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The report's description of the experiment.

import { enough, publishedSwim } from './report-published.js';
import { countOf, numberText, tableText } from '../report-text.js';

/** Definitions of the terms and the two variants. */
export const definitions = `
128 nodes, probe interval 1 s, probe timeout 500 ms, α = 5, β = 6, K = 3, one-way delay uniform in
0.05–0.2 ms, after 15 s without anomalies. In a Threshold run C chosen nodes are anomalous once, for D. In an
Interval run they are anomalous repeatedly, for D with I in between, until 120 s have passed.

- **FP**: a failure event, at any node, about a node outside the anomalous set. **FP−**: such an event
  at a node outside it.
- **FP, messages and bytes come from the Interval runs, times from the Threshold runs.** The
  paper's ${numberText(publishedSwim.falsePositives)} FP are 78 per run only over the
  ${numberText(publishedSwim.runs)} Interval runs, and a time since the begin of the anomaly is defined
  only if it begins once. Counting messages and bytes with the FP is our choice.
- Messages are packets and opened streams since the first anomaly began.

In the simulator an anomaly is one of:

- \`block\`, used in the tables: the sends and receives of the chosen nodes block, and each loop that
  sends waits, as in the paper's processes: the probe loop, the gossip loop and the push/pull
  loop each stop at their first send. Suspicion timers continue. In the product a send never blocks, so
  this does not occur there, and its stall rule has no effect in these runs.
- \`queue\`: no loop waits, so probes and gossip continue and their packets queue up.
- \`freeze\`: the event loop stalls, timers included.

The two variants differ in four rules:

${tableText(
  ['', "the paper's rules", "the product's rules"],
  [
    ['maximum of the stretched probe interval', '9 s', '8 s'],
    ['probe timeout', 'also stretched by the health score', 'not stretched'],
    [
      'K, the number of confirmations for the shortest suspicion',
      '3',
      'α − 2, which is 3 at α = 5',
    ],
    [
      'increase of the health score by a failed probe',
      '1, plus 1 for each missed nack',
      'the number of missed nacks, or 1 if none was expected',
    ],
  ],
)}

So at α = 5 only LHA-Probe and Lifeguard differ: SWIM, LHA-Suspicion and Buddy are the same runs in
both. Settling after a join, which neither paper has, is off in all runs.
`.trim();

/** The data of the last section. */
export interface Made {
  readonly runs: number;
  readonly cpuHours: number;
  readonly summaries: readonly { readonly repetitions: readonly { repetition: number }[] }[];
}

/** Describes how the figures were measured. */
export function method({ runs, cpuHours, summaries }: Made): string {
  const numbers = summaries.flatMap(({ repetitions }) =>
    repetitions.map(({ repetition }) => repetition),
  );
  const seeds = Math.max(0, ...numbers) + 1;
  return `
\`npm run sim:lifeguard -- --full --seeds ${seeds}\`, with the code of the package; completed
runs are not repeated. \`runs/lifeguard.jsonl\` contains ${countOf(runs, 'run')} of all settings,
${numberText(cpuHours, 1)} core-hours. The seed of a run is its name, such as
\`lifeguard n128 C8 D2048 I4 #0\`, with the repetition at the end. It determines the cluster, its delays and
the anomalous nodes, and is the same in all configurations, so that the comparison is paired. The tables include
a run only if all five configurations of its seed are complete.

The cells of each part of a repetition, Threshold and Interval, run in one fixed random order. The completed cells
of an unfinished repetition are therefore a simple random sample of the part's cells. Only that sample counts: complete
cells after the first missing one (run by hand, for example) are left out.

Intervals are percentile bootstraps over whole cells, 2,000 seeded resamples. There is no interval if a
resample can lack baseline events. For zero events the upper end is that of a
Poisson distribution, 3.69 events. Intervals treat the cells as a sample, which is
conservative when the grid is complete. The marks judge Lifeguard's FP by the upper end of the interval, and all other
marks by the figure. While the grid is a sample, marks about its runs are decided only if the
whole interval lies on one side. With fewer than ${enough.cells} Interval cells, or ${enough.detections} detections, no mark
is decided.
`.trim();
}

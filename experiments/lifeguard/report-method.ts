/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The description of the experiment in the report.

import { enough, publishedSwim } from './report-published.js';
import { countOf, numberText, tableText } from '../report-text.js';

/** The definitions of the terms and the two variants. */
export const whatIsWhat = `
128 nodes, probe interval 1 s, probe timeout 500 ms, α = 5, β = 6, K = 3, one-way delay uniform in
0.05–0.2 ms, after 15 s without anomalies. In a Threshold run C chosen nodes are anomalous once, for D; in an
Interval run they are anomalous repeatedly, for D with I between, until 120 s have passed.

- **FP**: a failure event, at any node, about a node outside the anomalous set. **FP−**: such an event
  at a node outside the set.
- **FP, messages and bytes are those of the Interval runs, times those of the Threshold runs.** The
  paper's ${numberText(publishedSwim.falsePositives)} FP are 78 per run only over the
  ${numberText(publishedSwim.runs)} Interval runs; and the time since the start of the anomaly is defined
  only if it starts once. Messages and bytes are counted in the same runs as FP: our choice.
- Messages are packets, and opened streams, since the start of the first anomaly.

In the simulator an anomaly is one of:

- \`block\`, used in the tables: the sends and receives of the chosen nodes are delayed, and the sender
  waits, as in the paper's processes: the probe loop, the gossip loop and the push/pull loop each stop at
  their first send. Suspicion timers continue. In the product a send never blocks, so it does not behave
  like this; its stall rule does not act in these runs either.
- \`queue\`: the sender does not wait, so probes and gossip continue and their packets queue up.
- \`freeze\`: the event loop stalls, including timers.

The two variants differ in four rules:

${tableText(
  ['', "the paper's rules", "the product's rules"],
  [
    ['the probe interval is stretched up to', '9 s', '8 s'],
    ['the probe timeout', 'is stretched by health, too', 'is not stretched'],
    ['K, the confirmations for the shortest suspicion', '3', 'α − 2, which is 3 at α = 5'],
    [
      'a failed probe costs',
      '1, and 1 for each missed nack',
      'the number of missed nacks, or 1 if none was expected',
    ],
  ],
)}

So at α = 5 only LHA-Probe and Lifeguard differ: SWIM, LHA-Suspicion and Buddy are the same runs in
both variants. Settling after a join, which both papers do not have, is off in all runs.
`.trim();

/** The input of the last section. */
export interface Made {
  readonly runs: number;
  readonly cpuHours: number;
  readonly summaries: readonly { readonly repetitions: readonly { repetition: number }[] }[];
}

/** How the figures were obtained. */
export function howItWasMade({ runs, cpuHours, summaries }: Made): string {
  const numbers = summaries.flatMap(({ repetitions }) =>
    repetitions.map(({ repetition }) => repetition),
  );
  const seeds = Math.max(0, ...numbers) + 1;
  return `
\`npm run sim:lifeguard -- --full --seeds ${seeds}\`, with the code of the published package; finished runs
are not repeated. ${countOf(runs, 'run')} of all settings are in \`runs/lifeguard.jsonl\`,
${numberText(cpuHours, 1)} core-hours. The seed of a run is its name, such as
\`lifeguard n128 C8 D2048 I4 #0\`, with the repetition at the end: it determines the cluster, its delays and
the anomalous nodes, and is the same in all configurations, so that they are compared in pairs. A run is
in the tables only if all five configurations of its seed are finished.

The cells of each part of a repetition, Threshold and Interval, are run in one fixed random order. So the
finished cells of an incomplete repetition are a simple random sample of the part's cells; and only these
count: complete cells after the first missing one (requested manually, for example) are left out.

Intervals are those of the percentile bootstrap over whole cells, 2,000 resamples, seeded; there is no
interval if a resample can have no baseline event at all. For zero events the upper end is that of a
Poisson distribution, 3.69 events. Intervals treat the cells as a sample, which is
conservative when the grid is complete. Lifeguard's FP are evaluated by the upper end of the interval, all other
marks by the figure. While the grid is a sample, marks about its runs are decided only if the
whole interval is on one side. With fewer than ${enough.cells} Interval cells, or ${enough.detections} detections, nothing
is decided.
is decided.
`.trim();
}

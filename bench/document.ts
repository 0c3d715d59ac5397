/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// docs/BENCHMARKS.md.

import { busyText, machineText, type Machine } from './machine.js';
import { judge } from './rows.js';
import { markdownOf, type Section } from './table.js';

const introduction = `# Benchmarks

\`npm run bench -- --write\` generates this page; the exact command is below. Each benchmark runs the same work in this library
and in Go memberlist v0.6.0 (\`bench/go\`), alternating in one run.

- **ours** and **other** are medians of the rounds; smaller is better in all rows. The other side is Go memberlist,
  except where it is marked *floor*.
- **ratio** is ours divided by the other. **spread** is the minimum and maximum ratio of the rounds; without
  another side, of the values themselves.
- **CPU** is the ratio of processor time, over all threads. If it is larger than the ratio of time, Go
  used less processor time and waited; if it is smaller, Go used its second core.
- **mark** is the project's goal, and **met** shows whether it is reached.
- Times within a process are wall-clock times. Go may use a second core: two goroutines read and handle its packets,
  and its garbage collection runs concurrently.
- Both sides receive the same bytes. The benchmark compares the results, and fails if both sides did not do the
  same work.
`;

/** How the figures were measured. */
export interface Run {
  readonly machine: Machine;
  readonly command: string;
  /** Existing figures that were not requested. */
  readonly notTaken: readonly string[];
}

/** The page. */
export function documentOf(sections: readonly Section[], run: Run): string {
  const { machine, command, notTaken } = run;
  const verdicts = sections.flatMap(({ rows }) => rows.map((row) => judge(row).met));
  const [met, missed] = [true, false].map((each) => verdicts.filter((one) => one === each).length);
  const summary = `${machineText(machine)}. Of ${(met ?? 0) + (missed ?? 0)} marks ${met ?? 0} are met.`;
  const busy = busyText(machine);
  const warning = busy === undefined ? [] : [`${busy}\n`];
  const rest = notTaken.length === 0 ? '' : ` Not measured in this run: ${notTaken.join(', ')}.`;
  const origin = `\`${command}\`.${rest}\n`;
  return [introduction, `${summary}\n`, origin, ...warning, ...sections.map(markdownOf)].join('\n');
}

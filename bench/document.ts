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

Made by \`npm run bench -- --write\`, which writes this page anew; the command of this one is below. Each figure is taken beside the same work
done by Go memberlist v0.6.0 (\`bench/go\`), both sides by turns in one run.

- **ours** and **other** are medians of the rounds; smaller is better everywhere. The other is Go memberlist
  but where it says *floor*.
- **ratio** is ours by the other's. **spread** is the least and the most of the single rounds' ratios; without
  another side, of the values themselves.
- **CPU** is the ratio of the processor time that the same work took, of all threads; where it is larger than
  the ratio of time, Go had less of it and waited, where it is smaller, Go used its second core.
- **mark** is the project's goal, and **met** whether it is reached.
- Within the process, time is taken by the wall clock. Go may use a second core: its packets are read and
  handled by two goroutines, its garbage is collected beside the work.
- Both sides get the same bytes from outside. What they made of them is looked at in the end, and a figure
  whose work is not the same on both sides fails.
`;

/** How the figures were taken. */
export interface Run {
  readonly machine: Machine;
  readonly command: string;
  /** Figures that there are, and that were not asked for. */
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
  const rest = notTaken.length === 0 ? '' : ` Not taken in this run: ${notTaken.join(', ')}.`;
  const origin = `\`${command}\`.${rest}\n`;
  return [introduction, `${summary}\n`, origin, ...warning, ...sections.map(markdownOf)].join('\n');
}

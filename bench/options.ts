/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What `npm run bench` can be told.

import { parseArgs } from 'node:util';

export const help = `Usage: npm run bench -- [options]

Measures this library beside Go memberlist v0.6.0, both doing the same work by turns, and judges each
figure by its mark. Needs Go for that; without it ours are measured alone.

  --only NAME,...  these figures alone (see below)
  --rounds N       how often each side measures a figure; medians are told (11; with --quick 2)
  --quick          short rounds, small clusters, few runs: to see that all works, not to believe
  --no-go          ours alone
  --json FILE      writes all rounds of all figures there too
  --write          writes docs/BENCHMARKS.md; with --only it has these figures and no others
  --help

Figures:
`;

/** What is to be run. */
export interface Options {
  readonly only: readonly string[];
  /** Undefined: as many as the effort has. */
  readonly rounds: number | undefined;
  readonly quick: boolean;
  readonly withGo: boolean;
  readonly json: string | undefined;
  readonly write: boolean;
  readonly help: boolean;
}

/** Words that are no options of this program. */
export class UsageError extends Error {}

/**
 * Reads the command line.
 *
 * @param figures - the names that there are
 * @throws UsageError that says what was wrong and what is right
 */
export function readOptions(words: readonly string[], figures: readonly string[]): Options {
  const { values } = parse(words);
  const only = values.only?.split(',').filter((name) => name !== '') ?? [];
  const unknown = only.filter((name) => !figures.includes(name));
  if (unknown.length > 0) {
    throw new UsageError(
      `--only: no figure ${unknown.join(', ')}; there are ${figures.join(', ')}`,
    );
  }
  if (values.only !== undefined && only.length === 0) {
    throw new UsageError(`--only wants names of figures: ${figures.join(', ')}`);
  }
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0 && rounds <= 1000)) {
    throw new UsageError(`--rounds is a whole number from 1 to 1000; not ${values.rounds ?? ''}`);
  }
  const { quick, write } = values;
  if (write && (quick || values['no-go'])) {
    throw new UsageError('--write is for runs to believe: not with --quick or --no-go');
  }
  const { json, help: asksForHelp } = values;
  return { only, rounds, quick, withGo: !values['no-go'], json, write, help: asksForHelp };
}

function parse(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      options: {
        only: { type: 'string' },
        rounds: { type: 'string' },
        quick: { type: 'boolean', default: false },
        'no-go': { type: 'boolean', default: false },
        json: { type: 'string' },
        write: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

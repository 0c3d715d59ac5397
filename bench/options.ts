/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The options of `npm run bench`.

import { parseArgs } from 'node:util';

export const help = `Usage: npm run bench -- [options]

Compares this library with Go memberlist v0.6.0, the bus with Redis and NATS, and the state with chitchat, all doing
the same work by turns, and checks each figure against its mark. Go memberlist needs Go; without it only our side is
measured. Redis and NATS are Debian's packages redis-server and nats-server, which are installed if they are missing and
this runs as root; chitchat needs cargo. Without them these two figures fail.

  --only NAME,...  measure only these figures (see below)
  --rounds N       rounds per side and figure; medians are printed (default: 11; with --quick 2)
  --quick          short rounds, small clusters, few runs: a check that everything works, not a measurement
  --no-go          measure only our side, in all figures
  --json FILE      also write all rounds of all figures to FILE
  --write          write docs/BENCHMARKS.md; with --only the other figures on the page stay as they are
  --help

Figures:
`;

/** What to run. */
export interface Options {
  readonly only: readonly string[];
  /** Undefined: the default of the effort. */
  readonly rounds: number | undefined;
  readonly quick: boolean;
  /** Whether Go and the other programs are measured too. */
  readonly withOthers: boolean;
  readonly json: string | undefined;
  readonly write: boolean;
  readonly help: boolean;
}

/** Invalid arguments. */
export class UsageError extends Error {}

/**
 * Reads the command line.
 *
 * @param figures - the names of all figures
 * @throws UsageError that says what is wrong and what is valid
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
    throw new UsageError(`--only needs names of figures: ${figures.join(', ')}`);
  }
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0 && rounds <= 1000)) {
    throw new UsageError(
      `--rounds must be a whole number from 1 to 1000; not ${values.rounds ?? ''}`,
    );
  }
  const { quick, write } = values;
  if (write && (quick || values['no-go'])) {
    throw new UsageError(
      '--write needs a full measurement: it cannot be combined with --quick or --no-go',
    );
  }
  const { json, help: asksForHelp } = values;
  return { only, rounds, quick, withOthers: !values['no-go'], json, write, help: asksForHelp };
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

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The options of `npm run sim:state`.

import { parseArgs } from 'node:util';

/** What is simulated. */
export interface Question {
  readonly seeds: number;
  readonly nodes: number;
  readonly keys: number;
  readonly loss: number;
}

/** The options of a run. */
export interface Options {
  readonly question: Question;
  readonly jobs: number | undefined;
  /** Whether docs/experiments/state.md is written. */
  readonly document: boolean;
}

/** The help. */
export const helpText = `How long until all nodes have the same shared state.

  npm run sim:state -- [options]

  --seeds N      how often all nodes write all their keys; 200
  --nodes N      100
  --keys N       keys of each node; 100
  --loss SHARE   of packets; 0.2
  --jobs N       workers; the number of cores
  --document     writes docs/experiments/state.md and its plot
  --help         prints this
`;

/** The options are invalid. */
export class OptionError extends Error {}

/** @throws OptionError */
export function parseOptions(words: readonly string[]): Options | undefined {
  const values = valuesOf(words);
  if (values.help) return undefined;
  const number = (name: 'seeds' | 'nodes' | 'keys' | 'loss' | 'jobs', least: number): number => {
    const value = Number(values[name]);
    if (value >= least && (name === 'loss' ? value < 1 : Number.isInteger(value))) return value;
    throw new OptionError(`--${name}: ${values[name]} is not possible`);
  };
  return {
    question: {
      seeds: number('seeds', 1),
      nodes: number('nodes', 2),
      keys: number('keys', 1),
      loss: number('loss', 0),
    },
    jobs: values.jobs === undefined ? undefined : number('jobs', 1),
    document: values.document,
  };
}

function valuesOf(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      options: {
        seeds: { type: 'string', default: '200' },
        nodes: { type: 'string', default: '100' },
        keys: { type: 'string', default: '100' },
        loss: { type: 'string', default: '0.2' },
        jobs: { type: 'string' },
        document: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new OptionError((error as Error).message);
  }
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The command line of `sim:bus`.

import { parseArgs } from 'node:util';
import type { Setting } from './guarantees.js';
import type { ReachSetting } from './reach.js';

/** The options of a run. */
export interface Options {
  readonly setting: Setting;
  readonly seeds: number;
  readonly reach: Omit<ReachSetting, 'loss'>;
  readonly reachSeeds: number;
  readonly jobs: number | undefined;
  /** No cluster is begun later than this, in milliseconds. */
  readonly limitMs: number;
  /** Whether docs/experiments/bus.md is written. */
  readonly document: boolean;
}

/** The help. */
export const helpText = `Verifies the guarantees of the message bus, and measures how long messages take.

  npm run sim:bus -- [options]

  --seeds N          clusters with faults whose guarantees are verified; 200
  --nodes N          their members; 100
  --publishers N     10
  --rate N           messages per second of each publisher; 10
  --minutes N        virtual minutes; 10
  --loss SHARE       of packets; 0.2
  --partition N      its duration in seconds, after four minutes; 60
  --reach-seeds N    large clusters without faults, at a loss of 0 and of 20 %; 2 of each
  --reach-nodes N    their members; 1000
  --messages N       messages in each of them; 100
  --jobs N           workers; the number of cores
  --limit N          begins no cluster after so many minutes
  --document         writes docs/experiments/bus.md and its plots
  --help             prints this

Results are kept in docs/experiments/runs/bus.jsonl. A run continues an earlier one with the same settings.
`;

/** The options are invalid. */
export class OptionError extends Error {}

/** @throws OptionError */
export function parseOptions(words: readonly string[]): Options | undefined {
  const values = valuesOf(words);
  if (values.help) return undefined;
  const number = (name: keyof typeof values, least: number): number => {
    const value = Number(values[name]);
    if (value >= least && (name === 'loss' ? value < 1 : Number.isInteger(value))) return value;
    throw new OptionError(`--${name}: ${values[name]} is not possible`);
  };
  return {
    setting: {
      nodes: number('nodes', 5),
      publishers: number('publishers', 1),
      rate: number('rate', 1),
      minutes: number('minutes', 1),
      loss: number('loss', 0),
      partitionMs: 1_000 * number('partition', 0),
    },
    seeds: number('seeds', 0),
    reach: { nodes: number('reach-nodes', 20), messages: number('messages', 1) },
    reachSeeds: number('reach-seeds', 0),
    jobs: values.jobs === undefined ? undefined : number('jobs', 1),
    limitMs: values.limit === undefined ? Infinity : 60_000 * number('limit', 0),
    document: values.document,
  };
}

// eslint-disable-next-line @typescript-eslint/explicit-function-return-type -- inferred from the options
function valuesOf(words: readonly string[]) {
  const text = (value: string) => ({ type: 'string', default: value }) as const;
  try {
    return parseArgs({
      args: [...words],
      options: {
        seeds: text('200'),
        nodes: text('100'),
        publishers: text('10'),
        rate: text('10'),
        minutes: text('10'),
        loss: text('0.2'),
        partition: text('60'),
        'reach-seeds': text('2'),
        'reach-nodes': text('1000'),
        messages: text('100'),
        jobs: { type: 'string' },
        limit: { type: 'string' },
        document: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new OptionError((error as Error).message);
  }
}

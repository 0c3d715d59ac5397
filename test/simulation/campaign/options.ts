/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The words of the command line.

import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { partNames, usualParts, type PartName } from './toolkit.js';

export const help = `Usage: npm run sim:campaign -- [options]

Plays fault scenarios, one drawn from each seed, and checks the invariants; docs/CAMPAIGN.md explains.

  --seeds N          how many (100); with --canaries how many of each kind a canary gets at most (40)
  --from S           the first seed (0)
  --nodes N          so many nodes at the beginning of each; 3 to 60, as the seed has it
  --max-nodes N      no more than so many
  --toolkit PARTS    the parts of the toolkit that they may have, such as bus,ring; or none (${usualParts.join()})
  --calm             calm ones only: few nodes, a network without faults, short stalls
  --jobs N           threads (the number of cores)
  --stop-at-first    ends after the first failure
  --shrink           makes scenarios that fail smaller, and writes each to a file

  --seed S           plays one seed and prints its scenario
  --scenario FILE    plays a scenario of a file, as --shrink writes it

  --canaries         breaks one rule of the protocol at a time and sees that the campaign notices
  --canary WORDS     the same for the canaries with these words in their names
  --help

It ends with 1 when an invariant does not hold or a canary is not noticed, with 2 when asked wrongly.
`;

/** What is asked for. */
export interface Options {
  readonly mode: 'help' | 'seeds' | 'seed' | 'scenario' | 'canaries';
  readonly seeds: number;
  readonly from: number;
  readonly seed: number;
  readonly nodes: number | undefined;
  readonly maxNodes: number | undefined;
  readonly calm: boolean;
  readonly toolkit: readonly PartName[];
  readonly jobs: number;
  readonly shrink: boolean;
  readonly stopAtFirst: boolean;
  readonly file: string;
  /** Words of the canaries' names. */
  readonly canary: string;
}

/** What is wrong with the command line, in words for its user. */
export class UsageError extends Error {}

/** @throws UsageError */
export function parseOptions(args: readonly string[]): Options {
  const values = parsed(args);
  const isCanaries = values.canaries === true || values.canary !== undefined;
  const count = (name: keyof typeof values, min: number, max: number): number | undefined =>
    whole(name, values[name] as string | undefined, min, max);
  const largest = Number.MAX_SAFE_INTEGER;
  const mode =
    values.help === true
      ? 'help'
      : isCanaries
        ? 'canaries'
        : values.scenario !== undefined
          ? 'scenario'
          : values.seed !== undefined
            ? 'seed'
            : 'seeds';
  return {
    mode,
    seeds: count('seeds', 1, 1e9) ?? (isCanaries ? 40 : 100),
    from: count('from', 0, largest - 1e9) ?? 0,
    seed: count('seed', 0, largest) ?? 0,
    nodes: count('nodes', 1, 256),
    maxNodes: count('max-nodes', 1, 256),
    calm: values.calm === true,
    toolkit: partsOf(values.toolkit),
    jobs: count('jobs', 1, 1024) ?? availableParallelism(),
    shrink: values.shrink === true,
    stopAtFirst: values['stop-at-first'] === true,
    file: values.scenario ?? '',
    canary: values.canary ?? '',
  };
}

// eslint-disable-next-line @typescript-eslint/explicit-function-return-type -- inferred from the options
function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        seeds: { type: 'string' },
        from: { type: 'string' },
        seed: { type: 'string' },
        nodes: { type: 'string' },
        'max-nodes': { type: 'string' },
        calm: { type: 'boolean' },
        toolkit: { type: 'string' },
        jobs: { type: 'string' },
        shrink: { type: 'boolean' },
        'stop-at-first': { type: 'boolean' },
        scenario: { type: 'string' },
        canaries: { type: 'boolean' },
        canary: { type: 'string' },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function whole(
  name: string,
  text: string | undefined,
  min: number,
  max: number,
): number | undefined {
  if (text === undefined) return undefined;
  const number = /^\d+$/.test(text) ? Number(text) : NaN;
  if (number >= min && number <= max) return number;
  throw new UsageError(`--${name} must be a whole number from ${min} to ${max}, not "${text}"`);
}

function partsOf(text: string | undefined): readonly PartName[] {
  if (text === undefined) return usualParts;
  if (text === 'none') return [];
  const words = text.split(',');
  const unknown = words.find((word) => !(partNames as readonly string[]).includes(word));
  if (unknown === undefined) return partNames.filter((name) => words.includes(name));
  throw new UsageError(`--toolkit must be none, or some of ${partNames.join()}, not "${unknown}"`);
}

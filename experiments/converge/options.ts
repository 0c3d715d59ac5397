/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The options of the convergence calculator.

import { parseArgs } from 'node:util';
import { lanConfig, localConfig, wanConfig, type PresetConfig } from '../../src/config/presets.js';

/** The settings of the nodes that determine how updates spread. */
export type SpreadSettings = Pick<
  PresetConfig,
  | 'gossipInterval'
  | 'gossipNodes'
  | 'retransmitMult'
  | 'probeInterval'
  | 'probeTimeout'
  | 'suspicionMult'
  | 'pushPullInterval'
>;

/** What changes: a member changes its metadata, or crashes. */
export type Change = 'update' | 'failure';

/** What is simulated. */
export interface Question {
  readonly nodes: number;
  /** The fraction of packets that are lost, 0 to 1. */
  readonly loss: number;
  /** One way, milliseconds. */
  readonly latency: { readonly min: number; readonly max: number };
  readonly preset: Preset;
  readonly settings: SpreadSettings;
  readonly seeds: number;
  readonly what: readonly Change[];
}

/** A question, and the output options. */
export interface Options {
  readonly question: Question;
  readonly jobs: number | undefined;
  readonly out: string | undefined;
  readonly json: boolean;
  readonly document: boolean;
}

/** Invalid options; the message lists all problems. */
export class OptionError extends Error {
  constructor(problems: readonly string[]) {
    super(`${problems.join('\n')}\n--help explains the options`);
    this.name = 'OptionError';
  }
}

const presets = {
  lan: { config: lanConfig, latency: { min: 0.5, max: 2 } },
  wan: { config: wanConfig, latency: { min: 20, max: 120 } },
  local: { config: localConfig, latency: { min: 0.05, max: 0.2 } },
} as const;
export type Preset = keyof typeof presets;

const mostNodes = 4_096;
const mostLoss = 0.9;
const longestMs = 3_600_000;

export const helpText = `Usage: npm run sim:converge -- [options]

How long does it take until 50, 90, 99, 99.9 and 100 % of a cluster know of a change? The calculator simulates
real nodes in virtual time with many seeds and measures the times; it evaluates no formula. There are two kinds of
changes: a member changes its metadata (update), or crashes (failure). The other members first have to detect a
failure: the times since the first suspicion and since the first failure event separate detection from
dissemination.

  --nodes N               members, 2 to ${mostNodes} (100)
  --loss P                fraction of lost packets, 0 to ${mostLoss}: 0.05 is 5 % (0)
  --latency MS            one way, in ms: 5, or 1-20 for a uniform range (depends on the preset:
                          lan 0.5-2, wan 20-120, local 0.05-0.2)
  --preset NAME           lan, wan or local: the defaults of the following options (lan)

  --gossip-interval MS    between two gossip rounds; 0 for none (lan: 200)
  --gossip-nodes N        members per gossip round (lan: 3)
  --retransmit-mult N     each member transmits a message N × ⌈log10(n + 1)⌉ times (lan: 4)
  --probe-interval MS     between two probes of a member (lan: 1000)
  --probe-timeout MS      for a direct ack, before indirect probes (lan: 500)
  --suspicion-mult N      a suspicion lasts at least N × log10 n × probe interval (lan: 4)
  --push-pull-interval MS between two full exchanges, which repair what gossip missed; 0 for none
                          (lan: 30000). It is longer in larger clusters

  --what W                update, failure or both (both)
  --seeds N               repetitions (50; fewer with more than 200 members, at least 10)
  --jobs N                workers (the number of cores)
  --out FILE.svg          plots; with --what both FILE-update.svg and FILE-failure.svg
  --json                  print the figures as JSON
  --document              write docs/experiments/converge.md, with plots
  --help

Faster gossip, or gossip to more members, spreads updates faster but sends more packets; more retransmissions
let gossip miss fewer members. 1000 members take about two minutes.
`;

const spec = {
  nodes: { type: 'string' },
  loss: { type: 'string' },
  latency: { type: 'string' },
  preset: { type: 'string' },
  'gossip-interval': { type: 'string' },
  'gossip-nodes': { type: 'string' },
  'retransmit-mult': { type: 'string' },
  'probe-interval': { type: 'string' },
  'probe-timeout': { type: 'string' },
  'suspicion-mult': { type: 'string' },
  'push-pull-interval': { type: 'string' },
  what: { type: 'string' },
  seeds: { type: 'string' },
  jobs: { type: 'string' },
  out: { type: 'string' },
  json: { type: 'boolean', default: false },
  document: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/**
 * Reads the command line.
 *
 * @returns undefined if help is requested
 * @throws OptionError
 */
export function parseOptions(words: readonly string[]): Options | undefined {
  const values = parseWords(words);
  if (values.help) return undefined;
  const reader = new Reader(values);
  const preset = reader.choice('preset', Object.keys(presets) as Preset[], 'lan');
  const { config, latency } = presets[preset];
  const what = reader.choice('what', ['update', 'failure', 'both'], 'both');
  const defaults = config();
  const time = { least: 0, most: longestMs };
  const nodes = reader.whole('nodes', { least: 2, most: mostNodes }, 100);
  const question: Question = {
    nodes,
    loss: reader.number('loss', { least: 0, most: mostLoss }, 0),
    latency: reader.latency(latency),
    preset,
    settings: {
      gossipInterval: reader.number('gossip-interval', time, defaults.gossipInterval),
      gossipNodes: reader.whole('gossip-nodes', { least: 0, most: 100 }, defaults.gossipNodes),
      retransmitMult: reader.whole('retransmit-mult', factor, defaults.retransmitMult),
      probeInterval: reader.number('probe-interval', time, defaults.probeInterval),
      probeTimeout: reader.number('probe-timeout', { ...time, least: 1 }, defaults.probeTimeout),
      suspicionMult: reader.whole('suspicion-mult', factor, defaults.suspicionMult),
      pushPullInterval: reader.number('push-pull-interval', time, defaults.pushPullInterval),
    },
    seeds: reader.whole('seeds', { least: 1, most: 100_000 }, defaultSeeds(nodes)),
    what: what === 'both' ? ['update', 'failure'] : [what],
  };
  const jobs = reader.optionalWhole('jobs', { least: 1, most: 1_024 });
  const { out, json, document } = values;
  if (out !== undefined && !out.endsWith('.svg'))
    reader.problem(`--out must be a .svg file; not ${out}`);
  reader.check(question);
  return { question, jobs, out, json, document };
}

/** The number of seeds that is practical for this cluster size. */
function defaultSeeds(nodes: number): number {
  return Math.max(10, Math.min(50, Math.floor(10_000 / nodes)));
}

const factor = { least: 1, most: 100 };

type Values = ReturnType<typeof parseArgs<{ options: typeof spec }>>['values'];
type TextOption = {
  [Name in keyof typeof spec]: (typeof spec)[Name]['type'] extends 'string' ? Name : never;
}[keyof typeof spec];

function parseWords(words: readonly string[]): Values {
  try {
    return parseArgs({ args: [...words], options: spec }).values;
  } catch (error) {
    throw new OptionError([(error as Error).message]);
  }
}

interface Bounds {
  readonly least: number;
  readonly most: number;
}

/** Reads values, and collects problems. */
class Reader {
  readonly #values: Values;
  readonly #problems: string[] = [];

  constructor(values: Values) {
    this.#values = values;
  }

  problem(text: string): void {
    this.#problems.push(text);
  }

  number(name: TextOption, { least, most }: Bounds, otherwise: number): number {
    const text = this.#values[name];
    if (text === undefined) return otherwise;
    const value = numberOf(text);
    if (value >= least && value <= most) return value;
    this.problem(`--${name} must be a number from ${least} to ${most}; not ${text}`);
    return otherwise;
  }

  whole(name: TextOption, bounds: Bounds, otherwise: number): number {
    return this.optionalWhole(name, bounds) ?? otherwise;
  }

  optionalWhole(name: TextOption, { least, most }: Bounds): number | undefined {
    const text = this.#values[name];
    if (text === undefined) return undefined;
    const value = numberOf(text);
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    this.problem(`--${name} must be a whole number from ${least} to ${most}; not ${text}`);
    return undefined;
  }

  choice<T extends string>(name: TextOption, choices: readonly T[], otherwise: T): T {
    const text = this.#values[name];
    if (text === undefined) return otherwise;
    const choice = choices.find((each) => each === text);
    if (choice === undefined) this.problem(`--${name} must be ${choices.join(', ')}; not ${text}`);
    return choice ?? otherwise;
  }

  latency(otherwise: Question['latency']): Question['latency'] {
    const text = this.#values.latency;
    if (text === undefined) return otherwise;
    const [min = NaN, max = min, ...more] = text.split('-').map(numberOf);
    if (more.length === 0 && min >= 0 && max >= min && max <= 10_000) return { min, max };
    this.problem(`--latency must be milliseconds, up to 10000, such as 5 or 1-20; not ${text}`);
    return otherwise;
  }

  /** @throws OptionError with all problems */
  check({ settings, what }: Question): void {
    const { gossipInterval, gossipNodes, probeInterval, pushPullInterval } = settings;
    const gossips = gossipInterval > 0 && gossipNodes > 0;
    if (!gossips && probeInterval === 0 && pushPullInterval === 0) {
      this.problem('without gossip, probes and full exchanges updates do not spread at all');
    }
    if (what.includes('failure') && probeInterval === 0) {
      this.problem('without probes (--probe-interval 0) no failure is detected: use --what update');
    }
    if (this.#problems.length > 0) throw new OptionError(this.#problems);
  }
}

function numberOf(text: string): number {
  return text.trim() === '' ? NaN : Number(text);
}

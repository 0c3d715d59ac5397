/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The output, as lines of text: each node's view of each member, the progress of the scenario, and how the failure
// was detected. At most 79 columns wide; wider when states are words, as in a pipe.
import type { Cluster, NodePlan } from './cluster.js';
import type { Entry, Observation, Tone } from './journal.js';
import type { MemberView } from './messages.js';
import type { NodeProcess } from './node-process.js';
import type { Paint, Style } from './paint.js';
import { metaOf, victim } from './scenario.js';
import type { StepResult, StepState } from './run-scenario.js';

type Cell = readonly [symbol: string, style: Style, meaning: string];

const cells = {
  alive: ['●', 'green', 'alive'],
  stale: ['◐', 'cyan', 'old meta'],
  suspect: ['?', 'yellow', 'suspect'],
  dead: ['✖', 'red', 'failed'],
  left: ['○', 'blue', 'left'],
  unknown: ['·', 'gray', 'unknown'],
} as const satisfies Record<string, Cell>;

const marks: Record<StepState, readonly [symbol: string, style: Style]> = {
  waiting: ['○', 'gray'],
  running: ['▶', 'cyan'],
  passed: ['✔', 'green'],
  failed: ['✖', 'red'],
  skipped: ['–', 'gray'],
};

const toneStyles: Record<Tone, Style | undefined> = {
  plain: undefined,
  good: 'green',
  warning: 'yellow',
  bad: 'red',
  quiet: 'blue',
  step: 'cyan',
};

/** Renders the state of a cluster. */
export class Frame {
  readonly #cluster: Cluster;
  readonly #paint: Paint;
  readonly #startedAt: number;
  readonly #words: boolean;
  readonly #cellWidth: number;

  /** @param init.words - whether a word follows the symbol of a state */
  constructor(init: { cluster: Cluster; paint: Paint; startedAt: number; words: boolean }) {
    this.#words = init.words;
    this.#cellWidth = init.words ? 13 : 4;
    this.#cluster = init.cluster;
    this.#paint = init.paint;
    this.#startedAt = init.startedAt;
  }

  title(where: string): string {
    const seconds = `${((Date.now() - this.#startedAt) / 1_000).toFixed(1)} s`;
    const text = `  real processes, real UDP and TCP, ${where}`;
    return ` ${this.#paint('bold', 'node-memberlist')}${text.padEnd(55)}${seconds.padStart(8)}`;
  }

  /** One row for each member, one column for each observer. */
  members(): string[] {
    const { plans } = this.#cluster;
    const columns = plans.map(({ name }) => {
      const isObserver = this.#cluster.find(name)?.isObserverUntilStop === true;
      return this.#paint(isObserver ? 'bold' : 'gray', this.#columnHead(name));
    });
    const heads = 'MEMBER  ADDRESS         METADATA                  RTT';
    const head = ` ${this.#paint('gray', heads)}${columns.join('')}`;
    return [head, ...plans.map((plan) => this.#member(plan))];
  }

  /** The meaning of the symbols. */
  legend(): string {
    const shown = Object.values(cells).map(
      ([symbol, style, meaning]) => `${this.#paint(style, symbol)} ${this.#paint('gray', meaning)}`,
    );
    return ` ${this.#paint('gray', 'seen by n1…n6:')}  ${shown.join('  ')}`;
  }

  /** All steps on one line. */
  progress(steps: readonly StepResult[]): string {
    const shown = steps.map(({ step, state }) => {
      const [symbol, style] = marks[state];
      return `${this.#paint(style, symbol)} ${this.#paint(state === 'running' ? 'bold' : style, step.name)}`;
    });
    return ` ${shown.join('  ')}`;
  }

  /** All steps, one per line, with their measurements. */
  summary(steps: readonly StepResult[]): string[] {
    return steps.map(({ step, state, outcome }) => {
      const [symbol, style] = marks[state];
      return ` ${this.#paint(style, symbol)} ${step.title.padEnd(36)}${outcome}`;
    });
  }

  /** One line of the log. */
  entry({ at, source, text, tone }: Entry): string {
    const seconds = ((at - this.#startedAt) / 1_000).toFixed(3).padStart(8);
    const style = toneStyles[tone];
    const shown = style === undefined ? text : this.#paint(style, text);
    return ` ${this.#paint('gray', seconds)}  ${this.#paint('bold', source.padEnd(9))} ${shown}`;
  }

  /** When each observer detected the failure, and from which node it learned of it; the first observer first. */
  failure(killedAt: number): string[] {
    const { journal } = this.#cluster;
    const rows = (['suspect', 'confirm', 'failed'] as const).map(
      (what) => [what, journal.about(victim, what, killedAt)] as const,
    );
    const observers = [...new Set(rows.flatMap(([, found]) => found.map((one) => one.observer)))];
    if (observers.length === 0) return [];
    observers.sort();
    const labels = { suspect: 'suspected', confirm: 'confirmed', failed: 'failed' };
    const own = { suspect: 'own ping', confirm: 'own ping', failed: 'timeout' };
    const head = ['ms after kill', ...observers.map((name) => `at ${name}`)];
    const body = rows.map(([what, found]) => [
      labels[what],
      ...observers.map((observer) => {
        const one = found.find((candidate) => candidate.observer === observer);
        if (one === undefined) return '–';
        return `${one.at - killedAt} ${one.by === observer ? own[what] : one.by}`;
      }),
    ]);
    const [names = '', ...times] = [head, ...body].map((row) =>
      ` ${row.map((text) => text.padEnd(15)).join(' ')}`.trimEnd(),
    );
    return [this.#firsts(killedAt), this.#paint('gray', names), ...times];
  }

  #firsts(killedAt: number): string {
    const [suspicion] = this.#cluster.journal.about(victim, 'suspect', killedAt);
    const [failure] = this.#cluster.journal.about(victim, 'failed', killedAt);
    const describe = (one: Observation | undefined): string =>
      one === undefined
        ? 'by no node'
        : `by ${one.observer} after ${(one.at - killedAt).toLocaleString('en')} ms`;
    return ` First suspected ${describe(suspicion)}, failed ${describe(failure)}`;
  }

  #member({ name, place, meta }: NodePlan): string {
    const node = this.#cluster.find(name);
    const symbols = this.#cluster.plans.map(({ name: observer }) =>
      this.#cell(this.#cluster.find(observer), name),
    );
    const present = node === undefined ? 'gray' : node.isObserverUntilStop ? 'bold' : 'dim';
    const known = metaOf(this.#cluster, name) ?? meta;
    const columns = [
      this.#paint(present, name.padEnd(7)),
      this.#paint(present === 'bold' ? 'plain' : present, `${place.host}:${place.port}`.padEnd(15)),
      this.#paint(present === 'bold' ? 'plain' : present, known.padEnd(20)),
      this.#condition(name, node),
    ];
    return ` ${columns.join(' ')}${symbols.join('')}`;
  }

  // How an observer sees a member.
  #cell(observer: NodeProcess | undefined, name: string): string {
    if (observer?.isObserverUntilStop !== true) return ' '.repeat(this.#cellWidth);
    const [symbol, style, meaning] = cells[this.#cellKind(observer.view(name))];
    const text = this.#words ? `${symbol} ${meaning}`.padEnd(this.#cellWidth - 3) : symbol;
    return `   ${this.#paint(style, text)}`;
  }

  #columnHead(name: string): string {
    const head = shortName(name);
    return this.#words ? `   ${head.padEnd(this.#cellWidth - 3)}` : head.padStart(this.#cellWidth);
  }

  #cellKind(seen: MemberView | undefined): keyof typeof cells {
    if (seen === undefined) return 'unknown';
    const { state, meta, name } = seen;
    return state === 'alive' && meta !== metaOf(this.#cluster, name) ? 'stale' : state;
  }

  // The mean round trip of the nodes that probed it; or why there is none.
  #condition(name: string, node: NodeProcess | undefined): string {
    const width = 8;
    if (node === undefined) return this.#paint('gray', 'not yet'.padStart(width));
    if (node.phase === 'killed') return this.#paint('red', 'killed'.padStart(width));
    if (node.phase === 'left') return this.#paint('blue', 'left'.padStart(width));
    if (!node.isObserverUntilStop) return this.#paint('gray', node.phase.padStart(width));
    const measured = this.#cluster.observersUntilStop
      .map((observer) => observer.view(name)?.roundTripMs)
      .filter((roundTripMs) => roundTripMs !== undefined);
    if (measured.length === 0) return '–'.padStart(width);
    const mean = measured.reduce((sum, each) => sum + each, 0) / measured.length;
    return `${mean.toFixed(1)} ms`.padStart(width);
  }
}

function shortName(name: string): string {
  return name.replace('node-', 'n');
}

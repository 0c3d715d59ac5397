/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The scenario of the example: the actions, what all nodes should then observe, and by when. Every expectation is
// checked against the reports of the node processes.
import type { MemberState } from 'node-memberlist';
import type { Cluster } from './cluster.js';

/** One step: an action, and its expected result. */
export interface Step {
  readonly name: string;
  readonly title: string;
  readonly timeoutMs: number;
  /** Resolves with a text of what was measured; rejects with what was not as expected. */
  readonly run: (cluster: Cluster, timeoutMs: number) => Promise<string>;
}

export const founders = ['node-1', 'node-2', 'node-3', 'node-4', 'node-5'];
export const leaver = 'node-3';
export const victim = 'node-4';
export const newcomer = 'node-6';
const survivors = founders.filter((name) => name !== victim && name !== leaver);
const seed = 'node-1';
const changer = 'node-2';
const newMeta = 'role=web version=2';

/** The metadata that a node starts with. */
export const firstMeta: Readonly<Record<string, string>> = {
  'node-1': 'role=db version=1',
  'node-2': 'role=web version=1',
  'node-3': 'role=web version=1',
  'node-4': 'role=cache version=1',
  'node-5': 'role=queue version=1',
  'node-6': 'role=web version=1',
};

export const scenario: readonly Step[] = [
  {
    name: 'start',
    title: 'five nodes start as five processes',
    timeoutMs: 15_000,
    run: async (cluster, timeoutMs) => {
      const startedAt = Date.now();
      const nodes = founders.map((name) => cluster.start(name));
      const unready = (): string[] =>
        nodes.filter((node) => !node.isObserver).map((node) => `${node.name} is not ready`);
      return `all listen after ${since(startedAt, await cluster.until(unready, timeoutMs))}`;
    },
  },
  {
    name: 'join',
    title: `the others join ${seed}`,
    timeoutMs: 10_000,
    run: async (cluster, timeoutMs) => {
      const joinedAt = Date.now();
      for (const name of founders.filter((other) => other !== seed)) joinSeed(cluster, name);
      const formedAt = await cluster.until(() => unseen(cluster, founders, 'alive'), timeoutMs);
      return `all see all after ${since(joinedAt, formedAt)}`;
    },
  },
  {
    name: 'metadata',
    title: `${changer} updates its metadata`,
    timeoutMs: 5_000,
    run: async (cluster, timeoutMs) => {
      const changedAt = Date.now();
      cluster.node(changer).send({ type: 'set-meta', meta: newMeta });
      const stale = (): string[] =>
        cluster.observers
          .filter((node) => node.view(changer)?.meta !== newMeta)
          .map((node) => `${node.name} has the old metadata of ${changer}`);
      return `known to all after ${since(changedAt, await cluster.until(stale, timeoutMs))}`;
    },
  },
  {
    name: 'kill',
    title: `${victim} is killed with SIGKILL`,
    timeoutMs: 15_000,
    run: async (cluster, timeoutMs) => {
      const killedAt = Date.now();
      cluster.node(victim).kill();
      const knownAt = await cluster.until(() => unseen(cluster, [victim], 'dead'), timeoutMs);
      if (cluster.journal.about(victim, 'suspect', killedAt).length === 0) {
        throw new Error(`${victim} was never suspected`);
      }
      return `known to all after ${since(killedAt, knownAt)}`;
    },
  },
  {
    name: 'leave',
    title: `${leaver} leaves`,
    timeoutMs: 6_000,
    run: async (cluster, timeoutMs) => {
      const leftAt = Date.now();
      const node = cluster.node(leaver);
      node.send({ type: 'leave' });
      const knownAt = await cluster.until(() => unseen(cluster, [leaver], 'left'), timeoutMs);
      const running = (): string[] => (node.hasExited ? [] : [`${leaver} still runs`]);
      await cluster.until(running, timeoutMs);
      return `all saw it leave after ${since(leftAt, knownAt)}`;
    },
  },
  {
    name: 'newcomer',
    title: `${newcomer} starts and joins`,
    timeoutMs: 10_000,
    run: async (cluster, timeoutMs) => {
      const node = cluster.start(newcomer);
      await cluster.until(() => (node.isObserver ? [] : [`${newcomer} is not ready`]), timeoutMs);
      const joinedAt = Date.now();
      joinSeed(cluster, newcomer);
      const missing = (): string[] => unseen(cluster, [newcomer, ...survivors], 'alive');
      return `all see it after ${since(joinedAt, await cluster.until(missing, timeoutMs))}`;
    },
  },
  {
    name: 'agree',
    title: 'all nodes agree on the members',
    timeoutMs: 5_000,
    run: async (cluster, timeoutMs) => {
      const expected = [...survivors, newcomer];
      await cluster.until(() => disagreements(cluster, expected), timeoutMs);
      return `${expected.length} members in ${cluster.observers.length} views`;
    },
  },
  {
    name: 'stop',
    title: 'all nodes shut down',
    timeoutMs: 3_000,
    run: async (cluster) => {
      const stoppedAt = Date.now();
      const problems = await cluster.stop();
      if (problems.length > 0) throw new Error(problems.join('; '));
      return `all processes ended after ${since(stoppedAt, Date.now())}`;
    },
  },
];

function joinSeed(cluster: Cluster, name: string): void {
  const { host, port } = cluster.node(seed).place;
  cluster.node(name).send({ type: 'join', seeds: [`${host}:${port}`] });
}

// Describes which observers do not see which of the subjects in the given state.
function unseen(cluster: Cluster, subjects: readonly string[], state: MemberState): string[] {
  return cluster.observers.flatMap((node) =>
    subjects
      .filter((subject) => node.view(subject)?.state !== state)
      .map(
        (subject) => `${node.name} sees ${subject} ${node.view(subject)?.state ?? 'not at all'}`,
      ),
  );
}

// All observers should list exactly these members, with the same metadata, and only the killed node should ever have
// been declared failed.
function disagreements(cluster: Cluster, expected: readonly string[]): string[] {
  const present = cluster.observers.flatMap((node) =>
    node.members
      .filter(({ name, state }) => (state === 'alive') !== expected.includes(name))
      .map(({ name, state }) => `${node.name} sees ${name} ${state}`),
  );
  const metadata = cluster.observers.flatMap((node) =>
    node.members
      .filter(({ name, meta }) => expected.includes(name) && meta !== metaOf(cluster, name))
      .map(({ name, meta }) => `${node.name} sees ${name} with "${meta}"`),
  );
  const falsePositives = cluster.journal.observations
    .filter(({ what, subject }) => what === 'failed' && subject !== victim)
    .map(({ observer, subject }) => `${observer} declared ${subject} failed`);
  return [...unseen(cluster, expected, 'alive'), ...present, ...metadata, ...falsePositives];
}

/** A member's own metadata. */
export function metaOf(cluster: Cluster, name: string): string | undefined {
  return cluster.find(name)?.view(name)?.meta;
}

function since(from: number, to: number): string {
  return `${Math.max(0, to - from).toLocaleString('en')} ms`;
}

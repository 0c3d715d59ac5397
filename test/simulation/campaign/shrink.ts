/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Makes a scenario that fails smaller, as long as it goes on failing in the same way: fewer steps,
// fewer nodes, fewer faults of the network, plainer settings, less time.

import type { LinkOptions } from '../../../src/testing/index.js';
import type { Scenario, Settings, Step } from './scenario.js';
import { simplerToolkits } from './toolkit.js';

/** Whether a scenario fails as the one did that is made smaller. */
export type StillFails = (scenario: Scenario) => Promise<boolean>;

/** The smallest scenario that was found to fail. */
export async function shrink(scenario: Scenario, stillFails: StillFails): Promise<Scenario> {
  let smallest = scenario;
  for (let before: Scenario | undefined; before !== smallest;) {
    before = smallest;
    for (const candidate of candidates(smallest)) {
      if (!(await stillFails(candidate))) continue;
      smallest = candidate;
      break;
    }
  }
  return smallest;
}

/** Smaller ones, the smallest first. */
function* candidates(scenario: Scenario): Generator<Scenario> {
  yield* fewerSteps(scenario);
  yield* fewerNodes(scenario);
  yield* fewerFaults(scenario);
  yield* plainer(scenario);
  const last = scenario.steps.at(-1)?.at ?? 0;
  if (scenario.healAt > last + 1) yield { ...scenario, healAt: last + 1 };
}

/** Without half of the steps, a quarter, … one. */
function* fewerSteps(scenario: Scenario): Generator<Scenario> {
  const { steps } = scenario;
  for (let size = steps.length; size >= 1; size = size > 1 ? Math.ceil(size / 2) : 0) {
    for (let at = 0; at < steps.length; at += size) {
      yield { ...scenario, steps: [...steps.slice(0, at), ...steps.slice(at + size)] };
    }
  }
}

/** Half of the nodes; then without any one of them, the last one taking its name. */
function* fewerNodes(scenario: Scenario): Generator<Scenario> {
  const { nodes } = scenario;
  if (nodes <= 2) return;
  const half = Math.ceil(nodes / 2);
  const beyond = Array.from({ length: nodes - half }, (_, i) => `n${half + i}`);
  yield { ...scenario, nodes: half, steps: without(scenario.steps, beyond) };
  const last = `n${nodes - 1}`;
  for (let i = nodes - 1; i >= 1; i--) {
    const steps = without(scenario.steps, [`n${i}`]);
    yield { ...scenario, nodes: nodes - 1, steps: renamed(steps, last, `n${i}`) };
  }
}

const faults = ['loss', 'duplication', 'reordering', 'streamBreaks', 'bandwidth'] as const;

function* fewerFaults(scenario: Scenario): Generator<Scenario> {
  const { network } = scenario;
  for (const fault of faults) {
    if (network[fault]) yield withNetwork(scenario, { [fault]: undefined });
  }
  if (typeof network.latency !== 'number') yield withNetwork(scenario, { latency: 1 });
}

const plain: Partial<Settings> = {
  label: '',
  enableCompression: false,
  udpBufferSize: 1_400,
  disableTcpPings: false,
  settleAfterJoin: true,
  deadNodeReclaimTime: 0,
};

function* plainer(scenario: Scenario): Generator<Scenario> {
  if (scenario.encrypted) yield { ...scenario, encrypted: false };
  const { slices, ...unsliced } = scenario;
  if (slices !== undefined) yield unsliced;
  const { extensions, ...alone } = scenario;
  if (extensions !== undefined) {
    yield alone;
    if (extensions.throws > 0) yield { ...scenario, extensions: { ...extensions, throws: 0 } };
  }
  const { toolkit, ...bare } = scenario;
  if (toolkit !== undefined) {
    yield bare;
    for (const simpler of simplerToolkits(toolkit)) yield { ...scenario, toolkit: simpler };
  }
  const { settings } = scenario;
  for (const [name, value] of Object.entries(plain)) {
    if (settings[name as keyof Settings] === value) continue;
    yield { ...scenario, settings: { ...settings, [name]: value } };
  }
}

function withNetwork(scenario: Scenario, changes: LinkOptions): Scenario {
  const network = { ...scenario.network, ...changes };
  return { ...scenario, network: JSON.parse(JSON.stringify(network)) as LinkOptions };
}

/** The steps that are about others, or at least need not be about these. */
function without(steps: readonly Step[], names: readonly string[]): Step[] {
  const isGone = (name: string): boolean => names.includes(name);
  return steps.flatMap((step): Step[] => {
    if (step.do === 'partition') {
      const groups = step.groups.map((group) => group.filter((name) => !isGone(name)));
      return [{ ...step, groups }];
    }
    const named = ['node', 'from', 'to', 'of'].map(
      (field) => (step as Record<string, unknown>)[field],
    );
    return named.some((name) => typeof name === 'string' && isGone(name)) ? [] : [step];
  });
}

function renamed(steps: readonly Step[], from: string, to: string): Step[] {
  if (from === to) return [...steps];
  const text = JSON.stringify(steps, (key, value: unknown) =>
    value === from && key !== 'meta' ? to : value,
  );
  return JSON.parse(text) as Step[];
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// The five configurations of the Lifeguard paper, each with the paper's rules and with the product's.

import { confirmationsWanted } from '../../src/core/lifeguard/formulas.js';
import { productionRules, type LifeguardRules } from '../../src/core/lifeguard/rules.js';
import type { SimulatedConfig } from '../../src/testing/index.js';

/** Which of Lifeguard's extensions a configuration has. */
interface Extensions {
  readonly probe: boolean;
  readonly suspicion: boolean;
  readonly buddy: boolean;
}

const none: Extensions = { probe: false, suspicion: false, buddy: false };

/** The configurations, in the order of the paper's tables. */
export const configurations = {
  swim: none,
  'lha-probe': { ...none, probe: true },
  'lha-suspicion': { ...none, suspicion: true },
  buddy: { ...none, buddy: true },
  lifeguard: { probe: true, suspicion: true, buddy: true },
} as const satisfies Record<string, Extensions>;

export type Configuration = keyof typeof configurations;
export const configurationNames = Object.keys(configurations) as Configuration[];

/** The rules of the paper, or those of the product (and of current Go memberlist). */
export type Variant = 'paper' | 'product';
export const variants: readonly Variant[] = ['paper', 'product'];

/** The paper's K: confirmations that reduce a suspicion to its minimum timeout. */
const paperConfirmations = 3;
/** The limit of the local health score: the probe interval is stretched to 9 s, or to 8 s. */
const maxMultipliers: Record<Variant, number> = { paper: 9, product: 8 };

/** The parameters that determine the rules of a run. */
export interface Tuning {
  readonly configuration: Configuration;
  readonly variant: Variant;
  /** Suspicion multiplier. */
  readonly alpha: number;
  /** Max multiplier of suspicions. */
  readonly beta: number;
  /** Whether the rules about a node's own stalls are disabled. */
  readonly noStallRule?: boolean | undefined;
}

const stallsDoNotMatter: Partial<LifeguardRules> = {
  excusesStalls: false,
  probeWait: () => (then) => then(),
  suspicionWait: () => (then) => then(),
};

/** The rules of one configuration. */
export function rulesFor(tuning: Tuning): LifeguardRules {
  const { probe, suspicion, buddy } = configurations[tuning.configuration];
  const isPaper = tuning.variant === 'paper';
  const paper: Partial<LifeguardRules> = {
    probeTimeoutMs: (probeTimeoutMs, healthScore) => probeTimeoutMs * (healthScore + 1),
    failedProbeCost: (nacksWanted, nacks) => 1 + Math.max(0, nacksWanted - nacks),
    confirmationsWanted: (_, members) => confirmationsWanted(paperConfirmations + 2, members),
  };
  return {
    ...productionRules,
    ...(isPaper && paper),
    ...(!suspicion && { confirmationsWanted: () => 0 }),
    requestsNacks: probe,
    usesBuddySystem: buddy,
    ...(tuning.noStallRule && stallsDoNotMatter),
  };
}

/** The configuration of a node. */
export function configFor(tuning: Tuning): SimulatedConfig {
  const { probe, suspicion } = configurations[tuning.configuration];
  return {
    probeInterval: 1_000,
    probeTimeout: 500,
    suspicionMult: tuning.alpha,
    suspicionMaxTimeoutMult: suspicion ? tuning.beta : 1,
    awarenessMaxMultiplier: probe ? maxMultipliers[tuning.variant] : 1,
    // Features of this library that both papers do not have.
    settleAfterJoin: false,
    rejoin: false,
  };
}

/** If paper and product do not differ, the product's name stands for both. */
export function canonicalVariant({ configuration, variant, alpha }: Tuning): Variant {
  const { probe, suspicion } = configurations[configuration];
  const differs = probe || (suspicion && confirmationsWanted(alpha, 128) !== paperConfirmations);
  return differs ? variant : 'product';
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Whether a scenario passes, as plain data: it goes from a worker to the main thread.

import type { Outcome } from './outcome.js';
import { play } from './play.js';
import type { Scenario } from './scenario.js';
import { Violation } from './violation.js';

/** What was wrong. */
export interface Failure {
  /** The invariant that does not hold, or the kind of error. */
  readonly rule: string;
  readonly text: string;
}

export type Verdict = { readonly outcome: Outcome } | { readonly failure: Failure };

/** Plays a scenario. Never rejects. */
export async function judge(scenario: Scenario): Promise<Verdict> {
  try {
    return { outcome: await play(scenario) };
  } catch (error) {
    return { failure: failureOf(error) };
  }
}

/** An error as plain data; of violations no more than what they say. */
export function failureOf(error: unknown): Failure {
  if (error instanceof Violation) return { rule: error.rule, text: error.message };
  if (!(error instanceof Error)) return { rule: 'an error', text: String(error) };
  return { rule: error.name, text: error.stack ?? error.message };
}

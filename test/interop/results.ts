/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// What the run found, for the table that it ends with: one line for each scenario with each peer.
import { appendFileSync } from 'node:fs';
import { it } from 'node:test';

/** One row of the table. */
export interface Result {
  /** The program and its version, such as `memberlist 0.6.0 (Go)`. */
  readonly peer: string;
  readonly scenario: string;
  readonly passed: boolean;
}

/** Declares a test that stands in the table as a scenario with that peer. */
export function scenario(peer: string, name: string, run: () => void | Promise<void>): void {
  it(name, async () => {
    let passed = false;
    try {
      await run();
      passed = true;
    } finally {
      record({ peer, scenario: name, passed });
    }
  });
}

/** Writes down one row. Without the run's file (a test file started alone) it goes nowhere. */
export function record(result: Result): void {
  const file = process.env.INTEROP_RESULTS;
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(result)}\n`);
}

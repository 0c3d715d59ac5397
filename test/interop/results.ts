/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Collects the results of a run for docs/COMPATIBILITY.md: one line for each scenario with each peer.
import { appendFileSync } from 'node:fs';
import { it } from 'node:test';

/** One result. */
export interface Result {
  /** The program and its version, such as `memberlist 0.6.0 (Go)`. */
  readonly peer: string;
  readonly scenario: string;
  readonly passed: boolean;
}

/** Declares a test whose result the table shows as a scenario with this peer. */
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

/** Records one result. Does nothing without the file of a run (if a test file runs alone). */
export function record(result: Result): void {
  const file = process.env.INTEROP_RESULTS;
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(result)}\n`);
}

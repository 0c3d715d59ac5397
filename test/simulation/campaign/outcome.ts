/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

/** The result of a scenario. */
export interface Outcome {
  readonly digest: string;
  /** Virtual milliseconds from the end of the faults to agreement. */
  readonly agreedAfterMs: number;
  /** The share of its bound. */
  readonly agreementShare: number;
  /** Whether the campaign had to join islands that had removed each other. */
  readonly rejoined: boolean;
  readonly events: number;
  /** Steps that were executed; the others were not applicable. */
  readonly steps: number;
  /** Events that reported a running node as failed. */
  readonly falseDeaths: number;
  /** Messages that reached extensions. */
  readonly extensionMessages: number;
  /** What happened in the parts of the toolkit. */
  readonly toolkit: Readonly<Record<string, number>>;
}

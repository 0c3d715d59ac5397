/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A broken rule, by which the campaign is tested.

import type { ToolkitPlans } from './toolkit.js';

/** One rule, and the change that breaks it. */
export interface Canary {
  /** What is broken. */
  readonly name: string;
  /** Below `src`. */
  readonly file: string;
  /** A text that the file contains once. */
  readonly from: string;
  readonly to: string;
  /** A seed that detects it and is tried first: few scenarios do. `--canary NAME --seeds 400` finds another one. */
  readonly seed?: number;
  /** The part of the toolkit that is broken: only scenarios with it are played. */
  readonly part?: keyof ToolkitPlans;
  /** Whether only faults of the network show it: no calm scenarios are played. */
  readonly needsFaults?: boolean;
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// An internal seam: simulations observe what a node reports before the log folds lines, and the state of its engine.
import type { Engine } from '../core/engine.js';
import type { Report } from '../core/reports.js';

/** The property of a configuration that holds a {@link NodeObserver}. The public types do not know the symbol. */
export const nodeObserver = Symbol('nodeObserver');

/** Observes one node. An exception from it counts as an internal error of the node. */
export interface NodeObserver {
  /** Called once, when the engine of the node is created. */
  readonly engine?: ((engine: Engine) => void) | undefined;
  /** Called with each report, also when the log folds its line. */
  readonly report?: ((report: Report) => void) | undefined;
}

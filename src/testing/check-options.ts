/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Checks the arguments of a simulated cluster.

import { ConfigError } from '../errors.js';
import type { SimulatedClusterOptions } from './cluster-options.js';

/** @throws RangeError for an invalid size, turn or trace length; ConfigError if all nodes would share extensions */
export function checkClusterOptions(options: SimulatedClusterOptions): void {
  const { size, traceLength = 0, turnMs = 0, config } = options;
  if (!Number.isInteger(size) || size < 0) {
    throw new RangeError(`size must be a whole number, 0 or more; not ${size}`);
  }
  if (!(Number.isInteger(traceLength) || traceLength === Infinity) || traceLength < 0) {
    throw new RangeError(`traceLength must be a whole number or infinite; not ${traceLength}`);
  }
  if (!(turnMs >= 0 && turnMs < Infinity)) {
    throw new RangeError(`turnMs must be a number, 0 or more; not ${turnMs}`);
  }
  if (typeof config !== 'object' || !Array.isArray(config.use) || config.use.length === 0) return;
  const rule = 'must be a function that creates extensions here, because each node needs its own';
  throw new ConfigError([{ field: 'config.use', value: config.use, rule }]);
}

/** @returns a duration in milliseconds. @throws RangeError if it is negative or not finite */
export function checkDuration(ms: number): number {
  if (Number.isFinite(ms) && ms >= 0) return ms;
  throw new RangeError(`a duration must be 0 ms or more, not ${ms}`);
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Reports of nodes before the log holds lines back: in a table of hundreds of forged members, most lines about dead
// members come late or not at all. The library has no way in for them, and needs none.

import { LineFold } from '../../../src/observability/line-fold.js';
import type { Verdict } from './invariants.js';

const listeners = new WeakMap<LineFold, (verdict: Verdict) => void>();
/** Those that are being called: one per node. */
const active: LineFold[] = [];

// eslint-disable-next-line @typescript-eslint/unbound-method -- it is called on the same object below
const { take } = LineFold.prototype;
LineFold.prototype.take = function (this: LineFold, report): void {
  active.push(this);
  try {
    take.call(this, report);
  } finally {
    active.pop();
  }
  if (report.code === 'member-failed') listeners.get(this)?.(report);
};

/**
 * From now on this listener is told of all verdicts of the node that writes a line now. To be called by every line: a
 * node's first line about a dead member is never held back.
 */
export function listenToVerdicts(listener: (verdict: Verdict) => void): void {
  const current = active.at(-1);
  if (current !== undefined && !listeners.has(current)) listeners.set(current, listener);
}

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A worker of `sim:bus`.

import { serve } from '../serve.js';
import { guarantees, type Setting, type Verdict } from './guarantees.js';
import { reach, type Reach, type ReachSetting } from './reach.js';

/** One cluster. */
export type Task =
  | { readonly what: 'guarantees'; readonly setting: Setting; readonly seed: number }
  | { readonly what: 'reach'; readonly setting: ReachSetting; readonly seed: number };

/** What a worker returns. */
export type Result =
  | { readonly what: 'guarantees'; readonly verdict: Verdict }
  | { readonly what: 'reach'; readonly reach: Reach };

serve(async (task: Task): Promise<Result> => {
  return task.what === 'guarantees'
    ? { what: task.what, verdict: await guarantees(task.setting, task.seed) }
    : { what: task.what, reach: await reach(task.setting, task.seed) };
});

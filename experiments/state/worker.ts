/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A worker of `npm run sim:state`.

import { serve } from '../serve.js';
import { simulate, type Task } from './simulate.js';

serve(async (task: Task) => ({ cluster: task.cluster, samples: await simulate(task) }));

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Our side of the figure `state`: reads tasks as lines of JSON from standard input, and writes answers to standard output.
// Ends when standard input ends. The counterpart is bench/rust.

import { answerTasks } from '../answer-tasks.js';
import { StateCluster } from './ours.js';
import type { StateHandlers } from './tasks.js';

let cluster: StateCluster | undefined;

function current(): StateCluster {
  if (cluster === undefined) throw new Error('no cluster was started');
  return cluster;
}

const handlers: StateHandlers = {
  startState: async (task) => {
    cluster = await StateCluster.start(task);
    return {};
  },
  update: (task) => current().update(task),
  stateUsage: () => Promise.resolve(current().usage()),
  stopState: async () => {
    await current().stop();
    cluster = undefined;
    return {};
  },
};

await answerTasks(handlers);
process.exit();

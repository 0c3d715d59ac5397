/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A worker of the campaign: plays the scenarios that it is sent.

import { parentPort } from 'node:worker_threads';
import { judge } from './judge.js';
import type { Scenario } from './scenario.js';

parentPort?.on('message', (scenario: Scenario) => {
  void judge(scenario).then((verdict) => parentPort?.postMessage(verdict));
});

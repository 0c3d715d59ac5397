/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// A process of the figure `bus`: the publisher, or a subscriber. Reads tasks as lines of JSON from standard input, and
// writes answers to standard output. Ends when standard input ends.

import { answerTasks } from '../answer-tasks.js';
import { Progress, ProgressReports } from './progress.js';
import { publishPaced, publishSaturated } from './publishing.js';
import { Recorder } from './recorder.js';
import type { BusClient } from './systems/client.js';
import { connectTo } from './systems/all.js';
import type { BusHandlers, ConnectTask } from './tasks.js';

const recorder = new Recorder();
let task: ConnectTask | undefined;
let client: BusClient | undefined;
let progress: Progress | undefined;
let reports: ProgressReports | undefined;

const handlers: BusHandlers = {
  connect: async (connectTask) => {
    task = connectTask;
    client = await connectTo(connectTask, (payload) => {
      if (recorder.take(payload)) reports?.update(recorder.next);
    });
    return {};
  },
  ready: async () => {
    await current().ready();
    return {};
  },
  expect: async ({ series, reportTo }) => {
    reports?.close();
    recorder.start(series);
    reports = reportTo === undefined ? undefined : await ProgressReports.to(reportTo);
    return {};
  },
  received: () => ({ ...recorder.received, problem: client?.problem?.() }),
  latencies: ({ count }) => {
    const { buffer } = recorder.latencies(count);
    return { ...recorder.received, ms: Buffer.from(buffer).toString('base64') };
  },
  openReports: async () => {
    const [host = ''] = task?.address.split(':') ?? [];
    progress ??= await Progress.open(host);
    return { address: progress.address };
  },
  paced: (paced) => publishPaced(current(), paced),
  saturate: (saturate) => {
    if (progress === undefined || task === undefined) throw new Error('nobody reports');
    progress.reset(task.all.length - 1);
    return publishSaturated(current(), progress, saturate);
  },
  cpu: () => {
    const { user, system } = process.cpuUsage();
    return { cpuNs: (user + system) * 1000 };
  },
};

function current(): BusClient {
  if (client === undefined) throw new Error('not connected');
  return client;
}

// A profile (`node --cpu-prof`) is written when the process ends by itself.
process.once('SIGTERM', () => process.exit());
await answerTasks(handlers);
process.exit();

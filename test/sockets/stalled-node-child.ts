/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One node as a separate process. It executes commands of its parent and reports every event.

import { Memberlist, type Node, lanConfig } from '../../src/index.js';

/** A message from the parent. */
export type Command =
  | { readonly do: 'join'; readonly seed: string }
  | { readonly do: 'stall'; readonly ms: number }
  | { readonly do: 'stop' };

/** A message to the parent; `at` is the time of day in milliseconds. */
export type Report =
  | { readonly is: 'ready'; readonly address: string }
  | { readonly is: 'joined' }
  | { readonly is: 'members'; readonly names: string[] }
  | { readonly is: 'stalled'; readonly from: number; readonly to: number }
  | { readonly is: 'event'; readonly at: number; readonly type: string; readonly about: string }
  | { readonly is: 'log'; readonly at: number; readonly line: string };

function report(message: Report): void {
  process.send?.(message);
}

const line = (message: string): void => report({ is: 'log', at: Date.now(), line: message });
const list = await Memberlist.create({
  ...lanConfig(),
  name: process.argv[2],
  bindAddr: '127.0.0.1',
  bindPort: 0,
  logger: { debug: line, info: line, warn: line, error: line },
});

function reportEvent(type: string, node: Node): void {
  report({ is: 'event', at: Date.now(), type, about: node.name });
  report({ is: 'members', names: list.members().map(({ name }) => name) });
}
list.on('join', (node) => reportEvent('join', node));
list.on('leave', (node, reason) => reportEvent(reason, node));
list.on('suspect', (node) => reportEvent('suspect', node));
list.on('refute', (node) => reportEvent('refute', node));
list.on('health', (score) => {
  report({ is: 'event', at: Date.now(), type: 'health', about: String(score) });
});

async function execute(command: Command): Promise<void> {
  switch (command.do) {
    case 'join':
      await list.join([command.seed]);
      report({ is: 'joined' });
      return;
    case 'stall': {
      const from = Date.now();
      while (Date.now() - from < command.ms);
      report({ is: 'stalled', from, to: Date.now() });
      return;
    }
    case 'stop':
      await list.shutdown();
      process.disconnect();
  }
}

process.on('message', (command: Command) => void execute(command));
// A lost connection to the parent is ignored.
process.on('disconnect', () => void list.shutdown());
report({ is: 'ready', address: list.localNode.address });

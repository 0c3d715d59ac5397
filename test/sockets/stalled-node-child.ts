/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One node as a process of its own. Its parent tells it what to do, and hears of every event.

import { Memberlist, type Node, lanConfig } from '../../src/index.js';

/** From the parent. */
export type Command =
  | { readonly do: 'join'; readonly seed: string }
  | { readonly do: 'stall'; readonly ms: number }
  | { readonly do: 'stop' };

/** To the parent; `at` is the time of day in milliseconds. */
export type Telling =
  | { readonly is: 'ready'; readonly address: string }
  | { readonly is: 'joined' }
  | { readonly is: 'members'; readonly names: string[] }
  | { readonly is: 'stalled'; readonly from: number; readonly to: number }
  | { readonly is: 'event'; readonly at: number; readonly type: string; readonly about: string }
  | { readonly is: 'log'; readonly at: number; readonly line: string };

function tell(telling: Telling): void {
  process.send?.(telling);
}

const line = (message: string): void => tell({ is: 'log', at: Date.now(), line: message });
const list = await Memberlist.create({
  ...lanConfig(),
  name: process.argv[2],
  bindAddr: '127.0.0.1',
  bindPort: 0,
  logger: { debug: line, info: line, warn: line, error: line },
});

function happened(type: string, node: Node): void {
  tell({ is: 'event', at: Date.now(), type, about: node.name });
  tell({ is: 'members', names: list.members().map(({ name }) => name) });
}
list.on('join', (node) => happened('join', node));
list.on('leave', (node, reason) => happened(reason, node));
list.on('suspect', (node) => happened('suspect', node));
list.on('refute', (node) => happened('refute', node));
list.on('health', (score) => {
  tell({ is: 'event', at: Date.now(), type: 'health', about: String(score) });
});

async function obey(command: Command): Promise<void> {
  switch (command.do) {
    case 'join':
      await list.join([command.seed]);
      tell({ is: 'joined' });
      return;
    case 'stall': {
      const from = Date.now();
      while (Date.now() - from < command.ms);
      tell({ is: 'stalled', from, to: Date.now() });
      return;
    }
    case 'stop':
      await list.shutdown();
      process.disconnect();
  }
}

process.on('message', (command: Command) => void obey(command));
// A parent that is gone stops nobody.
process.on('disconnect', () => void list.shutdown());
tell({ is: 'ready', address: list.localNode.address });

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One node of the example, a process of its own: what a service does with the library, and some IPC
// so that the director can show it. It ends when its parent does.
import { Memberlist } from '../../src/index.js';
import type { Belief, EventType, FromNode, NodeOptions, ToNode } from './messages.js';

const { name, bindAddr, bindPort, ...options } = JSON.parse(process.argv[2] ?? '{}') as NodeOptions;
let { meta } = options;

const list = await Memberlist.create({
  name,
  bindAddr,
  bindPort,
  delegate: { nodeMeta: () => Buffer.from(meta) },
}).catch((error: unknown) => {
  const { message, code = '' } = error as Error & { code?: string };
  tell({ kind: 'cannot-start', code, message });
  process.exit(1);
});

list.on('join', (node) => noticed('join', node.name));
list.on('leave', (node, reason) => noticed(reason, node.name));
list.on('update', (node) => noticed('update', node.name));
list.on('suspect', (node) => noticed('suspect', node.name));
list.on('recover', (node) => noticed('recover', node.name));

async function obey(order: ToNode): Promise<void> {
  switch (order.kind) {
    case 'join':
      await list.join([order.seed]);
      break;
    case 'set-meta':
      meta = order.meta;
      await list.updateNode();
      break;
    case 'leave':
      await list.leave();
      await list.shutdown();
      tell({ kind: 'has-left' });
      process.disconnect();
      return;
  }
  tellView();
}

// The dead and the departed are no members any more, but the table has them for a while.
const known = new Set<string>();

function tellView(): void {
  for (const node of list.members()) known.add(node.name);
  const beliefs: Record<string, Belief> = {};
  for (const each of known) {
    const node = list.member(each);
    if (node !== undefined) beliefs[each] = { state: node.state, meta: node.meta.toString() };
  }
  tell({ kind: 'view', beliefs });
}

function noticed(type: EventType, about: string): void {
  tell({ kind: 'event', type, about, at: Date.now() });
  tellView();
}

function tell(message: FromNode): void {
  if (process.connected) process.send?.(message);
}

process.on('message', (order: ToNode) => void obey(order));
process.on('disconnect', () => process.exit(0));
// Ctrl-C reaches every process of the terminal; the director decides what it means.
process.on('SIGINT', () => undefined);
tell({ kind: 'ready', address: list.localNode.address });
tellView();

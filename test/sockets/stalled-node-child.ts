/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// One of the nodes of stalled-node.test.ts: does what it is told, and tells what it notices.
import { Memberlist } from '../../src/index.js';

export type ToChild = { readonly join: string } | { readonly blockMs: number };
export type FromChild =
  | { readonly kind: 'ready'; readonly address: string }
  | { readonly kind: 'members'; readonly count: number }
  | { readonly kind: 'unblocked' }
  | { readonly kind: 'event'; readonly type: string; readonly about: string };

const tell = (message: FromChild): void => void process.send?.(message);
const list = await Memberlist.create({
  name: process.argv[2]!,
  bindAddr: '127.0.0.1',
  bindPort: 0,
});
list.on('suspect', ({ name }) => tell({ kind: 'event', type: 'suspect', about: name }));
list.on('recover', ({ name }) => tell({ kind: 'event', type: 'recover', about: name }));
list.on('leave', ({ name }, reason) => tell({ kind: 'event', type: reason, about: name }));
list.on('join', () => tell({ kind: 'members', count: list.numMembers }));
process.on('disconnect', () => process.exit());
process.on('message', (order: ToChild) => {
  if ('join' in order) {
    void list.join([order.join]);
    return;
  }
  const until = performance.now() + order.blockMs;
  while (performance.now() < until);
  tell({ kind: 'unblocked' });
});
tell({ kind: 'ready', address: list.localNode.address });

/*
 * This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/.
 */

// Answers to push/pulls of a large table, when somebody asks often.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedCluster, type MemoryTransport } from '../../src/testing/index.js';
import { encodePushPull } from '../../src/wire/push-pull-codec.js';

const vsn = Buffer.of(1, 5, 2, 0, 0, 0);

function request(members: number, prefix = 'f'): Buffer {
  const records = Array.from({ length: members }, (_, n) => {
    const addr = Buffer.of(10, prefix === 'f' ? 99 : 98, n >> 8, n & 0xff);
    return { name: `${prefix}${n}`, addr, port: 7946, meta: null, incarnation: 1, state: 0, vsn };
  });
  return encodePushPull({ join: false, records, userState: Buffer.alloc(0) });
}

/** The bytes of the answer to a push/pull. */
async function ask(from: MemoryTransport, addr: string, message: Buffer): Promise<Buffer> {
  const connection = await from.dial({ addr }, { timeout: 5_000 });
  await connection.write(message);
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk = await connection.read();
    if (chunk === null) break;
    chunks.push(chunk);
  }
  connection.close();
  return Buffer.concat(chunks);
}

test('two requests for a large table within a moment get the same answer, and one a second later a new one', async () => {
  // Each turn of the event loop takes 5 ms, so that encoding takes time.
  await using cluster = await SimulatedCluster.create({ size: 1, seed: 1, turnMs: 5 });
  const node = cluster.node('n0');
  const { address } = node.localNode;
  const asker = cluster.network.transport('asker');
  await cluster.during(asker.start({ packet: () => undefined, stream: () => undefined }));
  await cluster.during(ask(asker, address, request(20_000)));
  await cluster.run(2_000);
  assert.ok(node.numMembers > 19_000);
  const first = await cluster.during(ask(asker, address, request(0)));
  await cluster.during(ask(asker, address, request(1, 'newcomer')));
  assert.equal(node.member('newcomer0')?.state, 'alive');
  const second = await cluster.during(ask(asker, address, request(0)));
  assert.ok(second.equals(first), 'the second answer was encoded anew');
  await cluster.run(1_000);
  const third = await cluster.during(ask(asker, address, request(0)));
  assert.ok(!third.equals(first), 'the third answer is the first one again');
});
